"""Convolutions of small networks on a GPU: the kernel's gradient as matrix products.

cuDNN's deterministic kernel for that gradient takes longer than all the rest of a step where channels are few, so that
many small runs beside each other wait for it. A run alone waits for kernels to start, and these are more of them: they
are used where execution.kernel_gradients is "products". The output and the input's gradient are cuDNN's.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv2d_input

from wae.compute import devices

LARGEST = 2**24  # numbers of all images' products together, 64 MiB; above it networks are wide, and cuDNN is quick


def wanted(x: Tensor, weight: Tensor) -> bool:
    """Whether to take the functions below for ``x`` (n, C, H, W): asked for, on a GPU, few channels, no autocast."""
    asked = devices.kernel_gradients == "products" and x.device.type == "cuda"
    return asked and len(x) * weight.numel() <= LARGEST and not torch.is_autocast_enabled("cuda")


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: tuple[int, int]) -> Tensor:
    """``functional.conv2d`` of ``x`` (n, C, H, W) with ``weight`` (C', C, k, k): the same output to the bit.

    Differentiable as often as wanted, also by grad, jacrev and vmap of ``torch.func``; not in forward mode.
    """
    output: Tensor = _Convolution.apply(x, weight, bias, stride, padding)
    return output


def conv_transpose2d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: tuple[int, int]) -> Tensor:
    """``functional.conv_transpose2d`` of ``x`` (n, C, H, W) with ``weight`` (C, C', k, k), likewise."""
    output: Tensor = _Transposed.apply(x, weight, bias, stride, padding)
    return output


def kernel_gradient(small: Tensor, large: Tensor, kernel: int, stride: int) -> Tensor:
    """Gradient (C, C', k, k) of a kernel that links ``small`` (n, C, h, w) and windows of ``large`` (n, C', H, W).

    Its element (c, c', a, b) is the sum over n, i and j of small[n, c, i, j] large[n, c', stride i + a, stride j + b].
    """
    (n, channels, height, width), others = small.shape, large.shape[1]
    windows = large.unfold(2, kernel, stride).unfold(3, kernel, stride)[:, :, :height, :width]
    rows = windows.permute(0, 1, 4, 5, 2, 3).reshape(n, others * kernel * kernel, height * width)
    products = torch.bmm(small.reshape(n, channels, height * width), rows.transpose(1, 2))
    return products.sum(0).view(channels, others, kernel, kernel)


def _padded(images: Tensor, padding: tuple[int, int]) -> Tensor:
    top, left = padding
    return functional.pad(images, (left, left, top, top)) if top or left else images


class _ByProducts(torch.autograd.Function):
    """What both forms have in common: inputs x, weight, bias, stride, padding."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, _, ctx.stride, ctx.padding = inputs
        ctx.save_for_backward(x, weight)


class _Convolution(_ByProducts):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: tuple[int, int]) -> Tensor:
        return functional.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias, *_ = ctx.needs_input_grad
        found_x = conv2d_input(x.shape, weight, gradient, ctx.stride, ctx.padding) if for_x else None
        found_weight = None
        if for_weight:
            found_weight = kernel_gradient(gradient, _padded(x, ctx.padding), weight.shape[-1], ctx.stride)
        return found_x, found_weight, gradient.sum((0, 2, 3)) if for_bias else None, None, None


class _Transposed(_ByProducts):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: tuple[int, int]) -> Tensor:
        return functional.conv_transpose2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias, *_ = ctx.needs_input_grad
        found_x = functional.conv2d(gradient, weight, None, ctx.stride, ctx.padding) if for_x else None
        found_weight = None
        if for_weight:
            found_weight = kernel_gradient(x, _padded(gradient, ctx.padding), weight.shape[-1], ctx.stride)
        return found_x, found_weight, gradient.sum((0, 2, 3)) if for_bias else None, None, None
