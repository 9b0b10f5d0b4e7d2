"""Statistics of scores over seeds, as pure functions on arrays.

A score is one number per run; NaN stands for a run that diverged or was not made and is left out. Runs with the same
seed share first weights, data order and prior draws across methods, which makes no pair strong enough to test as one:
tests take the seeds of two methods as independent samples.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Union

import numpy as np
import pandas as pd
from scipy import special, stats

from wae.evaluation.metric import Metric

MIN_SEEDS = 3  # of each method, for a test
CONFIDENCE = 0.95  # of every interval
SIGNIFICANCE = 0.05  # of every test, after correction

Values = Union[Sequence[float], np.ndarray, "pd.Series[float]"]


@dataclass(frozen=True)
class Interval:
    """Mean of ``n`` values and its 95% interval, None for fewer than two values."""

    n: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """Methods ``first`` and ``second`` against each other, on one dataset.

    ``estimate``: mean of first less mean of second or, where ``ratio``, the ratio of their geometric means; ``low``,
    ``high``: its 95% interval; ``p``: two-sided Welch test, ``p_holm``: corrected for all pairs that were compared
    together; ``effect``: Hedges' g (of the logarithms where ``ratio``); ``improvement``: probability that a run of
    ``first`` scores better than one of ``second``, ties counted half. With fewer than MIN_SEEDS ``seeds`` of either
    there is no test: interval, p and effect are None.
    """

    first: str
    second: str
    seeds: int
    estimate: float
    improvement: float
    ratio: bool = False
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    effect: float | None = None

    @property
    def neutral(self) -> float:
        """The estimate of two equal methods."""
        return 1.0 if self.ratio else 0.0

    @property
    def significant(self) -> bool:
        """Whether the corrected test finds a difference; False where there was no test."""
        return self.p_holm is not None and self.p_holm <= SIGNIFICANCE

    @property
    def lower(self) -> bool:
        """Whether ``first`` is significantly lower than ``second``."""
        return self.significant and self.estimate < self.neutral

    @property
    def higher(self) -> bool:
        """Whether ``first`` is significantly higher than ``second``."""
        return self.significant and self.estimate > self.neutral


def together(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with Holm's correction over all of them, as one verdict rests on them."""
    corrected = holm([c.p for c in comparisons])
    return [replace(c, p_holm=p) for c, p in zip(comparisons, corrected, strict=True)]


def against(name: str, values: Values, target: float, ratio: bool = False) -> Comparison:
    """One method's scores against a fixed number, such as real data's: a one-sample t-test, on the logarithms if
    ``ratio``; fields as for two methods, ``second`` is empty.
    """
    found = finite(values)
    x = np.log(found) - math.log(target) if ratio else found - target
    back = math.exp if ratio else float
    improvement = float(np.mean((x < 0) + 0.5 * (x == 0))) if len(x) else math.nan
    made = Comparison(name, "", len(x), back(float(x.mean())) if len(x) else math.nan, improvement, ratio)
    if len(x) < MIN_SEEDS:
        return made
    if np.ptp(x) == 0:
        p = 1.0 if x[0] == 0 else 0.0
        return replace(made, low=made.estimate, high=made.estimate, p=p, p_holm=p)
    mean = float(x.mean())
    p, half = _two_sided(mean, *_welch(x))
    effect = mean / float(x.std(ddof=1))
    return replace(made, low=back(mean - half), high=back(mean + half), p=p, p_holm=p, effect=effect)


def below(a: Values, b: Values | float, shift: float = 0.0) -> float:
    """One-sided p-value that the mean of ``a`` is below that of ``b`` plus ``shift`` (Welch; a number: one sample).

    With a margin as ``shift`` this tests non-inferiority; two of them make an equivalence test. 1 for fewer than
    MIN_SEEDS values.
    """
    x = finite(a)
    y = None if isinstance(b, int | float) else finite(b)
    if len(x) < MIN_SEEDS or (y is not None and len(y) < MIN_SEEDS):
        return 1.0
    target = float(b) if isinstance(b, int | float) else float(finite(b).mean())
    difference = float(x.mean()) - target - shift
    error, freedom = _welch(x, y)
    if error == 0:
        return float(difference >= 0)
    return float(special.stdtr(freedom, difference / error))


def equivalent(a: Values, b: Values, margin: float) -> float:
    """p-value of two one-sided tests (Schuirmann 1987) that the means of ``a`` and ``b`` differ by less than
    ``margin``.
    """
    return max(below(a, b, margin), below(b, a, margin))


def interval(
    values: Values, positive: bool = False, lowest: float | None = None, highest: float | None = None
) -> Interval:
    """Mean of ``values`` (n,), NaN left out, and its 95% interval by Student's t.

    ``positive``: the quantity cannot be zero or less; the interval is then mean times exp(+- t sd / (mean sqrt n)),
    symmetric on the log scale (delta method), so that it stays above zero. ``lowest``, ``highest``: the quantity lies
    nowhere beyond, so that the interval is cut there, which takes nothing from its coverage. NaN mean for no values.
    """
    found = finite(values)
    if len(found) == 0:
        return Interval(0, math.nan, None, None)
    mean = float(found.mean())
    if len(found) == 1:
        return Interval(1, mean, None, None)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(found) - 1) * found.std(ddof=1) / math.sqrt(len(found)))
    if positive and (found > 0).all():
        factor = math.exp(half / mean)
        return Interval(len(found), mean, mean / factor, mean * factor)
    low = mean - half if lowest is None else max(mean - half, lowest)
    high = mean + half if highest is None else min(mean + half, highest)
    return Interval(len(found), mean, low, high)


def score_interval(values: Values, what: Metric) -> Interval:
    """``interval`` of a metric's ``values``, one per seed, within what its definition allows."""
    return interval(values, what.positive, what.lowest, what.highest)


def finite(values: Values) -> np.ndarray:
    """The finite ones of ``values`` as a float array (n,)."""
    array = np.asarray(values, dtype=float).ravel()
    return array[np.isfinite(array)]


def compare(
    values: Mapping[str, Values],
    pairs: Sequence[tuple[str, str]] | None = None,
    better: str = "lower",
    ratio: bool = False,
) -> list[Comparison]:
    """Welch's t-test of each pair (all pairs by default) of ``values`` (by method, one number per seed).

    Holm's correction is over the pairs that are tested. ``ratio``: on the logarithms, for positive scores; it falls
    back to differences where a score is zero or less.
    """
    clean = {name: finite(found) for name, found in values.items()}
    ratio = ratio and all((found > 0).all() for found in clean.values())
    chosen = list(itertools.combinations(values, 2)) if pairs is None else pairs
    raw = [_pair(first, second, clean[first], clean[second], better, ratio) for first, second in chosen]
    return [replace(c, p_holm=p) for c, p in zip(raw, holm([c.p for c in raw]), strict=True)]


def _pair(first: str, second: str, a: np.ndarray, b: np.ndarray, better: str, ratio: bool) -> Comparison:
    improvement = probability_of_improvement(a, b, better)
    x, y = (np.log(a), np.log(b)) if ratio else (a, b)
    difference = float(x.mean() - y.mean()) if len(x) and len(y) else math.nan
    back = math.exp if ratio else float
    few = min(len(a), len(b))
    made = Comparison(first, second, few, back(difference), improvement, ratio)
    if few < MIN_SEEDS:
        return made
    effect = hedges_g(x, y)
    if max(np.ptp(x), np.ptp(y)) == 0:  # equal numbers in every seed: no spread to test with, and none is needed
        p = 1.0 if difference == 0 else 0.0
        return replace(made, low=made.estimate, high=made.estimate, p=p, effect=effect)
    error, freedom = _welch(x, y)
    p, half = _two_sided(difference, error, freedom)
    return replace(made, low=back(difference - half), high=back(difference + half), p=p, effect=effect)


def _welch(x: np.ndarray, y: np.ndarray | None = None) -> tuple[float, float]:
    """Standard error of the difference of means of ``x`` and ``y`` (or of the mean of ``x``) and degrees of freedom."""
    a = x.var(ddof=1) / len(x)
    if y is None:
        return math.sqrt(a), len(x) - 1.0
    b = y.var(ddof=1) / len(y)
    if a + b == 0:
        return 0.0, len(x) + len(y) - 2.0
    return math.sqrt(a + b), (a + b) ** 2 / (a**2 / (len(x) - 1) + b**2 / (len(y) - 1))


def _two_sided(difference: float, error: float, freedom: float) -> tuple[float, float]:
    """Two-sided p-value of a difference, and half its confidence interval."""
    p = 2.0 * special.stdtr(freedom, -abs(difference) / error)
    return float(p), float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2) * error)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction (1979) of p-values; None (no test) stays None and does not count."""
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    worst = 0.0
    for rank, (p, place) in enumerate(tested):
        worst = max(worst, min(p * (len(tested) - rank), 1.0))
        corrected[place] = worst
    return corrected


def hedges_g(a: np.ndarray, b: np.ndarray) -> float | None:
    """Difference of means in pooled standard deviations, with Hedges' correction for few values (1981).

    ``a`` (n,), ``b`` (m,), n + m > 2. 0 for equal means; None (infinite) where the means differ without any spread.
    """
    n, m = len(a), len(b)
    freedom = n + m - 2
    difference = float(np.mean(a) - np.mean(b))
    pooled = math.sqrt(((n - 1) * np.var(a, ddof=1) + (m - 1) * np.var(b, ddof=1)) / freedom)
    if difference == 0:
        return 0.0
    return None if pooled == 0 else difference / pooled * (1 - 3 / (4 * freedom - 1))


def probability_of_improvement(a: Values, b: Values, better: str = "lower") -> float:
    """Share of pairs (a_i, b_j) in which a is better, ties half (Agarwal et al. 2021). NaN where either is empty."""
    if better not in ("lower", "higher"):
        raise ValueError(f"better is {better!r}; it must be 'lower' or 'higher'")
    if len(a) == 0 or len(b) == 0:
        return math.nan
    gap = np.subtract.outer(np.asarray(b), np.asarray(a)) if better == "lower" else np.subtract.outer(a, b)
    return float(np.mean((gap > 0) + 0.5 * (gap == 0)))


def best_and_ties(values: Mapping[str, Values], better: str = "lower", ratio: bool = False) -> tuple[str, list[str]]:
    """The method of the best mean, and those that no corrected test over all pairs tells from it.

    ("", []) unless two methods or more are given and each has MIN_SEEDS finite scores.
    """
    clean = {name: finite(found) for name, found in values.items()}
    if len(clean) < 2 or min(map(len, clean.values())) < MIN_SEEDS:
        return "", []
    sign = 1 if better == "lower" else -1
    best = min(clean, key=lambda name: sign * clean[name].mean())
    ties = [
        c.second if c.first == best else c.first
        for c in compare(clean, better=better, ratio=ratio)
        if best in (c.first, c.second) and not c.significant
    ]
    return best, ties


def mean_tau(rankings: Sequence[Sequence[float]]) -> float | None:
    """Mean Kendall's tau-b over all pairs of ``rankings`` (conditions, methods); None for no pair with an order."""
    taus = [tau for a, b in itertools.combinations(rankings, 2) if (tau := kendall(a, b)) is not None]
    return float(np.mean(taus)) if taus else None


def kendall(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Kendall's tau-b of two rankings; None for fewer than two entries or where one ranks all alike."""
    tau = float(stats.kendalltau(a, b).statistic) if len(a) > 1 else math.nan
    return tau if math.isfinite(tau) else None
