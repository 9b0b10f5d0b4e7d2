"""Layers of the networks, their first weights and their noise.

As in the authors' code (tolstikhin/wae: models.py, ops.py): TensorFlow's "SAME" padding, truncated normal weights.
"""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from wae.core.settings import TrainingSettings
from wae.models import products
from wae.models.blockwise import block_side, conv_transpose2d_in_blocks

Net = TypeVar("Net", bound=nn.Module)

AUTHORS_SIGMA = 0.0099999  # init_std of the authors' configs
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
}


class SameConv2d(nn.Conv2d):
    """Convolution with "SAME" padding: (n, C, H, W) to (n, C', ceil(H / stride), ceil(W / stride)).

    Where the padding is uneven the extra row and column go to the bottom and right, as in TensorFlow.
    """

    def __init__(self, channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__(channels, out_channels, kernel_size, stride)

    def forward(self, input: Tensor) -> Tensor:
        (top, bottom), (left, right) = (self._padding(side) for side in input.shape[-2:])
        if top != bottom or left != right:
            input, top, left = functional.pad(input, (left, right, top, bottom)), 0, 0
        if products.wanted(input, self.weight):
            return products.conv2d(input, self.weight, self.bias, self.stride[0], (top, left))
        return functional.conv2d(input, self.weight, self.bias, self.stride, (top, left))

    def _padding(self, side: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


class SameConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution with "SAME" padding: (n, C, H, W) to (n, C', stride * H, stride * W).

    It is the transpose of SameConv2d: of the full output, (kernel - stride) // 2 rows are cut at the top
    and the rest at the bottom.
    """

    def __init__(self, channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__(channels, out_channels, kernel_size, stride, padding=max(kernel_size - stride, 0) // 2)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        block = block_side(input, self.out_channels) if self.stride[0] == 1 else 1
        if block > 1 and self.bias is not None:
            return conv_transpose2d_in_blocks(input, self.weight, self.bias, block)
        height, width = (self.stride[0] * side for side in input.shape[-2:])
        if products.wanted(input, self.weight):
            padding = int(self.padding[0])
            whole = products.conv_transpose2d(input, self.weight, self.bias, self.stride[0], (padding, padding))
        else:
            whole = super().forward(input, output_size)
        return whole[..., :height, :width]


class _Biased(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation whose running variance takes in each batch's variance over n, as TensorFlow's; not n - 1."""

    def forward(self, input: Tensor) -> Tensor:
        before = None if self.running_var is None else self.running_var.clone()
        output = super().forward(input)
        if self.training and before is not None and self.running_var is not None:
            n, momentum = input.numel() / input.shape[1], self.momentum or 0.0
            # .data, as the graph holds the buffer, though its backward pass in training mode does not read it
            self.running_var.data.mul_((n - 1) / n).add_(before, alpha=(1.0 - momentum) / n)
        return output


class BiasedBatchNorm1d(_Biased, nn.BatchNorm1d):
    """Of (n, C)."""


class BiasedBatchNorm2d(_Biased, nn.BatchNorm2d):
    """Of (n, C, H, W)."""


NORMS: dict[tuple[str, int], type[nn.Module]] = {  # by running variance and dimensions
    ("unbiased", 1): nn.BatchNorm1d,
    ("unbiased", 2): nn.BatchNorm2d,
    ("biased", 1): BiasedBatchNorm1d,
    ("biased", 2): BiasedBatchNorm2d,
}


class Dropout(nn.Module):
    """Sets each number to 0 with probability ``p`` in training, and divides the others by 1 - p.

    Draws from ``generator``, which whoever trains sets to a stream of the run, so that a run repeats itself.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        if self.generator is None:
            raise RuntimeError("dropout without a generator in training; set it, or call eval() first")
        kept = torch.rand(input.shape, generator=self.generator, device=input.device).ge_(self.p).to(input.dtype)
        return input * kept / (1.0 - self.p)


def initialise(network: Net, settings: TrainingSettings, heads: int = 1) -> Net:
    """Draw the weights again if ``settings.initialisation`` asks for another scheme than torch's; returns ``network``.

    truncated_normal, the authors': convolutions truncated normal at two sigma, linear and transposed convolutions
    plain normal, sigma 0.0099999 (before truncation). glorot: uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and
    Bengio 2010, equation 16), where the last layer counts as ``heads`` layers of equal size side by side. Biases are
    0 in both. Draws from torch's global generator.
    """
    if settings.initialisation == "torch":
        return network
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    for layer in layers:
        if settings.initialisation == "glorot":
            with torch.no_grad():
                for part in layer.weight.chunk(heads if layer is layers[-1] else 1):
                    nn.init.xavier_uniform_(part)
        elif isinstance(layer, nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=AUTHORS_SIGMA)
        else:
            nn.init.trunc_normal_(layer.weight, std=AUTHORS_SIGMA, a=-2 * AUTHORS_SIGMA, b=2 * AUTHORS_SIGMA)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def truncated_normal(
    shape: torch.Size | tuple[int, ...], sigma: float, generator: torch.Generator, device: torch.device | str
) -> Tensor:
    """Normal draws of standard deviation ``sigma``, cut at two sigma as ``tf.truncated_normal`` is.

    By the inverse distribution function; the spread after the cut is about 0.88 sigma.
    """
    uniform = torch.rand(shape, generator=generator, device=device).mul_(2.0).sub_(1.0)
    draws = uniform.mul_(math.erf(math.sqrt(2.0))).erfinv_().mul_(math.sqrt(2.0))
    return draws.clamp_(-2.0, 2.0).mul_(sigma)
