"""What `wae status` says of a run by what lies in its folder."""

import os
from pathlib import Path
from typing import Any

import pytest

from wae.commands.status import plan_status, print_status, remaining_seconds, run_status
from wae.core.errors import UserError
from wae.core.files import write_json
from wae.planning.config import merge
from wae.planning.jobs import run_settings
from wae.planning.plan import load_plan

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


def test_what_is_left_is_told_by_the_epochs_and_not_by_what_came_before_the_first(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("epoch,seconds\n1,61\n2,62\n3,63.5\n")
    (tmp_path / "train.log").write_text(BAR)
    found = run_status(tmp_path, "mnist/vae/seed0", 103, (tmp_path / "train.log").stat().st_mtime)
    assert (found.seconds, found.pace) == (63.5, 1.25)
    assert remaining_seconds([found]) == pytest.approx(125.0)
    (tmp_path / "history.csv").write_text("epoch,seconds\n2,61\n")
    assert run_status(tmp_path, "mnist/vae/seed0", 103, 0.0).pace == 30.5


@pytest.mark.parametrize(("trained", "state", "epochs"), [(3, "trained", 3), (2, "waiting", 0)])
def test_a_finished_run_of_other_settings_is_still_to_be_trained(
    smoke: dict[str, Any], tmp_path: Path, trained: int, state: str, epochs: int
) -> None:
    layer = {"datasets": {"digits": {"epochs": 3}}}
    plan = load_plan(merge(smoke, {"run": {"methods": ["vae"], "seeds": [0]}, "training": layer}))
    write_json(tmp_path / "plan.json", plan.document(), sealed=True)
    done = plan.runs[0].model_copy(update={"training": plan.runs[0].training.model_copy(update={"epochs": trained})})
    run = tmp_path / "digits/vae/seed0"
    write_json(run / "run.json", {"status": "finished", "made_from": {"settings": run_settings(done)}})
    (run / "history.csv").write_text(f"epoch,seconds\n{trained},2.5\n")
    (found,) = plan_status(tmp_path / "plan.json", 0.0)
    assert (found.state, found.epoch, found.epochs) == (state, epochs, 3)
    (run / "checkpoint.pt").touch()
    (found,) = plan_status(tmp_path / "plan.json", (run / "checkpoint.pt").stat().st_mtime)
    assert found.state == ("trained" if trained == 3 else "running")


RUN = '{"dataset": "digits", "method": "vae", "seed": 0, "training": {"epochs": 3}}'
HISTORIES = (
    b"a,b\n1,2\n",
    b"epoch,seconds\n1\n",
    b"epoch,seconds\nx,nan\n",
    b"epoch,seconds\n1,inf\n",
    b"\xff\xfe",
    b"\0\n\0",
)


@pytest.mark.parametrize("content", HISTORIES)
def test_a_damaged_history_is_one_line(content: bytes, tmp_path: Path) -> None:
    run = tmp_path / "e/digits/vae/seed0"
    run.mkdir(parents=True)
    (tmp_path / "e/plan.json").write_text(f'{{"runs": [{RUN}]}}')
    (run / "history.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"history\.csv: damaged: .*; delete it and train the run again") as caught:
        print_status(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", ["", "a,b\n", "epoch,seconds\n"])
def test_a_history_without_rows_is_of_a_run_that_begins(content: str, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(content)
    assert run_status(tmp_path, "a", 5, 0.0).epoch == 0


PLANS = {
    "{}": "runs: missing",
    "[]": "need a map",
    '{"runs": 5}': "runs: found 5: need a list",
    '{"runs": [5]}': "need a map",
    '{"runs": [{}]}': r"runs\.0\.dataset: missing",
    f'{{"runs": [{RUN}]}}'.replace("vae", "../x"): "need a method's name",
    f'{{"runs": [{RUN}]}}'.replace('{"epochs": 3}', "{}"): r"training\.epochs: missing",
    f'{{"runs": [{RUN}]}}'.replace("3", '"3"'): r"training\.epochs: found '3'",
}


@pytest.mark.parametrize("text", PLANS)
def test_a_plan_of_another_form_is_said_in_lines(text: str, tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e/plan.json").write_text(text)
    with pytest.raises(UserError, match=PLANS[text]):
        print_status(tmp_path)
