"""The training loop: its batches, epochs, files and records."""

import math
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

from tests.shared.training import CPU, a_run, contents
from wae.core.errors import UserError
from wae.core.files import read_json
from wae.core.layout import RunFolder
from wae.core.settings import RunSettings
from wae.data.source import load
from wae.data.split import train_validation_indices
from wae.evaluation.subjects import load_method
from wae.methods.base import Method
from wae.training import loop as training
from wae.training import trainer
from wae.training.trainer import Trainer, snapshot_epochs


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


def test_a_thread_of_ones_own_trains_without_handlers(smoke: dict[str, Any], data: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(training.train, a_run(smoke), data, tmp_path / "thread", CPU, "code").result()
    training.train(a_run(smoke), data, tmp_path / "main", CPU, "code")
    assert contents(tmp_path / "thread") == contents(tmp_path / "main")


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
    expected = load(data, "train").images[train_validation_indices(250, 0.2)[0]]
    assert np.array_equal(training._training_images(run, data, torch.device("cpu")).numpy(), expected)


@pytest.mark.parametrize(
    ("epochs", "count", "expected"), [(100, 0, set()), (100, 3, {1, 10, 100}), (7, 1, {7}), (2, 4, {1, 2})]
)
def test_snapshots_are_spread_evenly_in_the_logarithm(epochs: int, count: int, expected: set[int]) -> None:
    assert snapshot_epochs(epochs, count) == expected


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
