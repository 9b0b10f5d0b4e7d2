"""The joint permutation test: its definition by loops, its error rates over cells, and what no split can reject."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from wae.analysis import permutation
from wae.analysis.permutation import least_p, told_apart

Pair = tuple[pd.DataFrame, pd.DataFrame]


def pair(runs: np.ndarray, first: int = 0, recorded: int = 5) -> Pair:
    """Recorded and fresh tables of ``runs`` (recorded + fresh, scores), the seeds counted from ``first``."""
    seeds = [*range(first, first + recorded), *range(first + 100, first + 100 + len(runs) - recorded)]
    table = pd.DataFrame(runs, index=seeds)
    return table[:recorded], table[recorded:]


def energy(runs: np.ndarray, first: Sequence[int]) -> float:
    scaled = runs / runs.std(0)
    rest = [k for k in range(len(runs)) if k not in first]
    mean = lambda x, y: np.mean([np.abs(scaled[i] - scaled[j]).sum() for i in x for j in y])  # noqa: E731
    return float(2 * mean(first, rest) - mean(first, first) - mean(rest, rest))


@pytest.mark.parametrize(("recorded", "fresh"), [(5, 5), (4, 5)])
def test_p_is_the_share_of_splits_with_as_large_a_maximum_over_cells(recorded: int, fresh: int) -> None:
    rng = np.random.default_rng(2)
    runs = [rng.standard_normal((recorded + fresh, scores)) * 10.0**scores for scores in (1, 12, 4)]
    runs[1][recorded:] += 1.2e12
    splits = list(itertools.combinations(range(recorded + fresh), recorded))
    energies = np.array([[energy(cell, split) for split in splits] for cell in runs])
    standard = np.array([(e - e.mean()) / e.std() for e in energies])
    expected = [np.mean(standard.max(0) >= own - 1e-9) for own in standard[:, 0]]
    assert told_apart([pair(cell, recorded=recorded) for cell in runs]) == pytest.approx(expected)
    assert len(set(expected)) == 3
    assert min(expected) < 0.1


def test_far_cells_reach_the_least_p_however_many_cells_there_are() -> None:
    rng = np.random.default_rng(0)
    runs = rng.standard_normal((60, 10, 3))
    runs[7, 5:] += 6
    found = told_apart([pair(cell) for cell in runs])
    assert found[7] == least_p(5, 5) == 2 / 252
    assert sum(p is not None and p <= 0.05 for p in found) == 1


def independent(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((8, 10, 3))


def by_seed(rng: np.random.Generator) -> np.ndarray:
    """What a seed does is nearly the same in all cells."""
    return rng.standard_normal((1, 10, 3)) + 0.3 * rng.standard_normal((8, 10, 3))


def heavy(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_t(1, (8, 10, 3))


REPEATS = 400
BOUND = 0.05 + 3 * math.sqrt(0.05 * 0.95 / REPEATS)


@pytest.mark.parametrize(
    ("law", "firsts"), [(independent, (0,)), (by_seed, (0,)), (heavy, (0,)), (independent, (0, 50))]
)
def test_any_of_eight_true_cells_is_rejected_in_at_most_5_percent(
    law: Callable[[np.random.Generator], np.ndarray], firsts: tuple[int, ...]
) -> None:
    """The same seeds in all cells, or half of the cells with other seeds."""
    rng, rejected = np.random.default_rng(3), 0
    for _ in range(REPEATS):
        found = told_apart([pair(cell, firsts[k % len(firsts)]) for k, cell in enumerate(law(rng))])
        rejected += min(p for p in found if p is not None) <= 0.05
    assert rejected / REPEATS <= BOUND
    assert rejected / REPEATS >= 0.015  # the test does not keep to 5% by never rejecting


def test_a_shift_in_one_of_eight_cells_is_found_and_no_other_cell_is_blamed() -> None:
    rng, found, blamed = np.random.default_rng(4), 0, 0
    for _ in range(REPEATS):
        runs = independent(rng)
        runs[2, 5:] += 2.5
        p = np.array(told_apart([pair(cell) for cell in runs]), float)
        found += p[2] <= 0.05
        blamed += np.delete(p, 2).min() <= 0.05
    assert found / REPEATS >= 0.95
    assert blamed / REPEATS <= BOUND


def test_cells_of_other_seeds_are_a_group_of_their_own_and_pay_for_it() -> None:
    rng = np.random.default_rng(5)
    cells = rng.standard_normal((4, 10, 3))
    cells[0, 5:] += 5
    alone = told_apart([pair(cell) for cell in cells[:2]]) + told_apart([pair(cell, 7) for cell in cells[2:]])
    both = [pair(cells[0]), pair(cells[2], 7), pair(cells[1]), pair(cells[3], 7)]
    together = told_apart(both)
    expected = [min(2 * alone[k], 1.0) for k in (0, 2, 1, 3)]  # type: ignore[operator]
    assert together == pytest.approx(expected)
    assert together[0] == 4 / 252
    few = pair(rng.standard_normal((6, 3)), recorded=3)
    assert told_apart([*both, few]) == [*together, None]  # what cannot reject costs the others nothing


def test_what_no_split_can_reject_has_no_p() -> None:
    assert told_apart([pair(np.repeat([[0.0], [9.0]], 3, axis=0), recorded=3)]) == [None]
    assert told_apart([pair(np.repeat([[0.0], [9.0]], [3, 4], axis=0), recorded=3)]) == [pytest.approx(1 / 35)]
    apart = np.repeat([[0.0], [9.0]], 5, axis=0)
    seven = [told_apart([pair(apart, first) for first in range(groups)]) for groups in (6, 7)]
    assert seven == [[pytest.approx(12 / 252)] * 6, [pytest.approx(12 / 252)] * 6 + [None]]
    assert told_apart([pair(np.full((10, 2), np.nan))]) == [None]
    assert told_apart([]) == []


def test_lost_runs_scores_that_are_not_finite_and_constants_are_left_out() -> None:
    rng = np.random.default_rng(7)
    runs = rng.standard_normal((10, 3))
    (whole,) = told_apart([pair(runs)])
    more = np.column_stack([runs, np.full(10, 3.0), [math.inf, *range(9)]])
    assert told_apart([pair(more)]) == [whole]
    lost = runs.copy()
    lost[9] = math.nan
    assert told_apart([pair(lost)]) == told_apart([pair(runs[:9])])
    assert told_apart([pair(np.full((10, 2), 3.0))]) == [1.0]
    outlier = np.array([1e9, *[0.0] * 9])[:, None]  # each split has the same energy but for rounding
    found = told_apart([pair(outlier), pair(runs)])
    assert found == [1.0, whole]


def test_many_runs_are_split_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    runs = rng.standard_normal((10, 3))
    runs[5:] += 0.5
    (exact,) = told_apart([pair(runs)])
    monkeypatch.setattr(permutation, "PERMUTATIONS", 251)
    sampled = [told_apart([pair(runs)], seed)[0] for seed in range(30)]
    assert sampled == [told_apart([pair(runs)], seed)[0] for seed in range(30)]
    assert len(set(sampled)) > 5
    assert np.mean(np.array(sampled, float)) == pytest.approx(exact, abs=0.02)
