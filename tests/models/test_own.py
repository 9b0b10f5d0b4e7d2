"""Widths, activations and dropout of the built-in networks; networks, priors and costs of one's own."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.shared.models import training
from wae.core.errors import UserError
from wae.core.settings import TrainingSettings
from wae.models.costs import find_cost
from wae.models.layers import Dropout
from wae.models.networks import ImplicitEncoder, Networks, build_decoder, build_encoder, build_networks, codes_width
from wae.models.priors import Prior, build_prior


def names(network: nn.Module) -> list[str]:
    """Each layer's class, with its output width where it has weights."""
    found = []
    for layer in network.children():
        width = getattr(layer, "out_features", getattr(layer, "out_channels", None))
        found.append(type(layer).__name__ + (f" {width}" if width else ""))
    return found


def test_dcgan_of_listed_widths_without_batch_norm_with_dropout_and_a_dense_layer() -> None:
    changes: dict[str, Any] = {"hidden": [5, 7, 9], "decoder_depth": 2, "latent_dim": 3, "batch_norm": False}
    settings = training(**changes, activation="tanh", dropout=0.1, extra_dense=11)
    hidden = [f"SameConv2d {width}" for width in (5, 7, 9)]
    assert names(build_encoder(settings, (1, 8, 8))) == [
        *[name for convolution in hidden for name in (convolution, "Tanh", "Dropout")],
        *("Flatten", "Linear 11", "Tanh", "Linear 3"),
    ]
    assert names(build_decoder(settings, (1, 8, 8))) == [
        *("Linear 11", "Tanh", f"Linear {9 * 2 * 2}", "Tanh", "Unflatten"),
        *("SameConvTranspose2d 7", "Tanh", "Dropout", "SameConvTranspose2d 5", "Tanh", "Dropout"),
        "SameConvTranspose2d 1",
    ]
    own = build_decoder(training(**changes, decoder_hidden=[8, 6, 4]), (1, 8, 8))
    assert names(own) == [
        *(f"Linear {8 * 2 * 2}", "ReLU", "Unflatten", "SameConvTranspose2d 6", "ReLU", "SameConvTranspose2d 4", "ReLU"),
        "SameConvTranspose2d 1",
    ]


def test_mlp_of_listed_widths_is_mirrored_unless_the_decoder_has_its_own() -> None:
    settings = training(architecture="mlp", hidden=[30, 20], latent_dim=3, activation="elu")
    assert names(build_encoder(settings, (1, 8, 8))) == [
        *("Flatten", "Linear 30", "BatchNorm1d", "ELU", "Linear 20", "BatchNorm1d", "ELU", "Linear 3"),
    ]
    assert names(build_decoder(settings, (1, 8, 8))) == [
        *("Linear 20", "ELU", "BatchNorm1d", "Linear 30", "ELU", "BatchNorm1d", "Linear 64", "Unflatten"),
    ]
    own = training(architecture="mlp", hidden=[30, 20], decoder_hidden=[9], batch_norm=False)
    assert names(build_decoder(own, (1, 8, 8))) == ["Linear 9", "ReLU", "Linear 64", "Unflatten"]


def test_dropout_draws_from_its_generator_keeps_the_mean_and_rests_in_evaluation() -> None:
    dropout, x = Dropout(0.3), torch.ones(40_000)
    with pytest.raises(RuntimeError, match="without a generator"):
        dropout(x)
    dropout.generator = torch.Generator().manual_seed(0)
    first, second = dropout(x), dropout(x)
    assert sorted(set(first.tolist())) == pytest.approx([0.0, 1 / 0.7])
    assert float((first == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert not torch.equal(first, second)
    dropout.generator.manual_seed(0)
    assert torch.equal(dropout(x), first)
    assert torch.equal(dropout.eval()(x), x)


def pair(settings: TrainingSettings, shape: tuple[int, ...]) -> Networks:
    """A linear encoder and decoder."""
    size = math.prod(shape)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, codes_width(settings)))
    return Networks(encoder, nn.Sequential(nn.Linear(settings.latent_dim, size), nn.Unflatten(1, shape)))


def too_wide(settings: TrainingSettings, shape: tuple[int, ...]) -> Networks:
    """Its encoder gives a number too many."""
    return pair(settings.model_copy(update={"latent_dim": settings.latent_dim + 1}), shape)


def flat(settings: TrainingSettings, shape: tuple[int, ...]) -> Networks:
    """Its decoder gives vectors."""
    return Networks(pair(settings, shape).encoder, nn.Linear(settings.latent_dim, 64))


def narrow(settings: TrainingSettings, shape: tuple[int, ...]) -> Networks:
    """Its encoder cannot take the images."""
    return Networks(nn.Linear(5, 3), pair(settings, shape).decoder)


def silent(settings: TrainingSettings, shape: tuple[int, ...]):  # type: ignore[no-untyped-def]
    """Says nothing of what it returns."""
    return pair(settings, shape)


@pytest.mark.parametrize("encoder", ["deterministic", "gaussian", "implicit"])
def test_networks_of_a_function_of_ones_own(encoder: str) -> None:
    settings = training(architecture="tests.models.test_own:pair", encoder=encoder, latent_dim=3)
    built = build_networks(settings, (1, 8, 8))
    assert built.encoder(torch.zeros(2, 1, 8, 8)).shape == (2, 6 if encoder == "gaussian" else 3)
    assert isinstance(built.encoder, ImplicitEncoder) == (encoder == "implicit")
    assert built.encoder.training


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("too_wide", r"the encoder gives \(2, 4\) for an input of shape \(2, 1, 8, 8\), need \(2, 3\)"),
        ("flat", r"the decoder gives \(2, 64\) for an input of shape \(2, 3\), need \(2, 1, 8, 8\)"),
        ("narrow", r"the encoder fails on an input of shape \(2, 1, 8, 8\) \(mat1 and mat2 .*it must give \(2, 3\)"),
        ("silent", "annotate it with `-> Networks`"),
        ("missing", "unknown name"),
    ],
)
def test_networks_that_do_not_fit_are_refused_in_one_line(name: str, message: str) -> None:
    settings = training(architecture=f"tests.models.test_own:{name}", latent_dim=3)
    with pytest.raises(UserError, match=message) as caught:
        build_networks(settings, (1, 8, 8))
    assert "\n" not in str(caught.value)


def halved(x_hat: Tensor, x: Tensor) -> Tensor:
    """Half the squared error."""
    return 0.5 * (x_hat - x).square().flatten(1).sum(1).mean()


def test_a_cost_of_ones_own() -> None:
    x_hat, x = torch.rand(2, 5, 1, 4, 4)
    found = find_cost("tests.models.test_own:halved")(x_hat, x)
    torch.testing.assert_close(found, 0.5 * find_cost("l2sq")(x_hat, x))
    with pytest.raises(UserError, match="annotate it with `-> Tensor`"):
        find_cost("tests.models.test_own:silent")


class Shifted(Prior):
    """N(1, sigma^2 I): the least that a prior of one's own defines."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return 1.0 + self.sigma * torch.randn(n, self.dim, generator=generator)


def test_a_prior_of_ones_own_needs_to_sample_only() -> None:
    prior = build_prior(training(prior="tests.models.test_own:Shifted", latent_dim=3, sigma_z=2.0))
    assert isinstance(prior, Shifted)
    assert prior.sample(5, torch.Generator()).shape == (5, 3)
    assert prior.kernel_base == 24.0
    with pytest.raises(UserError, match="Shifted defines no log_density, which critic_prior_trick"):
        prior.log_density(torch.zeros(1, 3))
    with pytest.raises(UserError, match=r"is no subclass of wae\.models\.priors\.Prior"):
        build_prior(training(prior="tests.models.test_own:pair"))
