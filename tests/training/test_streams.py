"""What the seed of a run decides, and what each of its random streams does."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import wae
from tests.shared.training import CPU, a_run, contents
from wae.compute.seeds import PURPOSES, Streams
from wae.core.seed_streams import SEED_STREAMS
from wae.methods.base import build
from wae.planning.config import merge
from wae.training import loop as training


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
