"""Maximum mean discrepancy: the paper's penalty in a fused and in a plain form.

The penalty of a batch (WAE paper, algorithm 2 and the authors' code, ``mmd_penalty``), with k = sum_s k_s:

    1/(n(n-1)) sum_{i != j} k(z_i, z_j) + 1/(n(n-1)) sum_{i != j} k(y_i, y_j) - 2/n^2 sum_{i,j} k(z_i, y_j)

- imq: k_s(x, y) = C s / (C s + |x - y|^2). C (``base``) is 2 d_z sigma_z^2 for a normal prior in the paper.
- rbf: k_s(x, y) = exp(-|x - y|^2 / (C s)). The authors' code has one RBF kernel, exp(-|x - y|^2 / (2 sigma_k^2)),
  whose sigma_k^2 is a median heuristic or, commented out, d_z sigma_z^2; the latter is ours with s = 1.

The penalty is an unbiased estimate up to the cross term's convention; it can be negative and is never clipped.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from wae.core.errors import unknown_name
from wae.core.scales import IMQ_SCALES
from wae.mmd.fused import FusedPenalty
from wae.mmd.kernels import KERNELS


def mmd_penalty(
    z: Tensor, z_prior: Tensor, *, kernel: str = "imq", scales: Sequence[float] = IMQ_SCALES, base: float
) -> Tensor:
    """The MMD between codes ``z`` (n, d) and ``z_prior`` (m, d): a scalar, differentiable once in both.

    O(n + m) extra memory, O(n m d) time. float64 stays float64; any other float is computed and returned in float32
    with the sums of tiles added in float64. Equal inputs give equal bits.
    With m != n the cross term is over n m and each within-term over its own pairs.

    Raises UserError for an unknown kernel, ValueError for wrong shapes, fewer than 2 points or a wrong bandwidth.
    """
    z, z_prior, scales = checked_points(z, z_prior, kernel, scales, base)
    if not torch.is_grad_enabled():
        z, z_prior = z.detach(), z_prior.detach()
    value: Tensor = FusedPenalty.apply(z, z_prior, kernel, scales, float(base))
    return value


def mmd_official(
    z: Tensor, z_prior: Tensor, *, kernel: str = "imq", scales: Sequence[float] = IMQ_SCALES, base: float
) -> Tensor:
    """The same penalty by the operations of the authors' code: (n, n) matrices for each kernel, O(n^2) memory.

    Kept as the yardstick of the tests, the timing study and the benchmarks; n = m as in that code.
    """
    z, z_prior, scales = checked_points(z, z_prior, kernel, scales, base)
    n = z.shape[0]
    if z_prior.shape[0] != n:
        raise ValueError(f"found {n} codes and {z_prior.shape[0]} prior points: the official form needs as many")
    off_diagonal = 1.0 - torch.eye(n, dtype=z.dtype, device=z.device)
    norms_z = z.square().sum(1, keepdim=True)
    norms_prior = z_prior.square().sum(1, keepdim=True)
    distances_z = norms_z + norms_z.T - 2.0 * (z @ z.T)
    distances_prior = norms_prior + norms_prior.T - 2.0 * (z_prior @ z_prior.T)
    distances = norms_z + norms_prior.T - 2.0 * (z @ z_prior.T)
    total = z.new_zeros(())
    for scale in scales:
        c = base * scale
        if kernel == "imq":
            within = c / (c + distances_z) + c / (c + distances_prior)
            between = c / (c + distances)
        else:
            within = torch.exp(-distances_z / c) + torch.exp(-distances_prior / c)
            between = torch.exp(-distances / c)
        total = total + (within * off_diagonal).sum() / (n * (n - 1)) - 2.0 * between.sum() / (n * n)
    return total


def checked_points(
    z: Tensor, z_prior: Tensor, kernel: str, scales: Sequence[float], base: float
) -> tuple[Tensor, Tensor, tuple[float, ...]]:
    """Both point sets as float32, or float64 if either is, and the scales as floats; errors as ``mmd_penalty``'s."""
    if kernel not in KERNELS:
        raise unknown_name("kernel", kernel, KERNELS)
    if z.ndim != 2 or z_prior.ndim != 2 or z.shape[1] != z_prior.shape[1] or z.shape[1] == 0:
        raise ValueError(
            f"codes have shape {tuple(z.shape)} and prior points {tuple(z_prior.shape)}: give (n, d) and (m, d), d >= 1"
        )
    if min(z.shape[0], z_prior.shape[0]) < 2:
        raise ValueError(f"found {z.shape[0]} codes and {z_prior.shape[0]} prior points: at least 2 of each are needed")
    scales = tuple(float(scale) for scale in scales)
    if not scales or not all(0.0 < value < float("inf") for value in (base, *scales)):
        raise ValueError(f"base {base} and scales {list(scales)} must be positive and finite, with at least one scale")
    dtype = torch.promote_types(torch.promote_types(z.dtype, z_prior.dtype), torch.float32)
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"codes are {z.dtype} and prior points {z_prior.dtype}: give real floating-point tensors")
    return z.to(dtype), z_prior.to(dtype), scales
