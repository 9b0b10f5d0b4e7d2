"""Runs that are stopped, killed, waited for or found finished."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.shared.training import CPU, a_plan, a_run, contents
from wae.core.errors import StopSignalError
from wae.core.files import read_json, write_json
from wae.core.layout import Cell, Layout, RunFolder
from wae.core.settings import RunSettings
from wae.planning.plan import Plan
from wae.training import checkpoint
from wae.training import loop as training
from wae.training.run_folder import is_done


class StopAfter(list[int]):
    """Truthy, as a received signal is, from the given number of looks on."""

    def __init__(self, looks: int) -> None:
        super().__init__([signal.SIGTERM])
        self.looks = looks

    def __bool__(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def train_until_stopped(run: RunSettings, data: Path, out: Path, steps: int) -> None:
    """Train ``run`` in ``out`` until a signal stops it in the given step, with its checkpoint saved."""
    stop = StopAfter(2 * steps - 2)  # the loop looks twice a step, and saves at the first look
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "_stop_signals", lambda: signals(stop))
        with pytest.raises(StopSignalError, match="SIGTERM"):
            training.train(run, data, out, CPU, "code")


class signals:  # noqa: N801 - stands for a context manager function
    def __init__(self, stop: list[int]) -> None:
        self.stop = stop

    def __enter__(self) -> list[int]:
        return self.stop

    def __exit__(self, *error: object) -> None:
        pass


def train_command(plan: Plan, cell: str, data: Path, folder: Path) -> tuple[list[str], Path]:
    """The command that trains a cell on ``data`` below ``folder``, and the run's folder."""
    layout = Layout(folder / "results")
    prepared = layout.data(plan.data_id("digits"))
    prepared.parent.mkdir(parents=True, exist_ok=True)
    prepared.symlink_to(data.resolve())
    write_json(folder / "plan.json", plan.document())
    named = ["--plan", str(folder / "plan.json"), "--cell", cell, "--results", str(layout.results)]
    return [sys.executable, "-m", "wae", "train", *named], plan.folder(layout).run(Cell.parse(cell)).path


def wait_for(path: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("method", ["vae", "wae_gan"])
@pytest.mark.parametrize("steps", [1, 7, 10, 19])
def test_stopped_at_any_step_it_goes_on_to_the_same_bits(
    smoke: dict[str, Any], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str, steps: int
) -> None:
    run = a_run(smoke, method, schedule="smooth")
    training.train(run, data, tmp_path / "whole", CPU, "code")
    train_until_stopped(run, data, tmp_path / "cut", steps)
    assert not (tmp_path / "cut/weights.safetensors").exists()
    training.train(run, data, tmp_path / "cut", CPU, "code")
    epoch, step = divmod(steps - 1, 5)  # five steps an epoch
    assert f"resumed at epoch {epoch}, step {step + 1}\n" in capsys.readouterr().err
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")


def test_a_run_that_goes_on_with_other_threads_says_so(
    smoke: dict[str, Any], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(smoke)
    train_until_stopped(run, data, tmp_path / "run", 7)
    assert "other conditions" not in capsys.readouterr().err
    try:
        training.train(run, data, tmp_path / "run", CPU.model_copy(update={"threads": 2}), "code")
    finally:
        torch.set_num_threads(1)
    assert "other conditions (threads, torch, processor or device)" in capsys.readouterr().err
    found = read_json(tmp_path / "run/run.json")["conditions"]
    assert [(part["from_step"], part["threads"]) for part in found] == [(0, 1), (7, 2)]
    assert {(part["torch"], part["device"]) for part in found} == {(str(torch.__version__), "cpu")}


def test_a_finished_run_of_other_settings_is_not_replaced_without_a_word(
    smoke: dict[str, Any], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training.train(a_run(smoke), data, tmp_path / "run", CPU, "code")
    assert "trained again" not in capsys.readouterr().err
    training.train(a_run(smoke, epochs=2), data, tmp_path / "run", CPU, "code 2")
    assert "a finished run of other settings and code is here; it is trained again" in capsys.readouterr().err


def test_a_run_stopped_in_pretraining_begins_it_again(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    run = a_run(smoke, "wae_mmd", pretrain_steps=5, pretrain_samples=20, sigma_z=50.0)
    training.train(run, data, tmp_path / "whole", CPU, "code")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "_stop_signals", lambda: signals(StopAfter(3)))
        with pytest.raises(StopSignalError, match="in pre-training, before its step 4"):
            training.train(run, data, tmp_path / "cut", CPU, "code")
    assert not (tmp_path / "cut/checkpoint.pt").exists()
    training.train(run, data, tmp_path / "cut", CPU, "code")
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")


def test_a_checkpoint_of_other_sources_is_not_used(
    smoke: dict[str, Any], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(smoke)
    checkpoint.save(tmp_path / "run/checkpoint.pt", "other", {"epoch": 3})
    training.train(run, data, tmp_path / "run", CPU, "code")
    assert "of other settings, sources or images; discarded" in capsys.readouterr().err


def test_sigterm_saves_and_the_same_command_goes_on(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    plan = a_plan(smoke, "wae_mmd", epochs=150)
    training.train(plan.cells["digits", "wae_mmd", 0], data, tmp_path / "whole", CPU, "code")
    command, out = train_command(plan, "digits/wae_mmd/seed0", data, tmp_path)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for(out / "history.csv")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert "the checkpoint is saved" in errors
    assert "Traceback" not in errors
    subprocess.run(command, check=True, capture_output=True)
    assert contents(tmp_path / "whole") == contents(out)


def test_a_second_process_waits_for_the_first_and_takes_what_it_made(
    smoke: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    plan = a_plan(smoke, "wae_mmd", epochs=300)
    command, out = train_command(plan, "digits/wae_mmd/seed0", data, tmp_path)
    with (tmp_path / "first.log").open("w", encoding="utf-8") as file:
        first = subprocess.Popen(command, stderr=file)
    wait_for(out / "history.csv")
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.wait() == 0
    assert second.returncode == 0, second.stderr
    assert "is at this job already; waiting for it to end" in second.stderr
    assert "this run is finished with the same settings and code; nothing to do" in second.stderr
    assert "step/s" not in second.stderr
    record = read_json(out / "run.json")
    assert record["epochs"] == 300
    log = (tmp_path / "first.log").read_text(encoding="utf-8")
    assert f"{record['steps']}/{record['steps']} [" in log
    assert log.isascii()  # a log is read in any terminal and locale
    assert 0.0 < record["cpu_seconds"] < 1.5 * record["seconds"]  # one thread


def test_what_another_code_made_meanwhile_is_not_taken(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    run = a_run(smoke)
    training.train(run, data, tmp_path / "run", CPU, "code")
    identity = read_json(tmp_path / "run/run.json")["identity"]
    assert is_done(RunFolder(tmp_path / "run"), identity)
    assert not is_done(RunFolder(tmp_path / "run"), identity[::-1])
    (tmp_path / "run/weights.safetensors").unlink()
    assert not is_done(RunFolder(tmp_path / "run"), identity)


def test_half_written_files_of_a_killed_process_are_cleared(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    for name in (".unfinished.abc.checkpoint.pt", "snapshots/.unfinished.xyz.epoch0001.safetensors"):
        (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / name).write_bytes(b"half")
    training.train(a_run(smoke), data, tmp_path / "run", CPU, "code")
    assert not list((tmp_path / "run").rglob(".*"))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_a_compiled_run_resumes_to_the_same_bits_and_is_read_back_uncompiled(
    smoke: dict[str, Any], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not a_run(smoke).training.compile
    run = a_run(smoke, "wae_gan", compile=True)  # whose step needs its graph twice
    training.train(run, data, tmp_path / "whole", CPU, "code")
    train_until_stopped(run, data, tmp_path / "cut", 7)
    training.train(run, data, tmp_path / "cut", CPU, "code")
    assert "resumed at epoch 1, step 2\n" in capsys.readouterr().err
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    plain = a_run(smoke, "wae_gan")
    training.train(plain, data, tmp_path / "plain", CPU, "code")
    assert contents(tmp_path / "plain")["weights"].keys() == contents(tmp_path / "cut")["weights"].keys()
    losses = [pd.read_csv(tmp_path / name / "history.csv")["loss"].to_numpy() for name in ("whole", "plain")]
    assert np.allclose(*losses, rtol=0.02)
