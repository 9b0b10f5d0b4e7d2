"""How many seeds of each method would decide the difference of a pair: the error budget, asked the other way round."""

import math

import numpy as np
from scipy import stats

from wae.analysis.budget import POWER, power_at
from wae.analysis.contrasts import primary_contrasts
from wae.analysis.inference_rows import Deciding
from wae.analysis.results import Results
from wae.analysis.statistics import MIN_SEEDS, SIGNIFICANCE, finite

MOST_SEEDS = 1000  # beyond it no count is sought


def deciding(results: Results) -> list[Deciding]:
    """A row per dataset and pair of main methods in the primary measure, in the order of the pairs that are tested.

    On the scale of the test: logarithms where it compares by ratios.
    """
    found = primary_contrasts(results)
    rows = []
    for contrast in found:
        pair = contrast.comparison
        a, b = (
            finite(results.seed_values(contrast.dataset, method, contrast.metric, contrast.subject))
            for method in (pair.first, pair.second)
        )
        if pair.ratio:
            a, b = np.log(a), np.log(b)
        spreads = float(a.std(ddof=1)), float(b.std(ddof=1))
        needed = deciding_seeds(float(a.mean() - b.mean()), *spreads, comparisons=len(found))
        rows.append(Deciding(contrast.dataset, pair, len(found), needed))
    return rows


def deciding_seeds(
    difference: float, first: float, second: float, comparisons: int = 1, power: float = POWER
) -> int | None:
    """Fewest seeds per method with which Welch's two-sided test finds ``difference`` with ``power``.

    ``first``, ``second``: standard deviations over seeds of the two methods, in the unit of ``difference``. The
    significance level is divided by ``comparisons`` (Holm's first step). By the noncentral t distribution with Welch's
    degrees of freedom at these standard deviations. At least MIN_SEEDS; None for more than MOST_SEEDS.
    """
    total = first**2 + second**2
    if difference == 0:
        return None
    if total == 0:
        return MIN_SEEDS

    def decides(seeds: int) -> bool:
        freedom = (seeds - 1) * total**2 / (first**4 + second**4)
        limit = float(stats.t.ppf(1 - SIGNIFICANCE / comparisons / 2, freedom))
        return power_at(abs(difference) / math.sqrt(total / seeds), limit, freedom) >= power

    if not decides(MOST_SEEDS):
        return None
    enough, short = MOST_SEEDS, MIN_SEEDS - 1  # the power grows with the seeds
    while enough - short > 1:
        middle = (enough + short) // 2
        enough, short = (middle, short) if decides(middle) else (enough, middle)
    return enough
