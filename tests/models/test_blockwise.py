"""The transposed convolution in blocks against torch's own: small integers, so that any order of summing is exact."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.shared.models import integers, training, value_and_gradients
from wae.models import blockwise
from wae.models.blockwise import block_side, conv_transpose2d_in_blocks
from wae.models.layers import SameConvTranspose2d
from wae.models.networks import build_decoder


def plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """torch's transposed convolution, cut to "SAME"."""
    padding = (weight.shape[-1] - 1) // 2
    return functional.conv_transpose2d(x, weight, bias, padding=padding)[..., : x.shape[2], : x.shape[3]]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(("channels", "side"), [(1, 4), (1, 2), (3, 2), (4, 2)])
@pytest.mark.parametrize("kernel", range(2, 10))
def test_value_and_gradients_are_those_of_the_transposed_convolution(
    kernel: int, channels: int, side: int, channels_last: bool
) -> None:
    tensors = [integers(2, 5, 8, 12, seed=0), integers(5, channels, kernel, kernel, seed=1), integers(channels, seed=2)]
    upstream = integers(2, channels, 8, 12, seed=3)
    if channels_last:
        tensors[:2] = [tensor.to(memory_format=torch.channels_last) for tensor in tensors[:2]]
    results = [
        value_and_gradients(function, tensors, upstream)
        for function in (plain, lambda *t: conv_transpose2d_in_blocks(*t, side))
    ]
    for expected, found in zip(*results, strict=True):
        assert expected.abs().max() > 0
        assert torch.equal(found, expected)


def test_only_the_gradients_asked_for() -> None:
    x, weight, bias = integers(1, 2, 4, 4, seed=0), integers(2, 1, 4, 4, seed=1), integers(1, seed=2)
    for wanted in itertools.product([False, True], repeat=3):
        leaves = [t.clone().requires_grad_(w) for t, w in zip((x, weight, bias), wanted, strict=True)]
        value = conv_transpose2d_in_blocks(*leaves, 4)
        assert value.requires_grad == any(wanted)
        if any(wanted):
            value.sum().backward()
        assert [leaf.grad is not None for leaf in leaves] == list(wanted)


def derivatives(decoder: nn.Module, z: Tensor) -> dict[str, Any]:
    """What ``torch.func`` and a second backward pass say of a decoder in evaluation mode at codes (n, d_z)."""

    def image(code: Tensor) -> Tensor:
        return decoder(code[None])[0]  # type: ignore[no-any-return]

    def energy(code: Tensor) -> Tensor:
        return image(code).square().sum()

    def with_parameters(parameters: dict[str, Tensor], codes: Tensor) -> Tensor:
        return torch.func.functional_call(decoder, parameters, (codes,))  # type: ignore[no-any-return]

    parameters = {name: parameter.detach() for name, parameter in decoder.named_parameters()}
    leaf = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(decoder(leaf).square().sum(), leaf, create_graph=True)
    weights = list(decoder.parameters())
    loss_of = torch.func.grad(lambda p, code: with_parameters(p, code[None]).square().sum())
    return {
        "vmap": torch.func.vmap(image)(z),
        "grad": torch.func.grad(energy)(z[0]),
        "jacrev": torch.func.jacrev(image)(z[0]),
        "jacobians": torch.func.vmap(torch.func.jacrev(image))(z),
        "hessian": torch.func.jacrev(torch.func.jacrev(energy))(z[0]),
        "gradients per code": torch.func.vmap(loss_of, (None, 0))(parameters, z),
        "jacrev of the weights": torch.func.jacrev(with_parameters)(parameters, z),
        "second backward": torch.autograd.grad(slope.square().sum(), [leaf, *weights], allow_unused=True)[:-1],
    }


@pytest.mark.filterwarnings("default:.*torch.jit.script")  # torch.func's own, at its first use
@pytest.mark.parametrize(("channels", "kernel"), [(1, 4), (3, 5)])
def test_decoders_have_second_derivatives_and_work_with_torch_func(
    channels: int, kernel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    settings = training(width=4, latent_dim=3, depth=2, kernel_size=kernel)
    decoder = build_decoder(settings, (channels, 8, 8)).eval().to(memory_format=torch.channels_last)
    z = torch.randn(5, 3)
    found = derivatives(decoder, z)
    monkeypatch.setattr(blockwise, "LANES", 0)  # torch's own layer
    torch.testing.assert_close(found, derivatives(decoder, z), rtol=1e-4, atol=1e-5)
    assert all(value.abs().max() > 1e-3 for value in (found["hessian"], found["second backward"][0]))


def test_gradients_reach_the_layers_before_in_their_own_layout() -> None:
    x = integers(2, 3, 8, 8, seed=0).to(memory_format=torch.channels_last).requires_grad_()
    value = conv_transpose2d_in_blocks(x, integers(3, 1, 4, 4, seed=1), integers(1, seed=2), 4)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert gradient.is_contiguous(memory_format=torch.channels_last)
    assert not gradient.is_contiguous()


@pytest.mark.parametrize(
    ("channels", "height", "width", "expected"),
    [
        (1, 32, 32, 4),
        (1, 28, 12, 4),
        (1, 6, 8, 2),
        (1, 8, 6, 2),
        (1, 7, 8, 1),
        (2, 32, 32, 2),
        (4, 8, 8, 2),
        (5, 8, 8, 1),
    ],
)
def test_blocks_fill_the_lanes_and_divide_the_image(channels: int, height: int, width: int, expected: int) -> None:
    assert block_side(torch.zeros(1, 3, height, width), channels) == expected


def test_blocks_are_for_32_bit_floats_on_a_processor() -> None:
    x = torch.zeros(1, 3, 8, 8)
    assert block_side(x.double(), 1) == block_side(x.bfloat16(), 1) == block_side(x.to("meta"), 1) == 1
    with torch.autocast("cpu", torch.bfloat16):
        assert block_side(x, 1) == 1


def test_the_decoders_last_layer_takes_blocks_where_they_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    sides: list[int] = []

    def noted(x: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
        sides.append(side)
        return conv_transpose2d_in_blocks(x, weight, bias, side)

    monkeypatch.setattr("wae.models.layers.conv_transpose2d_in_blocks", noted)
    for channels, stride, expected in ((1, 1, [4]), (3, 1, [2]), (8, 1, []), (1, 2, [])):
        layer, x = SameConvTranspose2d(6, channels, 4, stride), integers(2, 6, 8, 8, seed=0)
        found = layer(x)
        assert sides == expected
        assert torch.allclose(found.double(), layer.double()(x.double()), atol=1e-5)
        sides.clear()
