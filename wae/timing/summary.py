"""A few numbers for many timed rounds: median, quartiles, and an interval of the median that assumes no law."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_ROUNDS = 6  # fewer give no 95% interval of a median


@dataclass(frozen=True)
class Summary:
    """Of some rounds, in seconds: median, quartiles, and the 95% interval (``low``, ``high``) of the median."""

    median: float
    q1: float
    q3: float
    low: float
    high: float
    rounds: int


def summarise(seconds: Sequence[float]) -> Summary:
    """The summary of at least one round (ValueError for none)."""
    if len(seconds) == 0:
        raise ValueError("found 0 rounds, need at least 1")
    values = np.sort(np.asarray(seconds, dtype=np.float64))
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    rank = median_rank(len(values))
    return Summary(float(median), float(q1), float(q3), float(values[rank]), float(values[-1 - rank]), len(values))


def median_rank(count: int, level: float = 0.95) -> int:
    """The largest r for which the r-th smallest and r-th largest of ``count`` draws (from 0) hold the median.

    They do with probability 1 - 2 P(Binomial(count, 1/2) <= r), which is at least ``level``. Fewer than 6 draws
    cannot reach 95%: r = 0 then, the smallest and the largest.
    """
    tail, rank = 0.0, -1
    for r in range(count // 2):
        tail += math.comb(count, r) / 2.0**count
        if 2.0 * tail > 1.0 - level:
            break
        rank = r
    return max(rank, 0)


def is_settled(seconds: Sequence[float], within: float = 0.05) -> bool:
    """Whether the 95% interval of the median reaches at most ``within`` of it to either side."""
    if len(seconds) < LEAST_ROUNDS:
        return False
    s = summarise(seconds)
    return max(s.high - s.median, s.median - s.low) <= within * s.median
