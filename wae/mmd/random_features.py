"""An estimate of the MMD penalty in O(n): random Fourier features of the kernels (Rahimi and Recht 2007).

A Gaussian kernel is exp(-u |r|^2 / c) = E cos(w . r) with w ~ N(0, 2 u / c I), and the inverse multiquadratic one is
a mixture of these: c / (c + |r|^2) = E exp(-u |r|^2 / c) with u ~ Exp(1). So its frequencies are drawn exactly.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from wae.core.scales import IMQ_SCALES
from wae.mmd.estimators import checked_points
from wae.mmd.fused import scaled

CHUNK = 1 << 18  # elements of a block of projections: three of them fit the cache


def random_feature_mmd(
    z: Tensor,
    z_prior: Tensor,
    *,
    kernel: str = "imq",
    scales: Sequence[float] = IMQ_SCALES,
    base: float,
    features: int = 1024,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The MMD penalty of (n, d) codes and (m, d) prior points by ``features`` random frequencies: a scalar.

    Its mean over the frequencies is the exact penalty, its variance falls as 1 / ``features``; new frequencies are
    drawn at each call from ``generator``, spread evenly over the kernel's scales. Time O((n + m) d features),
    extra memory O(n d + features d). Differentiable once in both arguments.

    Raises ValueError if there are fewer features than scales, and as ``mmd_penalty`` does.
    """
    z, z_prior, scales = checked_points(z, z_prior, kernel, scales, base)
    frequencies, weights = draw_frequencies(z.shape[1], features, kernel, scales, base, generator, z)
    if not torch.is_grad_enabled():
        z, z_prior = z.detach(), z_prior.detach()
    value: Tensor = RandomFeaturePenalty.apply(z, z_prior, frequencies, weights)
    return value


def draw_frequencies(
    d: int,
    features: int,
    kernel: str,
    scales: Sequence[float],
    base: float,
    generator: torch.Generator | None,
    like: Tensor,
) -> tuple[Tensor, Tensor]:
    """Frequencies (d, features) and weights (features,): sum_f weights_f cos(frequencies_f . r) estimates sum_s k_s."""
    if features < len(scales):
        raise ValueError(f"found {features} random features for {len(scales)} scales: give at least one to each scale")
    counts = [features // len(scales) + (i < features % len(scales)) for i in range(len(scales))]
    # Filled on the device: a list of Python's numbers, copied there, would wait for it.
    widths = torch.cat([like.new_full((n,), base * scale) for scale, n in zip(scales, counts, strict=True)])
    weights = torch.cat([like.new_full((n,), 1.0 / n) for n in counts])
    normal = torch.randn(d, features, generator=generator, device=like.device, dtype=like.dtype)
    precision = 2.0 / widths
    if kernel == "imq":
        precision = precision * torch.empty_like(widths).exponential_(generator=generator)
    return normal * precision.sqrt(), weights


class RandomFeaturePenalty(torch.autograd.Function):
    """The penalty for given frequencies; gradients are found with the value, backward only scales them."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, z_prior: Tensor, frequencies: Tensor, weights: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            value, *ctx.gradients = penalty_and_gradients(z, z_prior, frequencies, weights, ctx.needs_input_grad[:2])
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*scaled(ctx.gradients, grad), None, None)


def penalty_and_gradients(
    z: Tensor, z_prior: Tensor, frequencies: Tensor, weights: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The estimate and its gradients where wanted. With S the sum of exp(i w . x) over a sample of n, in float64:

    within (|S|^2 - n) / (n (n - 1)), as the diagonal's n ones are left out; cross Re(S_z conj S_y) / (n m).
    """
    n, m = len(z), len(z_prior)
    sums = [_sums(points, frequencies) for points in (z, z_prior)]  # (2, features): of cosines, of sines
    within = [(s.square().sum(0) - k) / (k * (k - 1)) for s, k in zip(sums, (n, m), strict=True)]
    cross = (sums[0] * sums[1]).sum(0) / (n * m)
    value = torch.dot(within[0] + within[1] - 2.0 * cross, weights.double()).to(z.dtype)
    gradients: list[Tensor | None] = [None, None]
    for side, points in enumerate((z, z_prior)):
        if wanted[side]:
            k, own, other = len(points), sums[side], sums[1 - side]
            slopes = 2.0 * weights * (own / (k * (k - 1)) - other / (n * m))  # of the value in own sums
            gradients[side] = _gradient(points, frequencies, slopes.to(z.dtype))
    return value, gradients[0], gradients[1]


def _rows(frequencies: Tensor) -> int:
    return max(1, CHUNK // frequencies.shape[1])


def _sums(points: Tensor, frequencies: Tensor) -> Tensor:
    total = torch.zeros(2, frequencies.shape[1], dtype=torch.float64, device=points.device)
    for rows in points.split(_rows(frequencies)):
        phases = rows @ frequencies
        total[0] += phases.cos().sum(0)
        total[1] += phases.sin_().sum(0)
    return total


def _gradient(points: Tensor, frequencies: Tensor, slopes: Tensor) -> Tensor:
    """d value / d points from the slopes in the sums of cosines and sines; the phases are computed again."""
    gradient = torch.empty_like(points)
    size = _rows(frequencies)
    for start in range(0, len(points), size):
        phases = points[start : start + size] @ frequencies
        pull = phases.cos().mul_(slopes[1]).addcmul_(phases.sin_(), slopes[0], value=-1.0)
        torch.mm(pull, frequencies.T, out=gradient[start : start + size])
    return gradient
