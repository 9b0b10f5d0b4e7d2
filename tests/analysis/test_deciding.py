"""How many seeds would decide a pair: against simulated experiments, and in the units of the test."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.shared.tables import results
from wae.analysis import summarise
from wae.analysis.budget import detectable_difference
from wae.analysis.deciding import MOST_SEEDS, deciding, deciding_seeds
from wae.report.tables import inference_tables

FID = "fid_classifier/prior"


@pytest.mark.parametrize(("difference", "first", "second", "pairs"), [(1.0, 1.0, 1.0, 1), (-1.0, 0.3, 1.2, 10)])
def test_so_many_seeds_decide_in_four_of_five_experiments_and_one_less_in_fewer(
    difference: float, first: float, second: float, pairs: int
) -> None:
    rng = np.random.default_rng(0)

    def power(seeds: int) -> float:
        a, b = rng.normal(difference, first, (40000, seeds)), rng.normal(0.0, second, (40000, seeds))
        return float(np.mean(stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05 / pairs))

    needed = deciding_seeds(difference, first, second, pairs)
    assert needed is not None
    assert power(needed) > 0.8 - 0.004
    assert power(needed - 1) < 0.8 - 0.004
    assert deciding_seeds(difference, second, first, pairs) == needed


def test_seeds_and_detectable_difference_answer_each_other() -> None:
    for seeds in (3, 20, MOST_SEEDS):
        seen = detectable_difference(2.0, seeds, 3)
        assert deciding_seeds(seen * 1.0001, 2.0, 2.0, 3) == seeds
    assert deciding_seeds(seen * 0.9999, 2.0, 2.0, 3) is None


def test_ends_of_the_scale() -> None:
    assert deciding_seeds(0.0, 1.0, 1.0) is None
    assert deciding_seeds(0.1, 0.0, 0.0) == 3
    assert deciding_seeds(1e6, 1.0, 0.0, 253) == 3


def test_each_pair_of_main_methods_on_the_scale_of_its_test(tmp_path: Path) -> None:
    """Positive scores are compared as ratios: in units of the scores another number of seeds would come out."""
    scores = {
        "vae": [40.0, 44.0, 38.0, 47.0],
        "wae_mmd": [30.0, 36.0, 33.0, 31.0],
        "wae_gan": [30.0, 52.0, 21.0, 60.0],
        "wae_gan@width=8": [1.0, 2.0, 3.0, 4.0],
    }
    found = results(tmp_path, {(method, FID): list(values) for method, values in scores.items()})
    rows = deciding(found)
    assert [(row.comparison.first, row.comparison.second) for row in rows] == [
        ("vae", "wae_mmd"),
        ("vae", "wae_gan"),
        ("wae_mmd", "wae_gan"),
    ]
    for row in rows:
        a, b = (np.log(scores[method]) for method in (row.comparison.first, row.comparison.second))
        va, vb, gap = np.var(a, ddof=1), np.var(b, ddof=1), abs(a.mean() - b.mean())
        powers = []
        for n in range(3, 400):
            freedom = (va / n + vb / n) ** 2 / ((va / n) ** 2 / (n - 1) + (vb / n) ** 2 / (n - 1))
            limit = stats.t.ppf(1 - 0.05 / 3 / 2, freedom)
            powers.append(stats.nct.sf(limit, freedom, gap / math.sqrt(va / n + vb / n)))
        expected = next(n for n, power in enumerate(powers, start=3) if power >= 0.8)
        assert (row.comparisons, row.needed) == (3, expected)
        assert expected > 3
    assert len({row.needed for row in rows}) == 3

    summarise(found)
    assert found.deciding()["needed"].tolist() == [row.needed for row in rows]
    (grid,) = [grid for grid in inference_tables.build(found) if grid.name == "seeds_to_decide"]
    assert [row[-1].text for row in grid.rows] == [f"{row.needed}" for row in rows]
    assert "corrected for 3 pairs" in grid.rows[0][-1].trace
