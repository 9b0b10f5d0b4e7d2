"""Statistics of scores over seeds, as pure functions on arrays.

``scores`` is (seeds, methods), one number a run; NaN stands for a run that diverged or was not made. Seeds
are independent repetitions: the same seed of two methods shares nothing that would make a pair, so tests are
unpaired by default; ``paired=True`` takes rows as pairs.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

MIN_SEEDS = 3  # of each method, for a test


@dataclass(frozen=True)
class Summary:
    """Arrays (methods,). ``n``: finite scores; ``sd``, ``low``, ``high`` (95% t-interval) are NaN for n < 2."""

    n: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Methods ``first`` and ``second`` (column indices) against each other.

    ``difference``: mean of first less mean of second, with its 95% interval; ``p``: two-sided, ``p_holm``:
    corrected for all pairs; ``effect``: Hedges' g; ``improvement``: probability that a run of ``first`` scores
    better than one of ``second``, ties counted half. ``note`` says why there is no test ("" where there is
    one); then p, p_holm and the interval are NaN.
    """

    first: int
    second: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    effect: float
    improvement: float
    note: str = ""

    def differs(self, alpha: float = 0.05) -> bool:
        """Whether the corrected test finds a difference; False where there was no test."""
        return bool(self.p_holm < alpha)


def summarise(scores: np.ndarray, level: float = 0.95) -> Summary:
    """Mean, standard deviation (n - 1) and t-interval of each column of ``scores`` (seeds, methods), NaN left out."""
    scores = _matrix(scores)
    n = np.isfinite(scores).sum(0)
    columns = [column[np.isfinite(column)] for column in scores.T]
    mean = np.array([c.mean() if len(c) else np.nan for c in columns])
    sd = np.array([c.std(ddof=1) if len(c) > 1 else np.nan for c in columns])
    half = np.array([stats.t.ppf((1 + level) / 2, k - 1) * s / math.sqrt(k) if k > 1 else np.nan
                     for k, s in zip(n, sd, strict=True)])  # fmt: skip
    return Summary(n, mean, sd, mean - half, mean + half)


def compare(scores: np.ndarray, better: str = "lower", *, paired: bool = False) -> list[Comparison]:
    """Every pair of methods of ``scores`` (seeds, methods): Welch's t-test, or the paired one, with Holm's correction.

    A pair with fewer than 3 seeds of either method (of complete pairs, if paired) gets no test and a note,
    and does not count in the correction.
    """
    scores = _matrix(scores)
    raw = [_pair(scores, i, j, better, paired) for i, j in itertools.combinations(range(scores.shape[1]), 2)]
    corrected = holm([c.p for c in raw])
    return [Comparison(**{**vars(c), "p_holm": p}) for c, p in zip(raw, corrected, strict=True)]


def _pair(scores: np.ndarray, i: int, j: int, better: str, paired: bool) -> Comparison:
    a, b = scores[:, i], scores[:, j]
    if paired:
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    difference = float(a.mean() - b.mean()) if len(a) and len(b) else math.nan
    improvement = probability_of_improvement(a, b, better)
    few = min(len(a), len(b))
    if few < MIN_SEEDS:
        note = f"no test: {few} seed{'s' * (few != 1)}, a test needs {MIN_SEEDS}"
        return Comparison(i, j, difference, math.nan, math.nan, math.nan, math.nan, math.nan, improvement, note)
    effect = hedges_g(a, b)
    spread = np.ptp(a - b) if paired else max(np.ptp(a), np.ptp(b))
    if spread == 0:  # equal numbers in every seed: no spread to test with, and none is needed
        p = 1.0 if difference == 0 else 0.0
        return Comparison(i, j, difference, difference, difference, p, math.nan, effect, improvement)
    test = stats.ttest_rel(a, b) if paired else stats.ttest_ind(a, b, equal_var=False)
    interval = test.confidence_interval(0.95)
    return Comparison(
        i, j, difference, float(interval.low), float(interval.high), float(test.pvalue), math.nan, effect, improvement
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979) of p-values; NaN (no test) stays NaN and does not count."""
    values = np.asarray(p_values, dtype=float)
    tested = np.flatnonzero(np.isfinite(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = len(order) - np.arange(len(order))
    corrected = np.full(len(values), np.nan)
    corrected[order] = np.maximum.accumulate(np.minimum(values[order] * factors, 1.0))
    return [float(p) for p in corrected]


def hedges_g(a: np.ndarray, b: np.ndarray) -> float:
    """Difference of means in pooled standard deviations, with Hedges' correction for few values (1981).

    ``a`` (n,), ``b`` (m,), n + m > 2. 0 for equal means; infinite where the means differ and there is no spread.
    """
    n, m = len(a), len(b)
    freedom = n + m - 2
    difference = float(np.mean(a) - np.mean(b))
    pooled = math.sqrt(((n - 1) * np.var(a, ddof=1) + (m - 1) * np.var(b, ddof=1)) / freedom)
    if difference == 0:
        return 0.0
    if pooled == 0:
        return math.copysign(math.inf, difference)
    return difference / pooled * (1 - 3 / (4 * freedom - 1))


def probability_of_improvement(a: np.ndarray, b: np.ndarray, better: str = "lower") -> float:
    """Share of pairs (a_i, b_j) in which a is better, ties half (Agarwal et al. 2021). NaN where either is empty."""
    if better not in ("lower", "higher"):
        raise ValueError(f"better is {better!r}; it must be 'lower' or 'higher'")
    if len(a) == 0 or len(b) == 0:
        return math.nan
    gap = np.subtract.outer(np.asarray(b), np.asarray(a)) if better == "lower" else np.subtract.outer(a, b)
    return float(np.mean((gap > 0) + 0.5 * (gap == 0)))


def best_and_ties(scores: np.ndarray, better: str = "lower", alpha: float = 0.05) -> np.ndarray:
    """Which methods are the best or tied with it: boolean (methods,), from ``scores`` (seeds, methods).

    The best mean, and each method that no corrected test tells apart from it. A method without a test
    against the best is not called a tie; nor is anything best while fewer than two methods have 3 seeds.
    """
    summary = summarise(scores)
    marked = np.zeros(len(summary.n), dtype=bool)
    ready = np.flatnonzero(summary.n >= MIN_SEEDS)
    if len(ready) < 2:
        return marked
    best = int(ready[np.argmin(summary.mean[ready] if better == "lower" else -summary.mean[ready])])
    marked[best] = True
    for found in compare(scores, better):
        if best in (found.first, found.second) and not found.note and not found.differs(alpha):
            marked[[found.first, found.second]] = True
    return marked


@dataclass(frozen=True)
class RankStability:
    """``ranks``: (conditions, methods), 1 is best, equal scores share a rank. ``agreement``: mean Kendall's tau-b.

    ``same_order``: whether all conditions rank alike; ``order``: method indices by their mean rank.
    """

    ranks: np.ndarray
    agreement: float
    same_order: bool
    order: list[int]


def rank_stability(values: np.ndarray, better: Sequence[str] | str = "lower") -> RankStability:
    """How far the ranking of methods hangs on the condition: metric, sample count, reference, seed.

    ``values``: (conditions, methods), the mean score under each condition; ``better``: "lower" or "higher",
    one for all conditions or one each. Conditions with a NaN are left out. Agreement is NaN for fewer than
    two conditions or methods.
    """
    values = _matrix(values)
    ways = [better] * len(values) if isinstance(better, str) else list(better)
    complete = np.isfinite(values).all(1)
    signed = np.array([v if way == "lower" else -v for v, way in zip(values, ways, strict=True)])[complete]
    if len(signed) == 0:
        return RankStability(np.empty((0, values.shape[1])), math.nan, False, [])
    ranks = stats.rankdata(signed, axis=1)
    order = [int(i) for i in np.argsort(ranks.mean(0), kind="stable")]
    taus = [float(stats.kendalltau(a, b).statistic) for a, b in itertools.combinations(ranks, 2)]
    taus = [tau for tau in taus if math.isfinite(tau)]
    agreement = float(np.mean(taus)) if taus else math.nan
    return RankStability(ranks, agreement, bool((ranks == ranks[0]).all()), order)


def _matrix(scores: np.ndarray) -> np.ndarray:
    values = np.asarray(scores, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"scores have shape {values.shape}; need (seeds, methods)")
    return values
