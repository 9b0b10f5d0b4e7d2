"""One permutation test of all scores of all cells together: in which cells are two sets of runs of different laws.

Westfall and Young's maximum statistic by joint permutations (Resampling-Based Multiple Testing, 1993): a split deals
the runs of every cell alike, and each cell's statistic is compared with the largest of all cells in each split.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from wae.analysis.statistics import SIGNIFICANCE

PERMUTATIONS = 20_000  # at most; all of them where there are fewer
Seeds = tuple[tuple[int, ...], tuple[int, ...]]  # of the recorded and of the fresh runs


def told_apart(cells: Sequence[tuple[pd.DataFrame, pd.DataFrame]], seed: int = 0) -> list[float | None]:
    """For each cell, the p-value that its recorded and fresh runs are of one law, corrected over all cells.

    ``cells``: pairs of tables (seeds, scores), recorded and fresh, the seeds as index, with the same columns. A score
    counts in a cell where it is finite in every run that has any. ``seed``: of the random splits.

    A split deals the runs into two sides of the same sizes, all recorded runs of one seed number together in every
    cell, and so the fresh ones. A cell's p is the share of the splits in which any cell's statistic is at least as
    large as its own in the split as it is. So any dependence between cells is allowed for, the probability of any
    false rejection is at most 5% whichever other cells differ, and five seeds can reject however many cells there are.
    Over all splits of the runs, or PERMUTATIONS random ones. Fresh runs of the recorded seed numbers share first
    weights and orders with the recorded ones, which can only bring the two sides nearer and make p larger.

    The statistic is the energy distance, each score in units of its spread over all runs and distances summed over
    scores, in standard deviations over splits above its mean over splits, by which cells with few and many scores weigh
    alike. The least of the cells' own p-values would not do: each cell has a split of its own that is the most extreme,
    so that with eight cells of five seeds 8 of 126 splits are as extreme as any and the least p is 0.0635.

    Cells whose seeds are not the others' have no common splits with them: they are a group of their own, and each
    group's p is multiplied by the number of groups (Bonferroni). None for a cell without a score to test, and for a
    group in which no split is rare enough to reject at 5%, as with 3 runs each; such a group is not counted.
    """
    runs: dict[int, np.ndarray] = {}  # by place: (recorded and fresh, scores)
    groups: dict[Seeds, list[int]] = {}
    for place, (recorded, fresh) in enumerate(cells):
        a, b = (table[np.isfinite(table).any(axis=1)] for table in (recorded, fresh))
        both = np.concatenate([a.to_numpy(float), b.to_numpy(float)])
        finite = np.isfinite(both).all(0)
        if finite.any():
            runs[place] = both[:, finite]
            groups.setdefault((tuple(a.index), tuple(b.index)), []).append(place)
    found: list[float | None] = [None] * len(cells)
    tested = _able_to_reject(list(groups))
    for seeds in tested:
        sides = _splits(len(seeds[0]), len(seeds[1]), seed)
        statistics = np.array([_statistics(runs[place], sides) for place in groups[seeds]])  # (cells, splits)
        largest = statistics.max(0)
        for place, own in zip(groups[seeds], statistics[:, 0], strict=True):
            found[place] = min(float(np.mean(largest >= own - 1e-9)) * len(tested), 1.0)
    return found


def least_p(n: int, m: int) -> float:
    """The smallest p-value that splits of n and m runs can give; of equal sides, each split has a mirror image."""
    return (2 if n == m else 1) / math.comb(n + m, n)


def _able_to_reject(groups: list[Seeds]) -> list[Seeds]:
    # By the numbers of seeds alone, so that what is left out does not depend on the scores.
    able = sorted(groups, key=lambda seeds: least_p(len(seeds[0]), len(seeds[1])))
    while able and least_p(len(able[-1][0]), len(able[-1][1])) * len(able) > SIGNIFICANCE:
        able.pop()
    return able


def _splits(n: int, m: int, seed: int) -> np.ndarray:
    """(splits, n + m): 1 for runs of the first side, 0 for the others; the first split is the runs as they are."""
    if math.comb(n + m, n) <= PERMUTATIONS:
        chosen = np.array(list(itertools.combinations(range(n + m), n)))
    else:
        rng = np.random.default_rng(seed)
        chosen = np.array([np.arange(n), *(rng.permutation(n + m)[:n] for _ in range(PERMUTATIONS))])
    sides = np.zeros((len(chosen), n + m))
    np.put_along_axis(sides, chosen, 1.0, axis=1)
    return sides


def _statistics(runs: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(splits,): standardised energies of ``runs`` (n + m, scores); 0 where no split differs from another."""
    runs = runs[:, runs.std(0) > 1e-12 * np.abs(runs).max(0)]  # scores that never vary say nothing
    scaled = runs / runs.std(0)
    distance = np.abs(scaled[:, None] - scaled[None]).sum(-1)  # (n + m, n + m)
    rest = 1.0 - first
    across, within, beyond = (
        ((x @ distance) * y).sum(1) / (x.sum(1) * y.sum(1)) for x, y in ((first, rest), (first, first), (rest, rest))
    )
    energies = 2 * across - within - beyond
    spread = energies.std()
    # One run far from all others gives equal energies but for rounding, which must not be blown up.
    if spread <= 1e-9 * energies.max(initial=0.0):
        return np.zeros(len(energies))
    return np.asarray((energies - energies.mean()) / spread)
