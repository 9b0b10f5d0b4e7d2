"""Whole kinds of mistakes in a run: a setting that is ignored, a stream of another purpose, another step's numbers."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.shared.models import IMPLEMENTATIONS, images, method
from wae.compute.seeds import PURPOSES, Streams, stream
from wae.core.layout import RunFolder
from wae.core.settings import DatasetSettings, ExecutionSettings, RunSettings, TrainingSettings
from wae.data.source import Dataset, Split, prepare
from wae.methods.base import build
from wae.methods.optimisers import parameters_of
from wae.training import schedules
from wae.training.loop import train
from wae.training.trainer import Trainer

COUNT = 30
CPU = ExecutionSettings(device="cpu")


def waves(root: Path | None) -> Dataset:
    """30 smooth train images of 8 x 8, and 4 to test."""
    train, test = (Split(images(n, seed=n).numpy(), None) for n in (COUNT, 4))
    return Dataset(train, test, "drawn for tests", "none")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("waves") / "data"
    prepare(DatasetSettings(source="tests.training.test_invariants:waves", shape=[1, 8, 8]), None, folder)
    return folder


def run_of(method: str = "wae_mmd", seed: int = 0, **changes: Any) -> RunSettings:
    base: dict[str, Any] = {
        "architecture": "mlp",
        "width": 4,
        "depth": 1,
        "latent_dim": 2,
        "batch_size": 8,
        "epochs": 2,
    }
    if method == "wae_gan":
        base |= {"critic_width": 4, "critic_depth": 2}
    training = TrainingSettings(**{"implementation": IMPLEMENTATIONS[method], **base, **changes})
    return RunSettings(dataset="waves", method="m", seed=seed, shape=[1, 8, 8], training=training)


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def outcome(run: RunSettings, data: Path, out: Path) -> tuple[Any, ...]:
    """All that a run leaves but its seconds."""
    train(run, data, out, CPU, "code")
    weights = {name: tensor.numpy().tobytes() for name, tensor in load_file(out / "weights.safetensors").items()}
    return weights, history(out), sorted(path.name for path in (out / "snapshots").glob("*"))


CONV = {"architecture": "dcgan", "depth": 2, "decoder_depth": 1}
GAUSSIAN = {"encoder": "gaussian"}
SETTINGS: dict[str, tuple[str, dict[str, Any], Any]] = {  # method, what else is set, another value than the default
    "options": ("wae_gan", {}, {"fresh_codes": True}),
    "architecture": ("wae_mmd", {}, "dcgan"),
    "width": ("wae_mmd", {}, 5),
    "depth": ("wae_mmd", {}, 2),
    "decoder_depth": ("wae_mmd", CONV, 2),
    "kernel_size": ("wae_mmd", CONV, 3),
    "hidden": ("wae_mmd", {}, [6]),
    "decoder_hidden": ("wae_mmd", {}, [6]),
    "extra_dense": ("wae_mmd", CONV, 5),
    "decoder_dense": ("wae_mmd", CONV, 5),
    "batch_norm": ("wae_mmd", {}, False),
    "activation": ("wae_mmd", {}, "elu"),
    "dropout": ("wae_mmd", {}, 0.5),
    "initialisation": ("wae_mmd", {}, "glorot"),
    "latent_dim": ("wae_mmd", {}, 3),
    "pixel_range": ("wae_mmd", {}, "minus_one_one"),
    "binarise": ("wae_mmd", {}, "each_draw"),
    "output_bias": ("wae_mmd", {}, "mean_image"),
    "encoder": ("wae_mmd", {}, "pixel_noise"),
    "pixel_noise": ("wae_mmd", {"encoder": "pixel_noise"}, 0.1),
    "encoder_noise": ("wae_mmd", GAUSSIAN, 0.5),
    "noise_draws": ("wae_mmd", GAUSSIAN, "repeated"),
    "encoder_head": ("wae_mmd", GAUSSIAN, "log_sd"),
    "prior": ("wae_mmd", {}, "uniform"),
    "sigma_z": ("wae_mmd", {}, 2.0),
    "cost": ("wae_mmd", {}, "l1"),
    "cost_weight": ("wae_mmd", {}, 0.1),
    "likelihood": ("vae", GAUSSIAN, "gaussian"),
    "lambda_": ("wae_mmd", {}, 2.0),
    "lambda_schedule": ("wae_mmd", {}, "adaptive"),
    "kernel": ("wae_mmd", {}, "rbf"),
    "kernel_scales": ("wae_mmd", {}, [1.0, 3.0]),
    "random_features": ("wae_mmd_rff", {}, 100),
    "projections": ("swae", {}, 3),
    "critic_width": ("wae_gan", {}, 5),
    "critic_depth": ("wae_gan", {}, 1),
    "critic_dropout": ("wae_gan", {}, 0.5),
    "critic_learning_rate": ("wae_gan", {}, 1e-2),
    "critic_prior_trick": ("wae_gan", {}, True),
    "epochs": ("wae_mmd", {}, 3),
    "batch_size": ("wae_mmd", {}, 7),
    "keep_last_batch": ("wae_mmd", {}, True),
    "learning_rate": ("wae_mmd", {}, 2e-3),
    "adam_beta1": ("wae_mmd", {}, 0.9),
    "adam_beta2": ("wae_mmd", {}, 0.9),
    "adam_epsilon": ("wae_mmd", {}, 0.1),
    "adam_second_moment": ("wae_mmd", {}, 1.0),
    "amsgrad": ("wae_mmd", {"adam_beta2": 0.1, "epochs": 4}, True),
    "schedule": ("wae_mmd", {}, "smooth"),
    "stages": ("wae_mmd", {"schedule": "stages", "stages": [[1, 1.0], [1, 0.5]]}, [[1, 0.5], [1, 0.1]]),
    "pretrain_steps": ("wae_mmd", {}, 2),
    "pretrain_samples": ("wae_mmd", {"pretrain_steps": 2}, 9),
    "snapshots": ("wae_mmd", {}, 2),
    "validation_fraction": ("wae_mmd", {}, 0.2),
    "mixed_precision": ("wae_mmd", {}, "bfloat16"),
    "seed_stream": ("wae_mmd", {}, "data_order"),
    "held_seed": ("wae_mmd", {"seed_stream": "data_order"}, 5),
    "authors": ("wae_mmd", {}, True),
    "prior_trick": ("wae_gan", {"critic_prior_trick": True}, "authors"),
    "adam": ("wae_mmd", {"adam_epsilon": 1e-3}, "tensorflow"),
    "running_variance": ("wae_mmd", {}, "biased"),
    "critic_loss_weight": ("wae_gan", {"lambda_": 3.0, "adam_epsilon": 1e-2}, "lambda"),
    "gaussian_floor": ("wae_mmd", GAUSSIAN, 0.1),
    "batches": ("wae_mmd", {}, "independent"),
    "smooth_from": ("wae_mmd", {"schedule": "smooth"}, "first"),
}
SAME_NUMBERS = {"compile", "channels_last"}  # how it is computed, not what: rounding apart
ELSEWHERE = {"implementation"}  # the method itself, tests/methods


def test_no_setting_is_left_out_here() -> None:
    assert set(SETTINGS) | SAME_NUMBERS | ELSEWHERE == set(TrainingSettings.model_fields)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_decides_something(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "LAMBDA_STEPS", 2)
    monkeypatch.setattr(schedules.lambda_at, "__defaults__", (2,))
    method, base, value = SETTINGS[name]
    before = outcome(run_of(method, seed=1, **base), data, tmp_path / "before")
    assert outcome(run_of(method, seed=1, **base), data, tmp_path / "again") == before
    assert outcome(run_of(method, seed=1, **{**base, name: value}), data, tmp_path / "after") != before


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_second_moments_start_from_the_setting_in_every_optimiser_of_every_method(name: str) -> None:
    made = method(name, adam_second_moment=0.25)
    for optimiser in made.optimisers.values():
        for parameter in parameters_of(optimiser):
            assert torch.equal(optimiser.state[parameter]["exp_avg_sq"], torch.full_like(parameter, 0.25))


DRAWN = {  # from which streams a run draws besides that of its first weights
    ("wae_mmd", ()): {"order", "prior"},
    ("wae_mmd", (("encoder", "pixel_noise"),)): {"order", "prior", "noise"},
    ("wae_mmd", (("encoder", "gaussian"),)): {"order", "prior", "noise"},
    ("wae_mmd", (("pretrain_steps", 2),)): {"order", "prior", "pretraining"},
    ("wae_mmd", (("batches", "fixed"),)): {"prior"},
    ("wae_gan", ()): {"order", "prior"},
    ("swae", ()): {"order", "prior"},
    ("wae_mmd_rff", ()): {"order", "prior"},
    ("vae", (("encoder", "gaussian"),)): {"order", "noise"},
    ("ae", ()): {"order"},
}


@pytest.mark.parametrize(("method", "changes"), DRAWN)
def test_a_run_draws_from_the_streams_of_its_purposes_alone(
    method: str, changes: tuple[tuple[str, Any], ...], tmp_path: Path
) -> None:
    run = run_of(method, **dict(changes))
    trainer = Trainer(run, images(COUNT), torch.device("cpu"))
    trainer.run(RunFolder(tmp_path), "identity", 1e9, [])
    fresh, after = Streams(run.seed).state_dict(), trainer.streams.state_dict()
    assert {name for name in PURPOSES if not torch.equal(fresh[name], after[name])} == DRAWN[method, changes]


def brute_force_mmd(z: Tensor, y: Tensor, base: float) -> Tensor:
    """Pair by pair: within-terms over n (n - 1), the cross term over n^2, summed over seven scales."""
    total = z.new_zeros(())
    n = len(z)
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        c = base * scale
        for i in range(n):
            for j in range(n):
                if i != j:
                    total = total + c / (c + (z[i] - z[j]).square().sum()) / (n * (n - 1))
                    total = total + c / (c + (y[i] - y[j]).square().sum()) / (n * (n - 1))
                total = total - 2.0 * c / (c + (z[i] - y[j]).square().sum()) / n**2
    return total


def test_every_number_of_a_toy_run_is_that_of_its_definition(data: Path, tmp_path: Path) -> None:
    """Split, order, batches, draws, loss, schedule, Adam: computed here step by step, without the suite's loop."""
    run = run_of(
        epochs=3, batch_size=6, batch_norm=False, lambda_=2.5, cost_weight=0.3, schedule="stages",
        stages=[[2, 1.0], [1, 0.2]], validation_fraction=0.2, sigma_z=1.5, adam_beta1=0.6, adam_beta2=0.9,
        learning_rate=0.01, snapshots=1, seed=3,
    )  # fmt: skip
    train(run, data, tmp_path, CPU, "code")
    kept = np.sort(np.random.default_rng(20171105).permutation(COUNT)[:24])
    x = torch.from_numpy(images(COUNT, seed=COUNT).numpy()[kept]).float() / 255.0
    method = build(run)
    parameters = dict(method.named_parameters())
    order, draws = stream(3, "order"), stream(3, "prior")
    first = {name: torch.zeros_like(p) for name, p in parameters.items()}
    second = {name: torch.zeros_like(p) for name, p in parameters.items()}
    step, rows = 0, []
    for rate in (0.01, 0.01, 0.002):
        permutation, seen = torch.randperm(24, generator=order), []
        for start in range(0, 24, 6):
            batch = x[permutation[start : start + 6]]
            z = method.encoder(batch)
            y = 1.5 * torch.randn(6, 2, generator=draws)
            back = torch.sigmoid(method.decoder(z))
            reconstruction = 0.3 * (back - batch).square().flatten(1).sum(1).mean()
            penalty = brute_force_mmd(z, y, 2.0 * 2 * 1.5**2)
            loss = reconstruction + 2.5 * penalty
            gradients = torch.autograd.grad(loss, list(parameters.values()))
            step += 1
            with torch.no_grad():
                for (name, p), g in zip(parameters.items(), gradients, strict=True):
                    first[name] = 0.6 * first[name] + 0.4 * g
                    second[name] = 0.9 * second[name] + 0.1 * g * g
                    p.sub_(rate * (first[name] / (1 - 0.6**step)) / ((second[name] / (1 - 0.9**step)).sqrt() + 1e-8))
            seen.append([float(value.detach()) for value in (loss, reconstruction, penalty)])
        rows.append([rate, 2.5, *np.mean(seen, axis=0)])
    found = [
        [float(row[key]) for key in ("learning_rate", "lambda_", "loss", "reconstruction", "penalty")]
        for row in history(tmp_path)
    ]
    np.testing.assert_allclose(found, rows, rtol=2e-5, atol=2e-6)
    assert [(row["epoch"], row["step"]) for row in history(tmp_path)] == [("1", "4"), ("2", "8"), ("3", "12")]
    trained = load_file(tmp_path / "weights.safetensors")
    for name, p in parameters.items():
        torch.testing.assert_close(trained[name], p.detach(), rtol=1e-4, atol=1e-5)


def test_a_snapshot_is_what_a_run_that_ends_there_leaves(data: Path, tmp_path: Path) -> None:
    train(run_of("wae_gan", epochs=4, snapshots=3), data, tmp_path / "long", CPU, "code")
    names = sorted(path.name for path in (tmp_path / "long/snapshots").iterdir())
    assert names == ["epoch0001.safetensors", "epoch0002.safetensors", "epoch0004.safetensors"]
    for epochs in (1, 2, 4):
        train(run_of("wae_gan", epochs=epochs), data, tmp_path / f"{epochs}", CPU, "code")
        short = load_file(tmp_path / f"{epochs}/weights.safetensors")
        snapshot = load_file(tmp_path / f"long/snapshots/epoch{epochs:04d}.safetensors")
        assert snapshot.keys() < short.keys()
        assert all(torch.equal(tensor, short[name]) for name, tensor in snapshot.items())
