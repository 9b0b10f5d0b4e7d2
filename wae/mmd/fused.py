"""The exact MMD penalty in O(n) memory: value and gradient from one pass over tiles that fit the cache.

Points are centred and kept transposed beside their squared norms, so that one small matrix product gives a tile of
t = |x - y|^2. Within the codes and within the prior sample only tiles on and above the diagonal are visited. A tile
gives the sums of each kernel k_s(t) and W = -sum_s dk_s/dt, one reciprocal (or exponential) a scale for both. The
gradient of sum_ij k(t_ij) with respect to x_i is -2 sum_j W_ij (x_i - y_j): products of W with the points.

Distances are taken in the frame of the codes' mean, and within the prior sample in that of its own mean, so that
codes far from the origin, or from the prior, lose no digits to cancellation.
"""

import functools
import math
import threading
from typing import Any

import torch
from torch import Tensor

TILE_EDGE = 256  # points per side of a tile: its buffers stay in the last-level cache of a CPU core
CUDA_TILE_EDGE = 1024


class Workspace:
    """Buffers, and views into them, for penalties of one size; kept between calls as a training run repeats them.

    Columns of the buffers are points: the n codes, the m prior points in the codes' frame, the m in their own.
    """

    def __init__(
        self, like: Tensor, edge: int, n: int, m: int, d: int, kernel: str, scales: tuple[float, ...], base: float
    ) -> None:
        self.imq = kernel == "imq"
        widths = like.new_tensor([base * scale for scale in scales])  # C s
        self.shifts = (widths if self.imq else -1.0 / widths)[:, None].contiguous()
        self.slopes = widths if self.imq else 1.0 / widths
        self.mean_z, self.mean_prior = like.new_full((n,), 1.0 / n), like.new_full((m,), 1.0 / m)
        self.centres = like.new_zeros(2, d, 1)
        self.minus_two = like.new_tensor(-2.0)
        self.left = like.new_zeros(d + 2, n + 2 * m)  # rows: -2 x, |x|^2, 1
        self.right = like.new_zeros(d + 2, n + 2 * m)  # rows: x, 1, |x|^2
        self.left[d + 1] = 1.0
        self.right[d] = 1.0
        self.squares = like.new_zeros(d, n + 2 * m)
        self.gathered = like.new_zeros(d + 1, n + 2 * m)  # sums of W (y, 1) in the layout of ``right``
        self.points = [self.right[:d, a:b] for a, b in ((0, n), (n, n + m), (n + m, n + 2 * m))]
        starts = ((0, n), (n, m), (n + m, m))
        self.groups = [[Block(self, a + i, min(edge, size - i)) for i in range(0, size, edge)] for a, size in starts]
        side = min(max(n, m), edge)
        self.buffer = like.new_zeros((2 + len(scales)) * side * side)
        self.tiles: dict[tuple[int, int], tuple[Tensor, ...]] = {}
        # A slot of sums and a weight for each tile, in the order of the visits.
        within = [1.0 / (n * (n - 1)), 1.0 / (m * (m - 1))]
        self.weights = [within[0], within[1], -2.0 / (n * m)]
        factors = [
            weight * (1.0 if a is b else 2.0)
            for weight, group in zip(within, (self.groups[0], self.groups[2]), strict=True)
            for b in group
            for a in group[: group.index(b) + 1]
        ]
        factors += [self.weights[2]] * (len(self.groups[0]) * len(self.groups[1]))
        self.factors = torch.tensor(factors, dtype=torch.float64, device=like.device)
        self.heights = widths.double() if self.imq else torch.ones_like(widths, dtype=torch.float64)
        self.sums = like.new_zeros(len(factors), len(scales))
        self.slots = self.sums.unbind(0)

    def load(self, z: Tensor, z_prior: Tensor) -> None:
        """Fill the buffers with (n, d) codes and (m, d) prior points."""
        d = z.shape[1]
        centre, own = self.centres  # all products have ``out``, which autocast leaves in full precision
        torch.mv(z.T, self.mean_z, out=centre[:, 0])
        torch.mv(z_prior.T, self.mean_prior, out=own[:, 0])
        torch.sub(z.T, centre, out=self.points[0])
        torch.sub(z_prior.T, centre, out=self.points[1])
        torch.sub(z_prior.T, own, out=self.points[2])
        torch.mul(self.right[:d], self.minus_two, out=self.left[:d])
        torch.mul(self.right[:d], self.right[:d], out=self.squares)
        torch.sum(self.squares, 0, out=self.right[d + 1])
        self.left[d].copy_(self.right[d + 1])
        self.gathered.zero_()

    def visit(self, rows: "Block", columns: "Block", slot: Tensor, wanted: bool) -> Tensor:
        """Kernel sums of a tile into ``slot`` (scales,); returns W (rows, columns) if ``wanted``, valid until the next.

        The diagonal of a tile of a block with itself is left out.
        """
        shape = (rows.size, columns.size)
        views = self.tiles.get(shape) or self._views(shape)
        t, flat, kernels, transposed, w, w_flat, diagonal = views
        torch.mm(rows.left, columns.right, out=t)
        flat.clamp_min_(0.0)
        if rows is columns:
            diagonal.fill_(math.inf)
        if self.imq:
            torch.add(flat, self.shifts, out=kernels)
            kernels.reciprocal_()  # 1 / (C s + t): k_s without its factor C s
        else:
            torch.mul(flat, self.shifts, out=kernels)
            kernels.exp_()
        torch.sum(kernels, 1, out=slot)
        if wanted:
            if self.imq:
                torch.mul(kernels, kernels, out=kernels)
            torch.mv(transposed, self.slopes, out=w_flat)
        return w

    def _views(self, shape: tuple[int, int]) -> tuple[Tensor, ...]:
        size = shape[0] * shape[1]
        flat, w = self.buffer[:size], self.buffer[size : 2 * size]
        kernels = self.buffer[2 * size :][: len(self.slopes) * size].view(-1, size)
        t = flat.view(shape)
        self.tiles[shape] = (t, flat, kernels, kernels.T, w.view(shape), w, t.diagonal())
        return self.tiles[shape]

    def run(self, z: Tensor, z_prior: Tensor, wanted: tuple[bool, bool]) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The penalty and its gradient for the codes and for the prior points, where wanted."""
        self.load(z, z_prior)
        slots = iter(self.slots)
        for group, weight, want in zip(self.groups[::2], self.weights, wanted, strict=False):
            for j, columns in enumerate(group):
                for rows in group[: j + 1]:
                    w = self.visit(rows, columns, next(slots), want)
                    if want:
                        columns.gather(rows, w, weight)
                        if rows is not columns:
                            rows.gather(columns, w.T, weight)
        half = 0.5 * self.weights[2]  # each cross pair stands in one order only
        for columns in self.groups[0]:
            for rows in self.groups[1]:
                w = self.visit(rows, columns, next(slots), any(wanted))
                if wanted[0]:
                    columns.gather(rows, w, half)
                if wanted[1]:
                    rows.gather(columns, w.T, half)
        value = torch.dot(torch.mv(self.sums.double().T, self.factors), self.heights).to(z.dtype)
        n, m = z.shape[0], z_prior.shape[0]
        gradient = self._gradient(slice(0, n)) if wanted[0] else None
        prior = self._gradient(slice(n, n + m)) + self._gradient(slice(n + m, n + 2 * m)) if wanted[1] else None
        return value, gradient, prior

    def _gradient(self, columns: slice) -> Tensor:
        """-4 weight sum_j W_ij (x_i - y_j) of some columns, as (n, d) rows: ``gathered`` holds -4 weight W (y, 1)."""
        d = len(self.squares)
        gathered = self.gathered[:, columns]
        return torch.addcmul(gathered[:d].neg(), self.right[:d, columns], gathered[d]).T.contiguous()


class Block:
    """Views of some columns of a workspace."""

    def __init__(self, workspace: Workspace, start: int, size: int) -> None:
        columns = slice(start, start + size)
        d = len(workspace.squares)
        self.size = size
        self.left = workspace.left[:, columns].T  # (size, d + 2)
        self.right = workspace.right[:, columns]  # (d + 2, size)
        self.points = self.right[: d + 1]  # (d + 1, size): x and 1
        self.gathered = workspace.gathered[:, columns]  # (d + 1, size)

    def gather(self, other: "Block", w: Tensor, weight: float) -> None:
        """Add -4 weight sum_i (y_i, 1) W_ij over the points y of ``other``, for each point j of this block."""
        torch.addmm(self.gathered, other.points, w, alpha=-4.0 * weight, out=self.gathered)


@functools.lru_cache(maxsize=32)  # training has one size or two; the timing study comes back to each of ten
def _workspace(thread: int, device: torch.device, dtype: torch.dtype, *sizes: Any) -> Workspace:
    like = torch.empty(0, dtype=dtype, device=device)
    with torch.inference_mode(False):  # for steps of training too
        return Workspace(like, CUDA_TILE_EDGE if device.type == "cuda" else TILE_EDGE, *sizes)


def release() -> None:
    """Drop the buffers kept between calls; the next call makes its own again, with the same result."""
    _workspace.cache_clear()


class FusedPenalty(torch.autograd.Function):
    """The penalty of (n, d) and (m, d) points; gradients are found with the value, backward only scales them."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, z_prior: Tensor, kernel: str, scales: tuple[float, ...], base: float) -> Tensor:
        n, d = z.shape
        space = _workspace(threading.get_ident(), z.device, z.dtype, n, len(z_prior), d, kernel, scales, base)
        value, *ctx.gradients = space.run(z, z_prior, ctx.needs_input_grad[:2])
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*scaled(ctx.gradients, grad), None, None, None)


def scaled(gradients: list[Tensor | None], grad: Tensor) -> list[Tensor | None]:
    """Gradients found in the forward pass, times the upstream gradient; a graph of them is refused (RuntimeError)."""
    if torch.is_grad_enabled():
        raise RuntimeError("this MMD penalty has no second derivative: without create_graph, or take mmd_official")
    return [None if gradient is None else gradient * grad for gradient in gradients]
