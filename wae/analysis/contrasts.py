"""Differences between methods on one dataset, tested in pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wae.analysis import statistics


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

    ``values``: by method, one number a seed, three or more (ValueError for fewer).
    """
    raw = [_pair(values[first], values[second]) for first, second in pairs]
    adjusted = statistics.holm([found.p for found in raw])
    return [
        Contrast(first, second, found.difference, found.low, found.high, p, p <= level)
        for (first, second), found, p in zip(pairs, raw, adjusted, strict=True)
    ]


def _pair(a: "pd.Series[float]", b: "pd.Series[float]") -> statistics.Comparison:
    scores = np.full((max(len(a), len(b)), 2), np.nan)
    scores[: len(a), 0], scores[: len(b), 1] = a, b
    found = statistics.compare(scores)[0]
    if found.note:
        raise ValueError(found.note)
    return found
