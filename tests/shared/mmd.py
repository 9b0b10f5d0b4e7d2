"""The penalty by a double loop over pairs, in pure Python, and points to take it of."""

import math

import torch
from torch import Tensor

SCALES = (0.1, 0.7, 3.0)


def kernel_value(name: str, squared: float, c: float) -> float:
    return c / (c + squared) if name == "imq" else math.exp(-squared / c)


def double_loop(x: Tensor, y: Tensor, name: str, scales: tuple[float, ...], base: float) -> tuple[float, float]:
    """(penalty, sum of its terms' magnitudes) by the definition, in float64, pair by pair."""

    def mean_of(a: list[list[float]], b: list[list[float]], skip: bool) -> float:
        total = 0.0
        for i, p in enumerate(a):
            for j, q in enumerate(b):
                if not (skip and i == j):
                    squared = sum((u - v) ** 2 for u, v in zip(p, q, strict=True))
                    total += sum(kernel_value(name, squared, base * s) for s in scales)
        return total / (len(a) * (len(a) - 1) if skip else len(a) * len(b))

    xs, ys = x.double().tolist(), y.double().tolist()
    terms = mean_of(xs, xs, True), mean_of(ys, ys, True), -2.0 * mean_of(xs, ys, False)
    return sum(terms), sum(abs(term) for term in terms)


def points(n: int, d: int, seed: int = 0, shift: float = 0.3, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(n, d, generator=generator, dtype=torch.float64) * 1.2 + shift).to(dtype)
