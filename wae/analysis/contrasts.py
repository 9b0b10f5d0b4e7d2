"""Differences between methods on one dataset, tested in pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Contrast:
    """``difference`` = mean of ``first`` minus mean of ``second``, its 95% interval, and Holm's adjusted p-value."""

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    significant: bool


def compare(values: Mapping[str, "pd.Series[float]"], pairs: Sequence[tuple[str, str]], level: float) -> list[Contrast]:
    """Welch's t-test of each pair of methods over seeds, with Holm's correction over ``pairs``.

    ``values``: by method, one number a seed, two or more. A method without any spread is tested like the rest;
    two without spread differ for certain if their values do.
    """
    raw = []
    for first, second in pairs:
        a, b = values[first], values[second]
        difference = float(a.mean() - b.mean())
        if a.std() == 0 and b.std() == 0:
            raw.append((difference, difference, difference, float(difference == 0)))
            continue
        found = stats.ttest_ind(a, b, equal_var=False)
        low, high = found.confidence_interval(0.95)
        raw.append((difference, float(low), float(high), float(found.pvalue)))
    adjusted = holm([p for *_, p in raw])
    return [
        Contrast(first, second, difference, low, high, p, p <= level)
        for (first, second), (difference, low, high, _), p in zip(pairs, raw, adjusted, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979): adjusted p-values in the given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
