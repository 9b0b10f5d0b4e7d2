"""Transposed convolution of stride 1 to few channels, the decoders' last layer, some pixels at a time.

A processor's convolutions compute 16 output channels at once and leave idle those that there are not: with one
output channel fifteen in sixteen. Here a block of r x r neighbouring output pixels counts as r^2 channels of a
convolution of stride r, whose kernel is the given one, shifted for each pixel of the block, with zeros around.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv2d_weight

LANES = 16  # output channels that are computed at once (32-bit floats of AVX-512)


def block_side(x: Tensor, channels: int) -> int:
    """r, the largest side of a block whose r^2 * ``channels`` fit the lanes and that divides ``x`` (n, C, H, W).

    1 where blocks gain nothing: with more channels, on another device, in another precision.
    """
    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return 1
    sides = (r for r in (4, 2) if r * r * channels <= LANES and all(length % r == 0 for length in x.shape[-2:]))
    return next(sides, 1)


def conv_transpose2d_in_blocks(x: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
    """The transposed convolution of stride 1 of ``x`` (n, C, H, W) with "SAME" padding: (n, C', H, W).

    ``weight``: (C, C', k, k). Up to rounding that of ``functional.conv_transpose2d`` with padding (k - 1) // 2, cut to
    (H, W) at the bottom and right. ``side``: r, which divides H and W. Differentiable as often as wanted, also by
    grad, jacrev and vmap of ``torch.func``; not in forward mode, which torch's compiler would not take.
    """
    output: Tensor = _InBlocks.apply(x, weight, bias, side)
    return output


class _InBlocks(torch.autograd.Function):
    """Forward in blocks; the backward pass, an ordinary convolution from few channels, is quick as it is.

    Left to autograd, the convolution in blocks takes a tenth of a small network's step longer backwards.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
        kernel = weight.shape[-1]
        size = kernel + side - 1
        # The convolution's own kernel, (C', C, k, k), seen through windows that are shifted by a pixel each:
        # (C', C, r, r, size, size), with the block's pixels in the order of pixel_shuffle.
        own = weight.flip(2, 3).transpose(0, 1)
        shifted = functional.pad(own, [side - 1] * 4).unfold(2, size, 1).unfold(3, size, 1).flip(2, 3)
        wide = shifted.permute(0, 2, 3, 1, 4, 5).reshape(-1, weight.shape[0], size, size)
        before = kernel - 1 - (kernel - 1) // 2  # as many or one less are needed behind the image
        blocks = functional.conv2d(x, wide, bias.repeat_interleave(side * side), stride=side, padding=before)
        return functional.pixel_shuffle(blocks, side)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, int], output: Tensor) -> None:
        x, weight, _, _ = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        padding = (weight.shape[-1] - 1) // 2
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        cut = 1 - weight.shape[-1] % 2  # rows and columns of the full output that an even kernel has cut
        n, channels, height, width = gradient.shape
        # Convolutions go by the strides of their input, and with one channel nothing else tells its layout.
        if x.stride(1) == 1:
            full = gradient.new_zeros(n, height + cut, width + cut, channels).permute(0, 3, 1, 2)
        else:
            full = gradient.new_zeros(n, channels, height + cut, width + cut)
        full[..., :height, :width] = gradient
        return (
            functional.conv2d(full, weight, padding=padding) if for_x else None,
            conv2d_weight(full, weight.shape, x, padding=padding) if for_weight else None,
            gradient.sum((0, 2, 3)) if for_bias else None,
            None,
        )
