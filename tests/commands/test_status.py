"""What `wae status` says of a run by what lies in its folder."""

import os
from pathlib import Path

import pytest

from wae.commands.status import run_status

BAR = "mnist/vae/seed0:  17%|#7        | 81/469 [00:00<00:03]"
LOGS = {
    "running": f"resumed at epoch 1, step 2\n{BAR}\r{BAR}",
    "failed": f"{BAR}\nerror: out of memory in stage train (...); lower batch_size or width, or use fewer --cores\n",
    "failed by what nobody foresaw": f'{BAR}\n  File "loop.py", line 3, in step\nRuntimeError: shapes differ\n',
    "failed in a library": "Traceback (most recent call last):\ntorch.cuda.CudaError: unknown\n",
}


@pytest.mark.parametrize("name", LOGS)
def test_a_failed_run_is_not_called_running(name: str, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("epoch,seconds\n1,2.5\n")
    (tmp_path / "train.log").write_text(LOGS[name])
    touched = (tmp_path / "train.log").stat().st_mtime
    found = run_status(tmp_path, "mnist/vae/seed0", 5, touched + 1.0)
    assert (found.state, found.epoch, found.epochs, found.seconds) == (name.split()[0], 1, 5, 2.5)


def test_a_run_is_stopped_once_nothing_was_written_for_two_minutes(tmp_path: Path) -> None:
    assert run_status(tmp_path, "a", 5, 0.0).state == "waiting"
    (tmp_path / "train.log").write_text(BAR)
    os.utime(tmp_path / "train.log", (1000.0, 1000.0))
    assert run_status(tmp_path, "a", 5, 1119.0).state == "running"
    assert run_status(tmp_path, "a", 5, 1121.0).state == "stopped"
