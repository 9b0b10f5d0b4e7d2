"""The convolutions for GPUs, called here on the processor: small integers, so that sums are exact in any order."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.models.test_blockwise import derivatives
from tests.shared.models import integers, training, value_and_gradients
from wae.compute import devices
from wae.models import blockwise, products
from wae.models.layers import SameConv2d, SameConvTranspose2d
from wae.models.networks import build_decoder, build_encoder


@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (1, 2)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_value_and_gradients_are_those_of_the_convolution(
    channels: int, kernel: int, stride: int, padding: tuple[int, int]
) -> None:
    tensors = [integers(2, channels, 9, 12, seed=0), integers(5, channels, kernel, kernel, seed=1), integers(5, seed=2)]
    upstream = integers(*functional.conv2d(*tensors, stride, padding).shape, seed=3)
    results = [
        value_and_gradients(lambda *t, f=function: f(*t, stride, padding), tensors, upstream)
        for function in (functional.conv2d, products.conv2d)
    ]
    for wanted, found in zip(*results, strict=True):
        assert wanted.abs().max() > 0
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (1, 1)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_value_and_gradients_are_those_of_the_transposed_convolution(
    channels: int, kernel: int, stride: int, padding: tuple[int, int]
) -> None:
    tensors = [integers(2, 5, 6, 8, seed=0), integers(5, channels, kernel, kernel, seed=1), integers(channels, seed=2)]
    upstream = integers(*functional.conv_transpose2d(*tensors, stride, padding).shape, seed=3)
    results = [
        value_and_gradients(lambda *t, f=function: f(*t, stride, padding), tensors, upstream)
        for function in (functional.conv_transpose2d, products.conv_transpose2d)
    ]
    for wanted, found in zip(*results, strict=True):
        assert wanted.abs().max() > 0
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("function", [products.conv2d, products.conv_transpose2d])
def test_only_the_gradients_asked_for(function: Callable[..., Tensor]) -> None:
    x, weight, bias = integers(1, 2, 4, 4, seed=0), integers(2, 2, 3, 3, seed=1), integers(2, seed=2)
    for wanted in itertools.product([False, True], repeat=3):
        leaves = [t.clone().requires_grad_(w) for t, w in zip((x, weight, bias), wanted, strict=True)]
        value = function(*leaves, 1, (1, 1))
        assert value.requires_grad == any(wanted)
        if any(wanted):
            value.sum().backward()
        assert [leaf.grad is not None for leaf in leaves] == list(wanted)


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Called, it has the layers take the convolutions for GPUs; the list grows with each kernel's gradient.

    Until then they are torch's own, without what a processor gets in their place.
    """
    monkeypatch.setattr(blockwise, "LANES", 0)

    def take() -> list[int]:
        taken: list[int] = []
        original = products.kernel_gradient

        def noted(small: Tensor, large: Tensor, kernel: int, stride: int) -> Tensor:
            taken.append(1)
            return original(small, large, kernel, stride)

        monkeypatch.setattr(products, "wanted", lambda x, weight: True)
        monkeypatch.setattr(products, "kernel_gradient", noted)
        return taken

    return take


@pytest.mark.filterwarnings("default:.*torch.jit.script")  # torch.func's own, at its first use
@pytest.mark.parametrize(("channels", "kernel"), [(1, 4), (3, 5)])
def test_decoders_have_second_derivatives_and_work_with_torch_func(
    channels: int, kernel: int, as_on_a_gpu: Callable[[], list[int]]
) -> None:
    torch.manual_seed(0)
    settings = training(width=4, latent_dim=3, depth=2, kernel_size=kernel)
    decoder, z = build_decoder(settings, (channels, 8, 8)).eval(), torch.randn(5, 3)
    wanted = derivatives(decoder, z)
    as_on_a_gpu()
    torch.testing.assert_close(derivatives(decoder, z), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("side", [8, 12])
def test_networks_and_their_gradients_are_torchs_up_to_rounding(
    side: int, kernel: int, as_on_a_gpu: Callable[[], list[int]]
) -> None:
    """An autoencoder with even and uneven paddings, in double precision; every convolution's kernel is reached."""
    torch.manual_seed(0)
    settings = training(width=4, latent_dim=3, depth=2, decoder_depth=1, kernel_size=kernel)
    network = nn.Sequential(build_encoder(settings, (1, side, side)), build_decoder(settings, (1, side, side))).double()
    x = torch.randn(5, 1, side, side, dtype=torch.float64)

    def gradients() -> list[Tensor]:
        value = network(x)
        return [value, *torch.autograd.grad(value.square().sum(), list(network.parameters()))]

    wanted = gradients()
    taken = as_on_a_gpu()
    torch.testing.assert_close(gradients(), wanted, rtol=1e-10, atol=1e-10)
    assert len(taken) == sum(isinstance(layer, SameConv2d | SameConvTranspose2d) for layer in network.modules()) == 4


def test_they_are_for_few_channels_on_a_gpu_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "kernel_gradients", "products")
    few, many = torch.zeros(64, 32, 4, 4), torch.zeros(512, 256, 4, 4)
    assert not products.wanted(torch.zeros(2, 32, 8, 8), few)
    assert not products.wanted(torch.zeros(2, 32, 8, 8, device="meta"), few)

    class OnAGPU:
        device = torch.device("cuda")

        def __len__(self) -> int:
            return 100

    x: Tensor = OnAGPU()  # type: ignore[assignment]
    assert products.wanted(x, few)
    assert not products.wanted(x, many)
    monkeypatch.setattr(devices, "kernel_gradients", "cudnn")
    assert not products.wanted(x, few)
    monkeypatch.setattr(devices, "kernel_gradients", "products")
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind: kind == "cuda")
    assert not products.wanted(x, few)
