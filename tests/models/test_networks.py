import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.shared.models import CELEBA, MNIST, training
from wae.core.widths import critic_weights, network_weights
from wae.models import layers, networks
from wae.models.costs import COSTS
from wae.models.discriminator import build_critic
from wae.planning.plan import load_plan

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (2, 12, 20)]


def same_convolution(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's documented "SAME" rule, position by position: x (C, H, W), weight (C', C, k, k)."""
    outputs, _, k, _ = weight.shape
    sides = x.shape[1:]
    grid = [-(-side // stride) for side in sides]
    total = [max((g - 1) * stride + k - side, 0) for g, side in zip(grid, sides, strict=True)]
    result = np.zeros((outputs, *grid))
    for i in range(grid[0]):
        for j in range(grid[1]):
            for a in range(k):
                for b in range(k):
                    row = i * stride + a - total[0] // 2
                    column = j * stride + b - total[1] // 2
                    if 0 <= row < sides[0] and 0 <= column < sides[1]:
                        result[:, i, j] += weight[:, :, a, b] @ x[:, row, column]
    return result + bias[:, None, None]


@pytest.mark.parametrize(
    ("side", "kernel", "stride"), [(7, 4, 2), (8, 4, 2), (8, 5, 2), (9, 5, 2), (6, 4, 1), (5, 3, 2)]
)
def test_convolution_pads_as_tensorflow_does(side: int, kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    layer = layers.SameConv2d(2, 3, kernel, stride).double()
    x = torch.randn(1, 2, side, side + 1, dtype=torch.float64)
    assert layer.bias is not None
    expected = same_convolution(x[0].numpy(), layer.weight.detach().numpy(), layer.bias.detach().numpy(), stride)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (5, 2), (4, 1), (5, 1), (3, 1)])
def test_transposed_convolution_is_the_transpose_of_the_convolution(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    down = layers.SameConv2d(2, 3, kernel, stride).double()
    up = layers.SameConvTranspose2d(3, 2, kernel, stride).double()
    up.weight.data = down.weight.data
    for layer in (down, up):
        assert layer.bias is not None
        layer.bias.data.zero_()
    x = torch.randn(1, 2, 4 * stride, 6 * stride, dtype=torch.float64)
    y = torch.randn(1, 3, 4, 6, dtype=torch.float64)
    assert up(y).shape == x.shape
    assert torch.isclose((down(x) * y).sum(), (x * up(y)).sum(), rtol=1e-12)


PAPER_LAYERS: dict[str, tuple[dict[str, Any], tuple[int, ...], list[tuple[str, tuple[int, ...], int]], int]] = {
    "MNIST encoder": (
        MNIST,
        (1, 28, 28),
        [
            ("SameConv2d", (128, 14, 14), 4 * 4 * 1 * 128 + 128),
            ("SameConv2d", (256, 7, 7), 4 * 4 * 128 * 256 + 256),
            ("SameConv2d", (512, 4, 4), 4 * 4 * 256 * 512 + 512),
            ("SameConv2d", (1024, 2, 2), 4 * 4 * 512 * 1024 + 1024),
            ("Linear", (8,), 1024 * 2 * 2 * 8 + 8),
        ],
        11_050_632,
    ),
    "MNIST decoder": (
        MNIST,
        (1, 28, 28),
        [
            ("Linear", (50_176,), 8 * 50_176 + 50_176),
            ("SameConvTranspose2d", (512, 14, 14), 4 * 4 * 1024 * 512 + 512),
            ("SameConvTranspose2d", (256, 28, 28), 4 * 4 * 512 * 256 + 256),
            ("SameConvTranspose2d", (1, 28, 28), 4 * 4 * 256 * 1 + 1),
        ],
        10_943_745,
    ),
    "CelebA encoder": (
        CELEBA,
        (3, 64, 64),
        [
            ("SameConv2d", (128, 32, 32), 5 * 5 * 3 * 128 + 128),
            ("SameConv2d", (256, 16, 16), 5 * 5 * 128 * 256 + 256),
            ("SameConv2d", (512, 8, 8), 5 * 5 * 256 * 512 + 512),
            ("SameConv2d", (1024, 4, 4), 5 * 5 * 512 * 1024 + 1024),
            ("Linear", (64,), 1024 * 4 * 4 * 64 + 64),
        ],
        18_267_200,
    ),
    "CelebA decoder": (
        CELEBA,
        (3, 64, 64),
        [
            ("Linear", (65_536,), 64 * 65_536 + 65_536),
            ("SameConvTranspose2d", (512, 16, 16), 5 * 5 * 1024 * 512 + 512),
            ("SameConvTranspose2d", (256, 32, 32), 5 * 5 * 512 * 256 + 256),
            ("SameConvTranspose2d", (128, 64, 64), 5 * 5 * 256 * 128 + 128),
            ("SameConvTranspose2d", (3, 64, 64), 5 * 5 * 128 * 3 + 3),
        ],
        21_475_331,
    ),
}


@pytest.mark.parametrize("name", PAPER_LAYERS)
def test_layers_of_the_papers_networks(name: str) -> None:
    settings, shape, expected, total = PAPER_LAYERS[name]
    encoder = name.endswith("encoder")
    build = networks.build_encoder if encoder else networks.build_decoder
    network = build(training(**settings), shape).eval()
    example = torch.zeros(1, *shape) if encoder else torch.zeros(1, settings["latent_dim"])
    rows = networks.describe(network, example)
    print(f"\n{name}")
    for kind, output, count in rows:
        print(f"  {kind:20} {output!s:15} {count:>12,}")
    print(f"  total {sum(count for *_, count in rows):,}")
    weighted = [row for row in rows if row[0] not in ("BatchNorm2d", "ReLU", "Flatten", "Unflatten")]
    assert weighted == expected
    normalised = [row for row in rows if row[0] == "BatchNorm2d"]
    assert [row[1] for row in normalised] == [row[1] for row in expected if len(row[1]) == 3][: len(normalised)]
    assert len(normalised) == settings["depth" if encoder else "decoder_depth"]
    assert sum(row[0] == "ReLU" for row in rows) == (4 if encoder else settings["decoder_depth"] + 1)
    assert sum(p.numel() for p in network.parameters()) == total


def test_batch_norm_is_the_authors() -> None:
    for build in (networks.build_encoder, networks.build_decoder):
        norms = [m for m in build(training(), (1, 28, 28)).modules() if isinstance(m, nn.BatchNorm2d)]
        assert norms
        assert all((norm.momentum, norm.eps) == (0.1, 1e-5) for norm in norms)  # decay 0.9


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("architecture", ["dcgan", "mlp"])
@pytest.mark.parametrize("encoder", ["deterministic", "gaussian", "implicit"])
def test_shapes_in_and_out(shape: tuple[int, ...], architecture: str, encoder: str) -> None:
    settings = training(architecture=architecture, encoder=encoder, width=4, latent_dim=3)
    built = networks.build_networks(settings, shape)
    assert built.encoder(torch.zeros(2, *shape)).shape == (2, 6 if encoder == "gaussian" else 3)
    assert built.decoder(torch.zeros(2, 3)).shape == (2, *shape)


def test_the_mlp_has_the_layers_that_its_settings_say() -> None:
    settings = training(architecture="mlp", width=20, depth=3, decoder_depth=2, latent_dim=5)
    encoder = [type(m).__name__ for m in networks.build_encoder(settings, (1, 8, 8))]
    assert encoder == ["Flatten", *["Linear", "BatchNorm1d", "ReLU"] * 3, "Linear"]
    decoder = [type(m).__name__ for m in networks.build_decoder(settings, (1, 8, 8))]
    assert decoder == [*["Linear", "ReLU", "BatchNorm1d"] * 2, "Linear", "Unflatten"]


def test_critic() -> None:
    critic = build_critic(width=512, depth=4, latent_dim=8)
    assert [type(m).__name__ for m in critic] == [*["Linear", "ReLU"] * 4, "Linear"]
    assert critic(torch.zeros(3, 8)).shape == (3, 1)
    assert sum(p.numel() for p in critic.parameters()) == (8 * 512 + 512) + 3 * (512 * 512 + 512) + 512 + 1


def test_the_authors_initialisation() -> None:
    torch.manual_seed(0)
    settings = training(initialisation="truncated_normal", width=32, kernel_size=5, depth=3)
    sigma = 0.0099999
    for build in (networks.build_encoder, networks.build_decoder):
        for layer in build(settings, (3, 32, 32)).modules():
            if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                continue
            assert layer.bias is not None
            assert not layer.bias.any()
            if layer.weight.numel() < 10_000:
                continue
            cut = isinstance(layer, nn.Conv2d)
            assert bool((layer.weight.abs() <= 2 * sigma + 1e-9).all()) == cut
            assert float(layer.weight.detach().std()) == pytest.approx(sigma * (0.8796 if cut else 1.0), rel=0.03)


def test_glorots_initialisation_counts_mean_and_variance_as_two_layers() -> None:
    torch.manual_seed(0)
    settings = training("vae", initialisation="glorot", width=32, kernel_size=3, depth=2, latent_dim=40, extra_dense=90)
    encoder = networks.build_encoder(settings, (1, 28, 28))
    layers = [m for m in encoder if isinstance(m, nn.Conv2d | nn.Linear)]
    fans = [(9, 9 * 32), (9 * 32, 9 * 64), (49 * 64, 90), (90, 40)]  # of the last layer each head's, 40 of 80 units
    for layer, (into, out) in zip(layers, fans, strict=True):
        limit = math.sqrt(6 / (into + out))
        assert layer.bias is not None
        assert not layer.bias.any()
        assert float(layer.weight.detach().abs().max()) == pytest.approx(limit, rel=0.02)
        assert float(layer.weight.detach().std()) == pytest.approx(limit / math.sqrt(3), rel=0.07)
    decoder = networks.build_decoder(settings, (1, 28, 28))
    transposed = next(m for m in decoder if isinstance(m, nn.ConvTranspose2d))
    limit = math.sqrt(6 / (9 * 64 + 9 * 32))  # whichever way the channels are stored
    assert float(transposed.weight.detach().abs().max()) == pytest.approx(limit, rel=0.02)


def test_kerass_example_has_as_many_parameters_as_its_page_says(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wae.planning.config.missing", lambda *arguments: None)
    plan = load_plan(root / "config/reproductions/keras_vae.yaml")
    networks_ = networks.build_networks(plan.runs[0].training, (1, 28, 28))
    counts = [sum(p.numel() for p in part.parameters()) for part in (networks_.encoder, networks_.decoder)]
    assert counts == [69_076, 65_089]


def test_implicit_encoder_adds_a_matrix_of_the_code_times_noise() -> None:
    torch.manual_seed(0)
    encoder = networks.build_networks(training(encoder="implicit", latent_dim=3, width=4), (1, 8, 8)).encoder
    assert isinstance(encoder, networks.ImplicitEncoder)
    linear = [m for m in encoder.transform if isinstance(m, nn.Linear)]
    assert [m.out_features for m in linear] == [6, 12, 18, 9]
    z = torch.randn(5, 3)
    assert encoder.perturb(z, None) is z
    epsilon = torch.randn(5, 3, generator=torch.Generator().manual_seed(7))
    hidden = z
    for layer in linear[:-1]:
        hidden = torch.tanh(layer(hidden))
    matrices = linear[-1](hidden).reshape(5, 3, 3)
    expected = torch.stack([z[i] + epsilon[i] @ matrices[i] for i in range(5)])
    torch.testing.assert_close(encoder.perturb(z, torch.Generator().manual_seed(7)), expected)


def test_truncated_normal_is_cut_at_two_sigma() -> None:
    draws = layers.truncated_normal((200_000,), 0.01, torch.Generator().manual_seed(0), "cpu").double().numpy()
    assert np.abs(draws).max() <= 0.02 + 1e-9
    assert np.abs(draws).max() > 0.0199
    assert draws.mean() == pytest.approx(0.0, abs=1e-4)
    assert draws.std() == pytest.approx(0.01 * 0.87963, rel=0.01)  # of the standard normal cut at 2
    within_one = math.erf(1 / math.sqrt(2)) / math.erf(math.sqrt(2))
    assert (np.abs(draws) < 0.01).mean() == pytest.approx(within_one, abs=0.004)


def brute_cost(name: str, x_hat: Tensor, x: Tensor) -> float:
    total = 0.0
    for ours, theirs in zip(x_hat.tolist(), x.tolist(), strict=True):
        flat = (np.array(ours) - np.array(theirs)).ravel()
        if name == "bce":
            pairs = zip(np.ravel(ours), np.ravel(theirs), strict=True)
            total -= sum(t * math.log(p) + (1 - t) * math.log(1 - p) for p, t in pairs)
        elif name == "l1":
            total += sum(abs(v) for v in flat)
        else:
            squared = sum(v * v for v in flat)
            total += squared if name == "l2sq" else math.sqrt(1e-8 + squared)
    return total / len(x)


@pytest.mark.parametrize("name", ["l2sq", "l2", "l1", "bce"])
def test_costs_sum_over_pixels_and_average_over_the_batch(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x_hat, x = torch.rand(2, 5, 3, 4, 6, generator=generator, dtype=torch.float64)
    assert float(COSTS[name](x_hat, x)) == pytest.approx(brute_cost(name, x_hat, x), rel=1e-12)


def test_the_cost_of_equal_images_has_a_finite_gradient() -> None:
    for name in COSTS:
        x_hat = torch.zeros(2, 1, 2, 2, requires_grad=True)
        COSTS[name](x_hat, torch.zeros(2, 1, 2, 2)).backward()
        assert x_hat.grad is not None
        assert x_hat.grad.isfinite().all()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        MNIST,
        {"hidden": [8, 12, 20], "decoder_depth": 2, "batch_norm": False},
        {"hidden": [8, 12], "decoder_hidden": [24, 12, 8], "decoder_depth": 2, "extra_dense": 32, "decoder_dense": 0},
        {"encoder": "gaussian", "extra_dense": 16},
        {"encoder": "implicit"},
        {"architecture": "mlp", "hidden": [30, 20], "width": 64},
        {"architecture": "mlp", "width": 16, "depth": 3, "decoder_depth": 2, "batch_norm": False},
    ],
)
def test_weights_are_counted_without_making_the_networks(changes: dict[str, Any]) -> None:
    settings = training(**{"width": 8, "depth": 3, "decoder_depth": 2, **changes})
    for shape in ((1, 28, 28), (3, 32, 20)):
        made = networks.build_networks(settings, shape)
        kept = [*made.encoder.state_dict().items(), *made.decoder.state_dict().items()]
        expected = sum(tensor.numel() for name, tensor in kept if not name.endswith("num_batches_tracked"))
        assert network_weights(settings, shape) == expected
    critic = build_critic(settings.critic_width, settings.critic_depth, settings.latent_dim)
    assert critic_weights(settings) == sum(parameter.numel() for parameter in critic.parameters())
