"""What the authors' code computes, part by part."""

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from torch import Tensor

from tests.oracle.authors import FIXTURES, channels_first, distance, fill_discriminator, tensor, variables
from tests.shared.models import method, training
from wae.compute.seeds import Streams
from wae.data import torchvision
from wae.evaluation.sharpness import sharpness
from wae.methods.batch import Codes, batch_of
from wae.methods.wae_gan import WAEGAN
from wae.mmd.estimators import mmd_official, mmd_penalty
from wae.models.costs import find_cost
from wae.models.priors import PRIORS
from wae.training.pretraining import moment_loss
from wae.training.schedules import lambda_at, learning_rate_factor


def points(case: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Codes and prior draws of a case of the MMD."""
    n, d = case["n"], case["d"]
    z, prior = 0.7 * RandomState(1).randn(n, d) + 0.3, RandomState(2).randn(n, d)
    if case["prior"] == "uniform":
        z, prior = np.tanh(z), RandomState(2).uniform(-1, 1, (n, d))
    if case["prior"] == "sphere":
        z, prior = (a / np.sqrt((a * a).sum(1, keepdims=True)) for a in (z, prior))
    return tensor(z, grad=True), tensor(prior, grad=True)


@pytest.mark.parametrize("form", [mmd_official, mmd_penalty])
@pytest.mark.parametrize("case", FIXTURES["mmd"], ids=lambda c: f"{c['kernel']}-{c['prior']}-{c['n']}-{c['d']}")
def test_mmd(case: dict[str, Any], form: Any) -> None:
    z, prior = points(case)
    if case["kernel"] == "RBF":
        value = form(z, prior, kernel="rbf", scales=[1.0], base=2 * case["sigma2_k"])
        assert distance(value, case["value"]) < 1e-12
        return
    value = form(z, prior, base=PRIORS[case["prior"]](case["d"], 1.0).kernel_base)
    gradients = torch.autograd.grad(value, (z, prior))
    assert distance(value, case["value"]) < 1e-12
    found = gradients[0].flatten() if case["n"] < 10 else gradients[0][0]
    assert distance(found, case["gradient_codes"]) < 1e-12
    norms = [float(gradient.norm()) for gradient in gradients]
    assert distance(norms, [case["gradient_norm"], case["gradient_prior_norm"]]) < 1e-12


def discriminator(case: dict[str, Any], **changes: Any) -> tuple[WAEGAN, Tensor, Tensor]:
    """A WAE-GAN with the authors' latent discriminator, and codes and prior draws for it."""
    made = method(
        "wae_gan", latent_dim=3, critic_width=5, critic_depth=2, sigma_z=case["sigma_z"],
        critic_prior_trick=case["prior_trick"], **changes,
    )  # fmt: skip
    assert isinstance(made, WAEGAN)
    fill_discriminator(made.critic, variables(FIXTURES["critic_inputs"]["names"], 0.6))
    codes = tensor(0.8 * RandomState(3).randn(6, 3) + 0.2, grad=True)
    return made, codes, tensor(case["sigma_z"] * RandomState(4).randn(6, 3))


def name(case: dict[str, Any]) -> str:
    return f"{'trick' if case['prior_trick'] else 'plain'}-{case['sigma_z']}"


def compare_discriminator(case: dict[str, Any], made: WAEGAN, z: Tensor, prior: Tensor) -> None:
    """Logits, both losses and both gradients."""
    theirs = [np.reshape(case[key], case["logits_shape"]) for key in ("logits_codes", "logits_prior")]
    ours = torch.stack([made.logits(z), made.logits(prior)])
    assert distance(ours, np.reshape(theirs, ours.shape)) < 1e-12
    penalty = made.penalty(batch_of(Codes(z)), Streams(0))
    assert distance(penalty, case["penalty"]) < 1e-12
    assert distance(torch.autograd.grad(penalty, z)[0].flatten(), case["penalty_gradient_codes"]) < 1e-12
    loss = made.critic_loss(made.logits(z.detach()), made.logits(prior))
    assert distance([loss.item(), 10 * loss.item()], [case[f"critic_loss_lambda_{w}"] for w in (1, 10)]) < 1e-12
    gradient = torch.autograd.grad(loss, made.critic[0].weight)[0]
    assert distance(gradient.T.flatten(), case["critic_gradient_h1_W"]) < 1e-12


@pytest.mark.parametrize("case", [c for c in FIXTURES["critic"] if not c["prior_trick"]], ids=name)
def test_latent_discriminator(case: dict[str, Any]) -> None:
    compare_discriminator(case, *discriminator(case))


@pytest.mark.parametrize("case", [c for c in FIXTURES["critic"] if c["prior_trick"]], ids=name)
def test_the_intended_prior_trick_is_the_diagonal_of_theirs(case: dict[str, Any]) -> None:
    made, z, prior = discriminator(case)
    theirs = [np.diag(np.reshape(case[key], case["logits_shape"])) for key in ("logits_codes", "logits_prior")]
    assert distance(torch.stack([made.logits(z), made.logits(prior)]), theirs) < 1e-12
    penalty = made.penalty(batch_of(Codes(z)), Streams(0)).item()
    assert abs(penalty / case["penalty"] - 1) > 1e-4  # their mean is over all pairs


@pytest.mark.parametrize("case", [c for c in FIXTURES["critic"] if c["prior_trick"]], ids=name)
def test_the_authors_prior_trick(case: dict[str, Any]) -> None:
    compare_discriminator(case, *discriminator(case, prior_trick="authors"))


@pytest.mark.parametrize("case", FIXTURES["cost"], ids=lambda c: f"{c['cost']}-{c['minus_one_one']}")
def test_cost(case: dict[str, Any]) -> None:
    x, y = RandomState(6).randint(0, 256, (4, 3, 2, 2)) / 255, RandomState(7).uniform(0, 1, (4, 3, 2, 2))
    if case["minus_one_one"]:
        x, y = (x - 0.5) * 2, (y - 0.5) * 2
    given = tensor(channels_first(y), grad=True)
    factor = {"l2sq": 0.05, "l2": 0.2, "l1": 0.02}[case["cost"]]
    value = factor * find_cost(case["cost"])(given, tensor(channels_first(x)))
    assert distance(value, case["value"]) < 1e-13
    expected = channels_first(np.reshape(case["gradient"], (4, 3, 2, 2)))
    assert distance(torch.autograd.grad(value, given)[0], expected) < 1e-13


def test_loss_of_pretraining() -> None:
    z = tensor(0.6 * RandomState(10).randn(9, 3) + 0.1, grad=True)
    value = moment_loss(z, tensor(RandomState(11).randn(9, 3)))
    assert distance(value, FIXTURES["pretraining"]["value"]) < 1e-13
    assert distance(torch.autograd.grad(value, z)[0].flatten(), FIXTURES["pretraining"]["gradient"]) < 1e-12


@pytest.mark.parametrize("case", FIXTURES["sharpness"], ids=lambda c: str(c["channels"]))
def test_sharpness(case: dict[str, Any]) -> None:
    images = channels_first(RandomState(12).randint(0, 256, (3, 7, 6, case["channels"])).astype(np.uint8))
    each = [sharpness(images[i : i + 1]) for i in range(3)]
    assert distance(each, case["each"]) < 1e-6
    assert distance(4 * np.array(each), case["each_on_minus_one_one"]) < 1e-6


def factors(schedule: str, epochs: int, losses: list[float] | None = None, **changes: Any) -> list[float]:
    """The factor of each epoch."""
    settings = training(schedule=schedule, epochs=epochs, **changes)
    losses = [1.0] * epochs if losses is None else losses
    return [learning_rate_factor(settings, epoch, losses[:epoch]) for epoch in range(epochs)]


def stairs(changes: list[tuple[int, float]], epochs: int) -> np.ndarray:
    """What a value is in each epoch, from the epochs in which it changes."""
    values = np.empty(epochs)
    for epoch, value in changes:
        values[epoch:] = value
    return values


def test_the_papers_schedule() -> None:
    assert distance(factors("paper", 130), stairs(FIXTURES["schedules"]["manual"]["changes"], 130)) < 1e-14


def test_the_smooth_schedule_lowers_the_rate_before_the_first_epoch_there_and_after_it_here() -> None:
    case = FIXTURES["schedules"]["manual_smooth"]
    assert distance(factors("smooth", case["epochs"], smooth_from="first"), case["factors"]) < 1e-13
    assert distance(factors("smooth", case["epochs"]), [1.0, *case["factors"][:-1]]) < 1e-13


def adam_weights(form: str, epsilon_factor: float = 1.0) -> list[list[float]]:
    """The weights after each of the steps on the fixture's gradients."""
    case = FIXTURES["adam"]
    weights = torch.zeros(5, requires_grad=True)
    optimiser = method("wae_mmd", adam=form).adam([weights], case["learning_rate"])
    optimiser.param_groups[0]["eps"] *= epsilon_factor
    found = []
    for _ in range(3):
        weights.grad = tensor(np.array(case["gradients"]))
        optimiser.step()
        found.append(weights.tolist())
    return found


def test_adams_epsilon_meets_the_variance_before_its_bias_is_corrected_there() -> None:
    theirs = FIXTURES["adam"]["weights_after_steps_1_2_3"]
    assert distance(adam_weights("tensorflow"), theirs) < 1e-13
    ours = adam_weights("torch")
    assert ours[0][0] / theirs[0][0] == pytest.approx(28.8, abs=0.1)  # at a gradient of 1e-9
    assert ours[0][4] / theirs[0][4] == pytest.approx(1.0003, abs=1e-4)  # at 1e-3
    assert distance(adam_weights("torch", 1.0 / np.sqrt(1.0 - 0.999))[0], theirs[0]) < 1e-13


@pytest.mark.parametrize("number", range(3))
def test_plateau(number: int) -> None:
    seed, period = ((0, 3), (1, 9), (2, 25))[number]
    losses = 100.0 / (1 + np.arange(300) // period) + RandomState(seed).uniform(0, 0.3, 300)
    expected = stairs(FIXTURES["schedules"]["plateau"][number]["changes"], 300)
    assert distance(factors("plateau", 300, losses.tolist()), expected) < 1e-13


@pytest.mark.parametrize("case", FIXTURES["schedules"]["adaptive_lambda"], ids=lambda c: str(c["steps_per_epoch"]))
def test_adaptive_lambda(case: dict[str, Any]) -> None:
    settings = training(lambda_=case["start"], lambda_schedule="adaptive")
    reconstruction, penalty = case["reconstruction"], case["penalty"]
    found = [lambda_at(settings, reconstruction[:k], penalty[:k], case["steps_per_epoch"]) for k in range(len(penalty))]
    assert distance(found, case["lambda_at_first_step_of_each_epoch"]) < 1e-13


def test_splits_hold_out_the_images_that_theirs_do() -> None:
    held_out = {
        "mnist": torchvision._authors_pooled_split(np.arange(70_000), np.arange(70_000))[0][1],
        "celeba": torchvision.authors_shuffle(202_599)[-20_000:] + 1,  # files are numbered from 1
    }
    for dataset, indices in held_out.items():
        digest = hashlib.sha256(np.sort(indices).astype("<i8").tobytes()).hexdigest()
        assert digest == FIXTURES["splits"][dataset]["sha256_of_sorted_held_out_int64"]
