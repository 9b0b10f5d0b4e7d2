"""The sliced 2-Wasserstein distance: the mean over directions of the distance between sorted projections."""

import torch
from torch import Tensor


def unit_directions(d: int, projections: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """``projections`` random unit vectors (d, projections), uniform on the sphere, of ``like``'s type and device."""
    directions = torch.randn(d, projections, generator=generator, device=like.device, dtype=like.dtype)
    return torch.nn.functional.normalize(directions, dim=0)


def sliced_w2_squared(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """Mean over unit ``directions`` (d, k) of W2^2 between the projections of ``x`` and ``y``, (n, d) each: a scalar.

    In one dimension the best coupling pairs the sorted values, so that a direction costs O(n log n) (Kolouri et al.
    2018, equation 13). Differentiable in both. ValueError for samples of different counts.
    """
    if x.shape != y.shape:
        raise ValueError(f"samples {tuple(x.shape)} and {tuple(y.shape)} differ in shape")
    # Rows that lie in memory one after another sort faster than columns.
    ours, theirs = ((directions.T @ points.T).sort(dim=1).values for points in (x, y))  # (k, n)
    return (ours - theirs).square().mean()
