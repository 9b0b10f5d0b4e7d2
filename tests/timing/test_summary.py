"""Medians, their intervals, and when a point has settled."""

import math

import numpy as np
import pytest

from wae.timing.summary import is_settled, median_rank, summarise


def test_summary_of_known_numbers() -> None:
    s = summarise([5.0, 1.0, 4.0, 2.0, 3.0, 100.0, 6.0])
    assert (s.median, s.q1, s.q3, s.rounds) == (4.0, 2.5, 5.5, 7)
    assert (s.low, s.high) == (1.0, 100.0)  # seven values: only the extremes reach 95%
    with pytest.raises(ValueError, match="0 rounds"):
        summarise([])


@pytest.mark.parametrize(("count", "rank"), [(1, 0), (3, 0), (6, 0), (8, 0), (9, 1), (20, 5), (40, 13), (100, 39)])
def test_median_rank_is_that_of_the_sign_test(count: int, rank: int) -> None:
    assert median_rank(count) == rank

    def coverage(r: int) -> float:
        return 1.0 - 2.0 * sum(math.comb(count, i) for i in range(r + 1)) / 2.0**count

    assert count < 6 or coverage(rank) >= 0.95
    assert coverage(rank + 1) < 0.95


def test_the_interval_of_the_median_covers_it() -> None:
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(500):
        s = summarise(generator.exponential(size=20).tolist())
        hits += s.low <= math.log(2.0) <= s.high
    assert 0.93 <= hits / 500 <= 0.99


def test_settled_within_five_percent() -> None:
    for unit in (1.0, 1e-3, 60.0):
        assert is_settled([unit * share for share in (1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.0)])
        assert not is_settled([unit * share for share in (1.0, 1.06, 0.94, 1.06, 0.94, 1.0, 1.0)])
    assert not is_settled([1.0, 1.0, 1.0, 1.0, 1.0])  # too few for an interval
    assert not is_settled([1.0, 1.2, 0.8, 1.2, 0.8, 1.0, 1.0])
    assert not is_settled([1.0, 1.0, 0.8, 0.8, 0.8, 1.0, 1.0])
    assert not is_settled([1.0, 1.0, 1.2, 1.2, 1.2, 1.0, 1.0])


# The loop --------------------------------------------------------------------------------------------
