"""The authors' networks with weights drawn alike: codes, images and running moments."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from torch import nn

from tests.oracle.authors import FIXTURES, as_array, channels_first, distance, fill, norms, tensor, variables
from tests.shared.models import training
from wae.models.networks import build_decoder, build_encoder

CASES = pytest.mark.parametrize("case", FIXTURES["networks"], ids=lambda c: c["name"])


def networks(case: dict[str, Any], **changes: Any) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of a case, with the authors' variables."""
    height, width, channels = case["shape"]
    depth, filters = case["encoder_layers"], case["encoder_filters"]
    if case["name"] == "mlp":
        settings = training(
            "vae", architecture="mlp", width=filters, depth=depth, decoder_depth=case["decoder_layers"], latent_dim=3,
            **changes,
        )  # fmt: skip
    else:
        settings = training(
            width=filters // 2 ** (depth - 1), depth=depth, decoder_depth=case["decoder_layers"] - 1, latent_dim=3,
            kernel_size=case["kernel"], pixel_range="minus_one_one" if case["name"] == "celeba" else "zero_one",
            **changes,
        )  # fmt: skip
    shape = (channels, height, width)
    encoder, decoder = build_encoder(settings, shape), build_decoder(settings, shape)
    fill(encoder, decoder, variables(case["names"], 0.3), shape)
    return encoder, decoder


def inputs(case: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images in the network's range, and codes."""
    images = RandomState(20).randint(0, 256, (4, *case["shape"])) / 255
    images = (images - 0.5) * 2 if case["name"] == "celeba" else images
    return tensor(channels_first(images)), tensor(RandomState(21).randn(4, 3))


@CASES
def test_networks(case: dict[str, Any]) -> None:
    encoder, decoder = networks(case)
    x, z = inputs(case)
    height, width = x.shape[-2:]
    activate = torch.tanh if case["name"] == "celeba" else torch.sigmoid
    for mode in ("eval", "training"):
        encoder.train(mode == "training"), decoder.train(mode == "training")
        with torch.no_grad():
            codes, logits = encoder(x), decoder(z)
        assert distance(codes.flatten(), case[f"{mode}_codes"]) < 1e-11
        expected = [case[f"{mode}_logits_norm"], case[f"{mode}_pixels_norm"]]
        assert distance([float(logits.norm()), float(activate(logits).norm())], expected) < 1e-12
        places = ((0, 0, 0), (0, -1, -1), (0, height // 2, width // 2 - 1), (-1, height // 2, width // 2))
        found = torch.stack([logits[:, c, i, j] for c, i, j in places]).flatten()
        assert distance(found, case[f"{mode}_logits_corner_and_centre"]) < 1e-11


def moments(case: dict[str, Any], **changes: Any) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Running mean, theirs, running variance, theirs, after a pass in training mode; one row per layer."""
    networks_ = networks(case, **changes)
    theirs, rows = case["moments_after_one_training_pass"], []
    for network, given, scope in zip(networks_, inputs(case), ("encoder", "generator"), strict=True):
        network.train()(given)
        for i, layer in enumerate(norms(network)):
            name = f"{scope}/h{i}_bn/moving_"
            found = as_array(layer.running_mean), as_array(layer.running_var)
            rows.append((found[0], theirs[f"{name}mean"], found[1], theirs[f"{name}variance"]))
    return rows


@CASES
def test_running_means(case: dict[str, Any]) -> None:
    for mean, theirs, _, _ in moments(case):
        assert distance(mean, theirs) < 1e-7


@CASES
def test_biased_running_variances(case: dict[str, Any]) -> None:
    for _, _, variance, theirs in moments(case, running_variance="biased"):
        assert distance(variance, theirs) < 1e-7


@CASES
def test_running_variances_are_of_the_population_here_and_of_the_sample_there(case: dict[str, Any]) -> None:
    old = variables(case["names"], 0.3)
    names = [name for name, _ in case["names"] if name.endswith("moving_variance")]
    for name, (_, _, variance, theirs) in zip(names, moments(case), strict=True):
        own, their_own = variance - 0.9 * old[name], np.array(theirs) - 0.9 * old[name]
        ratio = np.median(own / their_own)
        n = ratio / (ratio - 1)
        assert abs(n / round(n) - 1) < 0.05
        assert round(n) % 4 == 0  # 4 images, times pixels
