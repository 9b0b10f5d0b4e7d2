import math
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

import wae
from wae.compute.seeds import PURPOSES, Streams
from wae.core.errors import StopSignalError, UserError
from wae.core.files import read_json, write_json
from wae.core.layout import Cell, Layout, RunFolder
from wae.core.seed_streams import SEED_STREAMS
from wae.core.settings import DatasetSettings, ExecutionSettings, RunSettings
from wae.data.source import Dataset, Split, load, prepare
from wae.evaluation.subjects import load_method
from wae.methods.base import Method, build
from wae.planning.config import merge
from wae.planning.plan import Plan, load_plan
from wae.training import checkpoint, trainer
from wae.training import loop as training
from wae.training.run_folder import is_done
from wae.training.trainer import Trainer, snapshot_epochs

CPU = ExecutionSettings(device="cpu")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The noise images, prepared."""
    prepare(DatasetSettings(source="tests.training.test_training:noise", shape=[1, 8, 8]), None, tmp_path / "data")
    return tmp_path / "data"


def noise(root: Path | None) -> Dataset:
    """250 noise images to train, 50 to test, 8x8, without labels."""
    rng = np.random.default_rng(0)
    splits = [Split(rng.integers(0, 256, (count, 1, 8, 8), np.uint8), None) for count in (250, 50)]
    return Dataset(*splits, origin="noise", licence="none")


def a_plan(smoke: dict[str, Any], method: str, **changes: Any) -> Plan:
    settings = {"epochs": 4, "batch_size": 50, "critic_width": 16, "snapshots": 0, **changes}
    changed = {"training": {"cells": {f"digits/{method}": settings}}, "execution": {"device": "cpu"}}
    return load_plan(merge(smoke, changed))


def a_run(smoke: dict[str, Any], method: str = "wae_gan", **changes: Any) -> RunSettings:
    return a_plan(smoke, method, **changes).cells["digits", method, 0]


def contents(folder: Path) -> dict[str, Any]:
    weights = load_file(folder / "weights.safetensors")
    history = pd.read_csv(folder / "history.csv").drop(columns="seconds")
    return {"weights": {k: v.numpy().tobytes() for k, v in weights.items()}, "history": history.to_csv()}


@pytest.mark.parametrize("method", ["vae", "wae_mmd", "wae_gan"])
def test_same_seed_gives_the_same_bits_and_another_seed_does_not(
    smoke: dict[str, Any], data: Path, tmp_path: Path, method: str
) -> None:
    run = a_run(smoke, method)
    for name, chosen in (("a", run), ("b", run), ("c", run.model_copy(update={"seed": 1}))):
        training.train(chosen, data, tmp_path / name, CPU, "code")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


@pytest.mark.parametrize(("schedule", "same"), [("constant", True), ("smooth", False)])
def test_at_a_constant_rate_an_epoch_does_not_depend_on_how_many_follow(
    smoke: dict[str, Any], data: Path, tmp_path: Path, schedule: str, same: bool
) -> None:
    histories = []
    for epochs in (2, 4):
        training.train(a_run(smoke, "vae", epochs=epochs, schedule=schedule), data, tmp_path / str(epochs), CPU, "code")
        histories.append(pd.read_csv(tmp_path / f"{epochs}/history.csv").drop(columns="seconds"))
    assert histories[0].equals(histories[1][:2]) == same


@pytest.mark.parametrize("stream", SEED_STREAMS)
def test_one_stream_with_another_seed_leaves_all_else_of_the_run(
    smoke: dict[str, Any], data: Path, tmp_path: Path, stream: str
) -> None:
    runs = [a_run(smoke, encoder="gaussian", epochs=1, **changes) for changes in ({}, {"seed_stream": stream})]
    firsts = [[value.tolist() for value in build(each).state_dict().values()] for each in runs]
    assert (firsts[0] != firsts[1]) == (stream == "first_weights")
    drawn = [{p: torch.rand(3, generator=Streams(each.seed_for)[p]).tolist() for p in PURPOSES} for each in runs]
    assert {p for p in PURPOSES if drawn[0][p] != drawn[1][p]} == set(SEED_STREAMS[stream])
    for name, each in zip("ab", runs, strict=True):
        training.train(each, data, tmp_path / name, CPU, "code")
    same = contents(tmp_path / "a") == contents(tmp_path / "b")
    assert same == (stream == "samples")


@pytest.mark.parametrize("method", ["vae", "wae_gan"])
def test_the_plain_run_and_that_of_other_samples_train_the_same_bits_on_digits(
    smoke: dict[str, Any], tmp_path: Path, method: str
) -> None:
    run = {"methods": [method], "seeds": [0, 1], "seed_streams": ["data_order", "samples"]}
    config = merge(smoke, {"run": run, "training": {"datasets": {"digits": {"epochs": 1}}}})
    cells = [f"{method}/seed1", f"{method}@seed_stream=samples/seed1", f"{method}@seed_stream=data_order/seed1"]
    for cell in cells:
        wae.train(config, f"digits/{cell}", results=tmp_path)
    plain, samples, order = (contents(tmp_path / "smoke/digits" / cell) for cell in cells)
    assert plain == samples
    assert plain != order


@pytest.mark.parametrize("stream", SEED_STREAMS)
def test_a_stream_that_is_crossed_with_a_held_seed_leaves_the_held_streams(
    smoke: dict[str, Any], data: Path, tmp_path: Path, stream: str
) -> None:
    run = a_run(smoke, encoder="gaussian", epochs=1, seed_stream=stream, held_seed=7)
    runs = [run.model_copy(update={"seed": seed}) for seed in (0, 1)]
    firsts = [[value.tolist() for value in build(each).state_dict().values()] for each in runs]
    assert (firsts[0] != firsts[1]) == (stream == "first_weights")
    drawn = [{p: torch.rand(3, generator=Streams(each.seed_for)[p]).tolist() for p in PURPOSES} for each in runs]
    moved = {p for p in PURPOSES if drawn[0][p] != drawn[1][p]}
    assert moved == set(SEED_STREAMS[stream])
    held = {p: torch.rand(3, generator=Streams(7)[p]).tolist() for p in PURPOSES}
    assert all(drawn[0][p] == held[p] for p in PURPOSES if p not in moved)
    for name, each in zip("ab", runs, strict=True):
        training.train(each, data, tmp_path / name, CPU, "code")
    same = contents(tmp_path / "a") == contents(tmp_path / "b")
    assert same == (stream == "samples")


def test_every_random_stream_of_a_run_can_be_varied() -> None:
    named = [purpose for purposes in SEED_STREAMS.values() for purpose in purposes]
    assert sorted(named) == sorted({*PURPOSES} - {"features"})  # whose classifier has a seed of its own


def test_the_last_batch_is_kept_where_asked(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    run = a_run(smoke, batch_size=80, keep_last_batch=True, epochs=2)
    seen: list[int] = []
    images = torch.from_numpy(load(data, "train").images)
    trainer = Trainer(run, images, torch.device("cpu"))
    trainer.method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    trainer.run(RunFolder(tmp_path), "identity", 60.0, [])
    assert seen == 2 * [80, 80, 80, 10]  # 250 images
    assert [row["step"] for row in trainer.progress.history] == [4, 8]
    assert trainer.record()["images_per_epoch"] == 250
    alone = a_run(smoke, batch_size=83, keep_last_batch=True)
    with pytest.raises(UserError, match="leave a last batch of one"):
        training.train(alone, data, tmp_path / "alone", CPU, "code")
    drawn = a_run(smoke, batch_size=83, keep_last_batch=True, batches="independent", epochs=1)
    training.train(drawn, data, tmp_path / "drawn", CPU, "code")  # every batch is full
    assert read_json(tmp_path / "drawn/run.json")["images_per_epoch"] == 4 * 83


def test_batches_in_the_datas_order_where_asked(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    images = torch.from_numpy(load(data, "train").images)
    trainer = Trainer(a_run(smoke, batches="fixed", epochs=2), images, torch.device("cpu"))
    seen: list[torch.Tensor] = []
    trainer.method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    trainer.run(RunFolder(tmp_path), "identity", 60.0, [])
    steps = 250 // trainer.settings.batch_size
    expected = trainer.method.to_range(images[: steps * trainer.settings.batch_size])
    for epoch in (seen[:steps], seen[steps:]):
        assert torch.equal(torch.cat(epoch), expected)


def test_results_of_a_run(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    run = a_run(smoke, snapshots=3)
    training.train(run, data, tmp_path / "run", CPU, "code")
    record = read_json(tmp_path / "run/run.json")
    assert (record["status"], record["diverged_step"]) == ("finished", None)
    assert (record["epochs"], record["steps"], record["images_per_epoch"]) == (4, 20, 250)
    assert RunSettings.model_validate(read_json(tmp_path / "run/settings.json")) == run
    history = pd.read_csv(tmp_path / "run/history.csv")
    assert list(history["epoch"]) == [1, 2, 3, 4]
    assert list(history["step"]) == [5, 10, 15, 20]
    assert np.allclose(history["loss"], history["reconstruction"] + history["lambda_"] * history["penalty"], rtol=1e-5)
    assert sorted(f.name for f in (tmp_path / "run/snapshots").iterdir()) == [
        f"epoch000{n}.safetensors" for n in (1, 2, 4)
    ]
    assert not (tmp_path / "run/checkpoint.pt").exists()


def test_a_snapshot_leaves_the_critic_out_and_makes_the_same_images(
    smoke: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    run = a_run(smoke, snapshots=1)
    training.train(run, data, tmp_path / "run", CPU, "code")
    last, snapshot = tmp_path / "run/weights.safetensors", tmp_path / "run/snapshots/epoch0004.safetensors"
    critic = {name for name in load_file(last) if name.startswith("critic.")}
    assert critic
    assert set(load_file(snapshot)) == set(load_file(last)) - critic
    whole, light = (load_method(run, weights, torch.device("cpu")) for weights in (last, snapshot))
    z = torch.randn(20, run.training.latent_dim, generator=torch.Generator().manual_seed(0))
    assert torch.equal(whole.decode_images(z), light.decode_images(z))
    save_file({k: v for k, v in load_file(snapshot).items() if not k.startswith("decoder.")}, snapshot)
    with pytest.raises(UserError, match="not the weights of this run"):
        load_method(run, snapshot, torch.device("cpu"))


@pytest.mark.parametrize("names", [["odd", "even"], ["often"] * 4 + ["late"], ["every"] * 5 + ["next_epoch"]])
def test_a_step_that_gives_other_scalars_than_the_first_is_refused(
    smoke: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: list[str]
) -> None:
    made = Trainer(a_run(smoke, "wae_mmd"), torch.from_numpy(load(data, "train").images), torch.device("cpu"))
    left = iter(names)
    monkeypatch.setattr(made.method, "after_step", lambda *_: {next(left): torch.tensor(1.0)})
    message = f"step {len(names)} of WAEMMD gives other scalars than the first step .*return the same names"
    with pytest.raises(UserError, match=message):
        made.run(RunFolder(tmp_path), "identity", 60.0, [])


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


def test_a_thread_of_ones_own_trains_without_handlers(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(training.train, a_run(smoke), data, tmp_path / "thread", CPU, "code").result()
    training.train(a_run(smoke), data, tmp_path / "main", CPU, "code")
    assert contents(tmp_path / "thread") == contents(tmp_path / "main")


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


class signals:  # noqa: N801 - stands for a context manager function
    def __init__(self, stop: list[int]) -> None:
        self.stop = stop

    def __enter__(self) -> list[int]:
        return self.stop

    def __exit__(self, *error: object) -> None:
        pass


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


def wait_for(path: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


def test_a_diverged_run_is_recorded_with_its_step(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    run = a_run(smoke, "wae_mmd", cost_weight=1e6, cost="l2sq", learning_rate=10.0, lambda_=1e9)
    original = Method.to_range
    count = 0

    def poisoned(self: Any, images: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1
        return original(self, images) * (float("nan") if count == 8 else 1.0)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Method, "to_range", poisoned)
        training.train(run, data, tmp_path / "run", CPU, "code")
    record = read_json(tmp_path / "run/run.json")
    assert (record["status"], record["diverged_step"], record["epochs"]) == ("diverged", 7, 2)


def test_data_that_do_not_fit_are_refused(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    training.train(a_run(smoke, batch_size=250, epochs=1), data, tmp_path / "one", CPU, "code")  # 250 images
    assert read_json(tmp_path / "one/run.json")["steps"] == 1
    with pytest.raises(UserError, match="fewer than one batch of 300"):
        training.train(a_run(smoke, batch_size=300), data, tmp_path / "run", CPU, "code")
    other = a_run(smoke).model_copy(update={"shape": [1, 16, 16]})
    with pytest.raises(UserError, match=r"images of shape \[1, 8, 8\]"):
        training.train(other, data, tmp_path / "run", CPU, "code")


def test_validation_images_are_not_trained_on(smoke: dict[str, Any], data: Path) -> None:
    run = a_run(smoke, validation_fraction=0.2)
    assert len(training._training_images(run, data, torch.device("cpu"))) == 200


@pytest.mark.parametrize(
    ("epochs", "count", "expected"), [(100, 0, set()), (100, 3, {1, 10, 100}), (7, 1, {7}), (2, 4, {1, 2})]
)
def test_snapshots_are_spread_evenly_in_the_logarithm(epochs: int, count: int, expected: set[int]) -> None:
    assert snapshot_epochs(epochs, count) == expected


def train_command(plan: Plan, cell: str, data: Path, folder: Path) -> tuple[list[str], Path]:
    """The command that trains a cell on ``data`` below ``folder``, and the run's folder."""
    layout = Layout(folder / "results")
    prepared = layout.data(plan.data_id("digits"))
    prepared.parent.mkdir(parents=True, exist_ok=True)
    prepared.symlink_to(data.resolve())
    write_json(folder / "plan.json", plan.document())
    named = ["--plan", str(folder / "plan.json"), "--cell", cell, "--results", str(layout.results)]
    return [sys.executable, "-m", "wae", "train", *named], plan.folder(layout).run(Cell.parse(cell)).path


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


def test_seconds_are_those_of_the_fit_the_steps_and_the_wait_for_the_device_that_ends_an_epoch(
    smoke: dict[str, Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, processor = count(), count()  # each reading is one second after the last
    clock = SimpleNamespace(
        perf_counter=lambda: next(wall), process_time=lambda: next(processor), monotonic=time.monotonic
    )
    monkeypatch.setattr(trainer, "time", clock)
    training.train(a_run(smoke, epochs=3), data, tmp_path / "run", CPU, "code")
    assert list(pd.read_csv(tmp_path / "run/history.csv")["seconds"]) == [7.0, 13.0, 19.0]  # fit; five steps an epoch
    record = read_json(tmp_path / "run/run.json")
    assert (record["seconds"], record["cpu_seconds"]) == (19.0, 16.0)


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


def test_mixed_precision_is_off_by_default_changes_the_weights_a_little_and_repeats(
    smoke: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    assert a_run(smoke).training.mixed_precision == "off"
    for name, value in (("off", "off"), ("a", "bfloat16"), ("b", "bfloat16")):
        training.train(a_run(smoke, "wae_mmd", mixed_precision=value), data, tmp_path / name, CPU, "code")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    losses = [pd.read_csv(tmp_path / name / "history.csv")["loss"].to_numpy() for name in ("off", "a")]
    assert not np.array_equal(*losses)
    assert np.allclose(*losses, rtol=0.05)


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


def test_weights_that_the_last_step_makes_nan_are_a_diverged_run(
    smoke: dict[str, Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of each step is of the weights before it."""
    trainer = Trainer(a_run(smoke, epochs=2), torch.from_numpy(load(data, "train").images), torch.device("cpu"))
    steps, step = 2 * trainer.steps_per_epoch, trainer.method.step
    taken = []

    def last_is_fatal(*args: Any) -> dict[str, torch.Tensor]:
        scalars = step(*args)
        taken.append(1)
        if len(taken) == steps:
            with torch.no_grad():
                next(trainer.method.decoder.parameters()).fill_(math.nan)
        return scalars

    monkeypatch.setattr(trainer.method, "step", last_is_fatal)
    trainer.run(RunFolder(tmp_path), "identity", 60.0, [])
    assert math.isfinite(trainer.progress.history[-1]["loss"])
    assert trainer.record()["status"] == "diverged"
    assert trainer.record()["diverged_step"] == steps - 1
    with pytest.raises(UserError, match="pixels that are not finite"):
        trainer.method.sample(4, 0)
