"""The rules that give verdicts, as pure functions of scores: tests/analysis/test_error_rates.py simulates each.

A part of a claim is supported where its 95% interval shows what is claimed by more than the margin, and refuted where a
corrected test finds the contrary, or equality within the margin, even beside a significant difference in the claimed
direction: no truth makes both likely. The whole is supported where every part is (an intersection-union test: each part
at the 5% level keeps the whole there, so that nothing is corrected) and refuted by one part (a union: so Holm's or
Bonferroni's correction is over all parts that the verdict rests on).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from wae.analysis.claims.verdicts import Verdict
from wae.analysis.costs.growth import share_interval
from wae.analysis.costs.power_laws import Z
from wae.analysis.costs.rows import Growth
from wae.analysis.statistics import (
    SIGNIFICANCE,
    Comparison,
    Values,
    against,
    below,
    compare,
    equivalent,
    holm,
    together,
)

Scores = Mapping[str, Values]  # by method, one number per seed


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: "first is lower than second", and what the scores say of it.

    ``p_equal``: corrected p-value of the two one-sided tests for equality within the margin, None without a margin.
    """

    where: str
    comparison: Comparison
    verdict: Verdict
    p_equal: float | None = None


def lower_everywhere(
    cells: Mapping[str, Scores],
    pairs: Sequence[tuple[str, str]],
    margin: float | None = None,
    targets: Mapping[str, float] | None = None,
) -> list[Part]:
    """Parts of the claim that in each pair the first method scores lower than the second, in every cell (dataset).

    Scores are positive and compared as ratios. ``margin``: the ratio within which two count as equal (0.05: 5%); the
    first must be lower by more. ``targets``: of each cell, a number that the first of the first pair must be below too,
    likewise.
    """
    found: list[tuple[str, Comparison, float | None]] = []
    for where, scores in cells.items():
        if targets is not None:
            first = pairs[0][0]
            found.append((where, against(first, scores[first], targets[where], ratio=True), None))
        for comparison in compare(scores, pairs, ratio=True):
            a, b = (np.log(np.asarray(scores[name], float)) for name in (comparison.first, comparison.second))
            equal = None if margin is None or not comparison.ratio else equivalent(a, b, math.log1p(margin))
            found.append((where, comparison, equal))
    corrected = together([comparison for _, comparison, _ in found])
    equals = holm([equal for _, _, equal in found])
    return [
        Part(where, comparison, _directed(comparison, equal, margin or 0.0), equal)
        for (where, _, _), comparison, equal in zip(found, corrected, equals, strict=True)
    ]


def _directed(comparison: Comparison, p_equal: float | None, margin: float) -> Verdict:
    if comparison.higher or (p_equal is not None and p_equal <= SIGNIFICANCE):
        return Verdict.REFUTED
    limit = 1 / (1 + margin) if comparison.ratio else 0.0
    return Verdict.SUPPORTED if comparison.high is not None and comparison.high < limit else Verdict.INCONCLUSIVE


def larger_everywhere(cells: Mapping[str, Scores], base: str, margin: float) -> list[Part]:
    """Parts of the claim that each other method of a cell scores higher than ``base`` by more than ``margin``.

    Supported where the 95% interval of the difference lies above the margin; refuted where the corrected test finds it
    lower, or equal within the margin.
    """
    found = [
        (where, comparison)
        for where, scores in cells.items()
        for comparison in compare(scores, [(m, base) for m in scores if m != base], better="higher")
    ]
    corrected = together([comparison for _, comparison in found])
    equals = holm([equivalent(cells[where][c.first], cells[where][c.second], margin) for where, c in found])
    parts = []
    for (where, _), c, equal in zip(found, corrected, equals, strict=True):
        verdict = Verdict.SUPPORTED if c.low is not None and c.low > margin else Verdict.INCONCLUSIVE
        if c.lower or (equal is not None and equal <= SIGNIFICANCE):
            verdict = Verdict.REFUTED
        parts.append(Part(where, c, verdict, equal))
    return parts


def no_worse(allowed: Sequence[Values], rivals: Sequence[Values], margin: float, contests: int = 1) -> Verdict:
    """Whether some allowed setting is no worse than every rival by more than ``margin`` of the ratio; lower is better.

    Supported where one allowed setting is non-inferior to all rivals, Bonferroni over the allowed ones; else refuted
    where one rival is significantly better than all allowed ones by more than the margin, Bonferroni over rivals and
    ``contests``.
    """
    a_logs, r_logs = ([np.log(np.asarray(v, float)) for v in group] for group in (allowed, rivals))
    shift = math.log1p(margin)
    best = min(max(below(a, r, shift) for r in r_logs) for a in a_logs) * len(a_logs)
    if best <= SIGNIFICANCE:
        return Verdict.SUPPORTED
    worst = min(max(below(r, a, -shift) for a in a_logs) for r in r_logs) * len(r_logs) * contests
    return Verdict.REFUTED if worst <= SIGNIFICANCE else Verdict.INCONCLUSIVE


def within(values: Values, margin: float, tests: int = 1) -> Verdict:
    """Whether the mean of an effect size is below ``margin``: supported, above: refuted (Bonferroni over ``tests``)."""
    if below(values, margin) <= SIGNIFICANCE:
        return Verdict.SUPPORTED
    above = below(-np.asarray(values, float), -margin) * tests
    return Verdict.REFUTED if above <= SIGNIFICANCE else Verdict.INCONCLUSIVE


def arrived(values: Values, margin: float, claimed: bool, tests: int = 1) -> Verdict:
    """Whether codes came nearer than ``margin``, as ``claimed``, or stayed farther, where the claim is the contrary."""
    found = np.asarray(values, float)
    return within(found, margin, tests) if claimed else within(-found, -margin, tests)


def share_above(found: Growth, power: int, share: float, misfit: float, tests: int = 1) -> Verdict:
    """Whether the term n^``power`` has more than ``share`` of a cost at the largest n: its 95% interval lies above, or
    below at 5% over all ``tests``. Inconclusive where the points are further than ``misfit`` from the fit.
    """
    if found.misfit > misfit:
        return Verdict.INCONCLUSIVE
    if share_interval(found, power)[0] > share:
        return Verdict.SUPPORTED
    return Verdict.REFUTED if share_interval(found, power, tests)[1] < share else Verdict.INCONCLUSIVE


def cheaper(first: tuple[float, float], second: tuple[float, float], tests: int = 1) -> Verdict:
    """Whether the first of two costs is the smaller one: their 95% intervals (low, high) must be apart.

    Refuted where they are apart the other way, and the z-value of the log ratio (standard errors from the widths of the
    intervals) passes 5% over all ``tests`` too.
    """
    if first[1] < second[0]:
        return Verdict.SUPPORTED
    (a, a_error), (b, b_error) = (
        (math.log(low * high) / 2, math.log(high / low) / (2 * Z)) for low, high in (first, second)
    )
    clear = a - b > float(stats.norm.ppf(1 - SIGNIFICANCE / 2 / tests)) * math.hypot(a_error, b_error)
    return Verdict.REFUTED if second[1] < first[0] and clear else Verdict.INCONCLUSIVE
