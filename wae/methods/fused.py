"""The exact MMD penalty in O(n) memory: value and gradient from one pass over cache-sized tiles.

Points are centred, scaled by 1/sqrt(base) and kept transposed with their squared norms, so that one small matrix
product gives a tile of t = |x - y|^2 / base. Within the codes and within the prior sample only tiles on and
above the diagonal are visited. Of each tile come the sums of k_s(t) and the matrix W = -sum_s dk_s/dt; the gradient
of sum_ij k(t_ij) with respect to x_i is proportional to sum_j W_ij (x_i - y_j), two matrix products.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE = 1 << 16  # elements of a CPU tile: with one scale's buffer it fits the second-level cache
CUDA_TILE = 1 << 21


class Tiles:
    """Buffers and kernel of one call: ``visit`` adds a tile's kernel sums and returns its weights W."""

    def __init__(self, kernel: str, scales: Sequence[float], like: Tensor, edge: int) -> None:
        count = len(scales)
        self.kernel = kernel
        self.scales = torch.tensor(scales, dtype=like.dtype, device=like.device)
        self.column = self.scales[:, None] if kernel == "imq" else -1.0 / self.scales[:, None]
        self.slopes = self.scales if kernel == "imq" else 1.0 / self.scales
        self.buffer = torch.empty((2 + count) * edge * edge, dtype=like.dtype, device=like.device)
        self.part = torch.empty(count, dtype=like.dtype, device=like.device)
        self.views: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] = {}

    def visit(self, left: Tensor, right: Tensor, total: Tensor, *, diagonal: bool, weights: bool) -> Tensor:
        """W (r, c) of points ``left`` (k, r) against ``right`` (k, c); ``total`` (scales,) float64 is added to.

        ``diagonal`` says that the tile lies on the diagonal: its own diagonal is left out and it counts once,
        any other tile of a symmetric matrix counts twice. W is overwritten by the next visit.
        """
        shape = (left.shape[1], right.shape[1])
        if shape not in self.views:
            size = shape[0] * shape[1]
            self.views[shape] = (
                self.buffer[:size].view(shape),
                self.buffer[size : 2 * size],
                self.buffer[2 * size : (2 + len(self.scales)) * size].view(-1, size),
            )
        t, w, k = self.views[shape]
        torch.mm(left.T, right, out=t)
        t.clamp_min_(0.0)
        if diagonal:
            t.diagonal().fill_(math.inf)
        if self.kernel == "imq":
            torch.add(t.view(1, -1), self.column, out=k).reciprocal_()  # 1 / (s + t)
        else:
            torch.mul(t.view(1, -1), self.column, out=k).exp_()
        torch.sum(k, 1, out=self.part)
        total.add_(self.part)
        if weights:
            torch.mv((k.square_() if self.kernel == "imq" else k).T, self.slopes, out=w)
        return w.view(shape)


def features(points: Tensor, centre: Tensor, root: float) -> tuple[Tensor, Tensor]:
    """Two (d + 2, n) matrices whose products left.T @ right are |x_i - x_j|^2 / root^2; right starts with (x; 1)."""
    n, d = points.shape
    both = points.new_empty(2, d + 2, n)
    left, right = both[0], both[1]
    torch.div((points - centre).T, root, out=right[:d])
    right[d] = 1.0
    torch.sum(right[:d].square(), 0, out=right[d + 1])
    torch.mul(right[:d], -2.0, out=left[:d])
    left[d] = right[d + 1]
    left[d + 1] = 1.0
    return left, right


def penalty_and_gradients(
    z: Tensor, z_prior: Tensor, kernel: str, scales: Sequence[float], base: float, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The penalty of (n, d) and (m, d) float32 or float64 points, and its gradient for each side that is wanted."""
    (n, d), m = z.shape, z_prior.shape[0]
    root = math.sqrt(base)
    limit = math.isqrt(CUDA_TILE if z.is_cuda else TILE)
    edge = min(max(n, m), limit)
    tiles = Tiles(kernel, scales, z, edge)
    codes = features(z, z.mean(0), root)
    prior = features(z_prior, z_prior.mean(0), root)
    prior_seen = features(z_prior, z.mean(0), root)  # in the codes' frame
    within_z, within_prior, cross = z.new_zeros(3, len(scales), dtype=torch.float64)
    slope = 4.0 / root  # two orders of a pair, two from the derivative of a square
    g_z = z.new_zeros(d + 1, n) if wanted[0] else None
    g_prior = z.new_zeros(d + 1, m) if wanted[1] else None
    g_prior_cross = z.new_zeros(d + 1, m) if wanted[1] else None
    _within(tiles, codes, within_z, g_z, -slope / (n * (n - 1)), edge)
    _within(tiles, prior, within_prior, g_prior, -slope / (m * (m - 1)), edge)
    _cross(tiles, prior_seen, codes, cross, g_prior_cross, g_z, slope / (n * m), edge)
    sums = within_z / (n * (n - 1)) + within_prior / (m * (m - 1)) - 2.0 * cross / (n * m)
    value = torch.dot(sums, tiles.scales.double()) if kernel == "imq" else sums.sum()
    grad_z = None if g_z is None else _finish(codes, g_z)
    grad_prior = None
    if g_prior is not None and g_prior_cross is not None:
        grad_prior = _finish(prior, g_prior) + _finish(prior_seen, g_prior_cross)
    return value.to(z.dtype), grad_z, grad_prior


def _finish(frame: tuple[Tensor, Tensor], gathered: Tensor) -> Tensor:
    """sum_j W_ij (x_i - y_j) from ``gathered``, the sums of W_ij (y_j; 1): (n, d)."""
    d = gathered.shape[0] - 1
    return (frame[1][:d] * gathered[d] - gathered[:d]).T.contiguous()


def _within(
    tiles: Tiles, frame: tuple[Tensor, Tensor], total: Tensor, gathered: Tensor | None, factor: float, edge: int
) -> None:
    left, right = frame
    d, n = right.shape[0] - 2, right.shape[1]
    upper = torch.zeros_like(total)
    for a in range(0, n, edge):
        i = slice(a, a + edge)
        for b in range(a, n, edge):
            j = slice(b, b + edge)
            w = tiles.visit(
                left[:, i], right[:, j], total if a == b else upper, diagonal=a == b, weights=gathered is not None
            )
            if gathered is not None:
                _gather(gathered[:, j], right[: d + 1, i], w, factor)
                if a != b:
                    _gather(gathered[:, i], right[: d + 1, j], w.T, factor)
    total.add_(upper, alpha=2.0)


def _cross(
    tiles: Tiles,
    rows: tuple[Tensor, Tensor],
    columns: tuple[Tensor, Tensor],
    total: Tensor,
    g_rows: Tensor | None,
    g_columns: Tensor | None,
    factor: float,
    edge: int,
) -> None:
    d, m, n = rows[0].shape[0] - 2, rows[0].shape[1], columns[0].shape[1]
    wanted = g_rows is not None or g_columns is not None
    for b in range(0, n, edge):
        j = slice(b, b + edge)
        for a in range(0, m, edge):
            i = slice(a, a + edge)
            w = tiles.visit(rows[0][:, i], columns[1][:, j], total, diagonal=False, weights=wanted)
            if g_columns is not None:
                _gather(g_columns[:, j], rows[1][: d + 1, i], w, factor)
            if g_rows is not None:
                _gather(g_rows[:, i], columns[1][: d + 1, j], w.T, factor)


def _gather(into: Tensor, points: Tensor, w: Tensor, factor: float) -> None:
    torch.addmm(into, points, w, alpha=factor, out=into)


class FusedPenalty(torch.autograd.Function):
    """Gradients are found in the forward pass, so the backward pass only scales them."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, z: Tensor, z_prior: Tensor, kernel: str, scales: tuple[float, ...], base: float
    ) -> Tensor:
        wanted = (ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        with torch.autocast(z.device.type, enabled=False):
            value, grad_z, grad_prior = penalty_and_gradients(z, z_prior, kernel, scales, base, wanted)
        ctx.gradients = (grad_z, grad_prior)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        scaled = [None if g is None else g * grad for g in ctx.gradients]
        return (*scaled, None, None, None)
