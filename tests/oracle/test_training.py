"""Whole training with the authors' forms, step by step, and what each form changes by itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from torch import Tensor, nn

from tests.oracle.authors import (
    FIXTURES,
    as_array,
    channels_first,
    distance,
    fill,
    fill_discriminator,
    norms,
    tensor,
    variables,
)
from tests.shared.models import images, method, training
from wae.compute.seeds import Streams
from wae.core.layout import RunFolder
from wae.core.settings import AUTHORS, RunSettings, TrainingSettings
from wae.methods import autoencoder
from wae.methods.batch import Codes, batch_of
from wae.models.layers import SameConv2d, SameConvTranspose2d
from wae.training import pretraining
from wae.training.trainer import Trainer

CASES = pytest.mark.parametrize("case", FIXTURES["training"], ids=lambda c: c["method"])
SHAPE = (1, 28, 28)


def trainer_of(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Trainer:
    """A training run whose weights, batches, prior draws and pixel noise are those of the authors' run."""
    o = case["options"]
    options = {"fresh_codes": True} if case["method"] == "wae_gan" else {}
    settings = training(
        case["method"], width=o["e_num_filters"] // 8, depth=4, decoder_depth=2, kernel_size=4, latent_dim=o["zdim"],
        encoder="pixel_noise", lambda_=o["lambda"], learning_rate=o["lr"], adam_beta1=o["adam_beta1"],
        critic_learning_rate=o["lr_adv"], critic_width=o["d_num_filters"], critic_depth=o["d_num_layers"],
        batch_size=o["batch_size"], epochs=o["epoch_num"], pretrain_steps=200,
        pretrain_samples=o["e_pretrain_sample_size"], options=options, **{"authors": True, **changes},
    )  # fmt: skip
    order, prior, noise = RandomState(11), RandomState(12), RandomState(13)
    data = channels_first(RandomState(14).randint(0, 256, (40, 28, 28, 1)).astype(np.uint8))
    run = RunSettings(dataset="d", method=case["method"], seed=0, shape=list(SHAPE), training=settings)
    trainer = Trainer(run, torch.from_numpy(data), torch.device("cpu"))
    made = trainer.method
    given = variables(case["names"], 0.1)
    fill(made.encoder, made.decoder, given, SHAPE)
    if case["method"] == "wae_gan":
        fill_discriminator(made.get_submodule("critic"), given)

    def pixel_noise(shape: torch.Size, *_: Any) -> Tensor:
        n, c, h, w = shape
        k = n * c * h * w
        draws = 0.01 * noise.uniform(-2, 2, 2 * k + 10)[:k].reshape(n, h, w, c)
        return tensor(channels_first(draws.astype(np.float32)))  # rounded as theirs was

    monkeypatch.setattr(made.prior, "sample", lambda n, _: tensor(prior.randn(n, o["zdim"])))
    monkeypatch.setattr(autoencoder, "truncated_normal", pixel_noise)
    monkeypatch.setattr(torch, "randperm", lambda n, **_: torch.from_numpy(order.permutation(n)))
    return trainer


def course(trainer: Trainer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Losses of pre-training, and the scalars of every step, of a whole run by the project's own loop."""
    found: dict[str, list[Any]] = {"pretraining": [], "losses": [], "critic": []}
    pretrain, step = pretraining.pretrain, trainer.method.step

    def spied(*arguments: Any) -> dict[str, Tensor]:
        scalars = step(*arguments)
        found["losses"].append([float(scalars[name]) for name in ("loss", "reconstruction", "penalty")])
        found["critic"] += [float(scalars["critic"])] if "critic" in scalars else []
        return scalars

    def noted(*arguments: Any) -> list[float]:
        found["pretraining"] += (losses := pretrain(*arguments))
        return losses

    monkeypatch.setattr(pretraining, "pretrain", noted)
    monkeypatch.setattr(trainer.method, "step", spied)
    trainer.run(RunFolder(folder), "identity", 1e9, [])
    return found


def named(encoder: nn.Module, decoder: nn.Module) -> dict[str, Tensor]:
    """Weights and running moments by the authors' names; their order within a variable may differ."""
    found: dict[str, Tensor] = {}
    for scope, network, kind, suffix in (
        ("encoder", encoder, SameConv2d, "conv"), ("generator", decoder, SameConvTranspose2d, "deconv")
    ):  # fmt: skip
        layers = [layer for layer in network.children() if isinstance(layer, kind)]
        for i, layer in enumerate(layers):
            name = "hfinal" if scope == "generator" and i == len(layers) - 1 else f"h{i}"
            found |= {f"{scope}/{name}_{suffix}/filter": layer.weight, f"{scope}/{name}_{suffix}/b": layer.bias}
        for i, norm in enumerate(norms(network)):
            names = {"gamma": norm.weight, "beta": norm.bias}
            names |= {"moving_mean": norm.running_mean, "moving_variance": norm.running_var}
            found |= {f"{scope}/h{i}_bn/{name}": value for name, value in names.items()}
        (linear,) = (layer for layer in network.children() if isinstance(layer, nn.Linear))
        name = "hfinal" if scope == "encoder" else "h0"
        found |= {f"{scope}/{name}_lin/W": linear.weight, f"{scope}/{name}_lin/b": linear.bias}
    return found


@CASES
def test_training_is_theirs_at_every_step(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(case, monkeypatch)
    found = course(trainer, tmp_path, monkeypatch)
    assert distance(found["pretraining"], case["pretraining"]) < 1e-10
    relative = np.abs(np.array(found["losses"]) / case["loss_reconstruction_penalty"] - 1)
    assert relative.shape == (12, 3)
    assert relative.max() < 1e-10
    if case["method"] == "wae_gan":
        assert distance(case["options"]["lambda"] * np.array(found["critic"]), case["critic_times_lambda"]) < 1e-10
    ours = named(trainer.method.encoder, trainer.method.decoder)
    theirs = {name: value for name, value in case["final_sums"].items() if not name.startswith("z_adversary")}
    assert set(ours) == set(theirs)
    for name, tensor_ in ours.items():
        value = as_array(tensor_)
        assert [value.sum(), np.sqrt((value**2).sum())] == pytest.approx(theirs[name], rel=1e-6, abs=1e-7), name


@CASES
@pytest.mark.parametrize("form", ["adam", "batches", "running_variance", "critic_loss_weight"])
def test_training_without_one_of_their_forms_is_another(
    case: dict[str, Any], form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = TrainingSettings.model_fields[form].default
    trainer = trainer_of(case, monkeypatch, **{form: default})
    found = course(trainer, tmp_path, monkeypatch)
    apart = float(np.abs(np.array(found["losses"]) / case["loss_reconstruction_penalty"] - 1).max())
    unmoved = form == "running_variance" or (form == "critic_loss_weight" and case["method"] == "wae_mmd")
    assert apart < 1e-10 if unmoved else apart > 1e-8
    if form == "running_variance":  # training does not read it; codes in evaluation do
        variance = named(trainer.method.encoder, trainer.method.decoder)["encoder/h3_bn/moving_variance"]
        theirs = case["final_sums"]["encoder/h3_bn/moving_variance"][0]
        assert 1.01 < float(variance.sum()) / theirs < 1.03  # 40 numbers a channel: 40 / 39, but for the first value


def test_the_preset_fills_what_is_not_set() -> None:
    chosen = training(authors=True, adam="torch").model_dump()
    assert {name: chosen[name] for name in AUTHORS} == AUTHORS | {"adam": "torch"}
    assert not any(training().model_dump()[name] == form for name, form in AUTHORS.items())
    assert TrainingSettings(**chosen).model_dump() == chosen


def test_the_latent_discriminators_loss_times_lambda() -> None:
    gradients = []
    for weight in ("one", "lambda"):
        made = method("wae_gan", critic_loss_weight=weight, lambda_=7.0)
        made.optimisers["critic"] = torch.optim.SGD(made.get_submodule("critic").parameters(), lr=0.0)
        codes = Codes(torch.linspace(-2.0, 2.0, 32).view(8, 4))
        loss = made.after_step(batch_of(codes), Streams(0))["critic"]
        gradients.append(torch.cat([p.grad.flatten() for p in made.get_submodule("critic").parameters()]))
        assert 0.1 < float(loss) < 3.0  # the history has it without the weight
    assert distance(gradients[1], 7.0 * gradients[0]) < 1e-13


def test_a_gaussian_encoders_floor() -> None:
    spreads = {}
    for floor in (0.0, 1e-8, 0.5):
        made = method("vae", gaussian_floor=floor)
        x = made.to_range(images(4))
        codes = made.encode(x, Streams(0))
        epsilon = torch.randn(codes.z.shape, generator=Streams(0)["noise"])
        assert codes.mean is not None
        assert codes.log_variance is not None
        spreads[floor] = (codes.z - codes.mean) / epsilon
        assert distance(spreads[floor], torch.sqrt(floor + codes.log_variance.exp())) < 1e-12
    assert 0 < distance(spreads[1e-8], spreads[0.0]) < 1e-7


def test_batches_of_a_permutation_and_independent_ones(tmp_path: Path) -> None:
    for form in ("permutation", "independent"):
        settings = training(width=2, depth=1, decoder_depth=1, latent_dim=2, batch_size=10, batches=form)
        run = RunSettings(dataset="d", method="wae_mmd", seed=0, shape=[1, 4, 4], training=settings)
        trainer = Trainer(run, torch.zeros(1000, 1, 4, 4, dtype=torch.uint8), torch.device("cpu"))
        order = trainer._epoch_order()
        assert len(order) == 1000
        assert all(len(set(batch.tolist())) == 10 for batch in order.split(10))
        share = len(set(order.tolist())) / 1000
        assert share == 1.0 if form == "permutation" else abs(share - (1 - 0.99**100)) < 0.03  # 0.63
        assert not torch.equal(order, trainer._epoch_order())
