"""A stream's seeds crossed with those of all others: the analysis of variance, from invented scores."""

import math
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.shared.tables import results
from wae.analysis.lottery import crossed, split_variance

FID = "fid_classifier/prior"


def test_a_sum_of_two_effects_has_no_interaction() -> None:
    rows, columns = np.array([0.0, 1.0, 5.0, 2.0]), np.array([10.0, 30.0, 20.0])
    found = split_variance(rows[:, None] + columns)
    assert found is not None
    sd, stream, others, interaction, *tests = found
    parts = np.var(rows, ddof=1), np.var(columns, ddof=1)
    assert (stream, others) == pytest.approx((parts[0] / sum(parts), parts[1] / sum(parts)))
    assert interaction == pytest.approx(0.0, abs=1e-12)
    assert sd == pytest.approx(math.sqrt(sum(parts)))
    assert max(tests) < 1e-12


def test_components_and_tests_are_those_of_an_analysis_of_variance() -> None:
    """Against sums of squares from two least-squares fits, and components over many drawn tables."""
    rng = np.random.default_rng(0)
    a, b = 5, 4
    scores = 50 + rng.normal(0, 3, (a, 1)) + rng.normal(0, 1, (1, b)) + rng.normal(0, 2, (a, b))
    design = {"rows": np.kron(np.eye(a), np.ones((b, 1))), "columns": np.kron(np.ones((a, 1)), np.eye(b))}

    def left(*names: str) -> float:
        x = np.hstack([design[name] for name in names])
        return float(((scores.ravel() - x @ np.linalg.lstsq(x, scores.ravel(), rcond=None)[0]) ** 2).sum())

    rest = left("rows", "columns")
    f_rows = (left("columns") - rest) / (a - 1) / (rest / ((a - 1) * (b - 1)))
    f_columns = (left("rows") - rest) / (b - 1) / (rest / ((a - 1) * (b - 1)))
    found = split_variance(scores)
    assert found is not None
    freedom = (a - 1) * (b - 1)
    assert found[4:] == pytest.approx((stats.f.sf(f_rows, a - 1, freedom), stats.f.sf(f_columns, b - 1, freedom)))
    drawn = []
    for _ in range(3000):
        table = 500 + rng.normal(0, 3, (a, 1)) + rng.normal(0, 1, (1, b)) + rng.normal(0, 2, (a, b))
        one = split_variance(table)
        assert one is not None
        drawn.append(np.array(one[1:4]) * one[0] ** 2)
    assert np.mean(drawn, axis=0) == pytest.approx([9.0, 1.0, 4.0], rel=0.1, abs=0.1)


def test_crossed_seeds_are_found_by_their_variants(tmp_path: Path) -> None:
    """Two streams of a method, each with four seeds and three held ones, and another method: none takes another's."""
    rng = np.random.default_rng(5)
    grids = {
        ("wae_mmd", "samples"): np.exp(rng.normal(0, 1, (4, 1)) + rng.normal(0, 0.3, (4, 3))),
        ("wae_mmd", "first_weights"): np.exp(rng.normal(0, 1, (1, 3)) + rng.normal(0, 0.3, (4, 3))),
        ("wae_mmd_rff", "samples"): np.exp(rng.normal(0, 1, (4, 3))),
    }
    scores = {("wae_mmd", FID): [1.0], ("wae_mmd@seed_stream=samples", FID): [3.0, 4.0, 5.0, 9.0]}
    for (method, stream), grid in grids.items():
        for held in range(3):
            scores[f"{method}@seed_stream={stream}+held_seed={held}", FID] = grid[:, held].tolist()
    scores["wae_mmd@seed_stream=samples+held_seed=0+lambda_=2.0", FID] = [7.0, 1.0, 7.0, 1.0]
    scores["wae_mmd@seed_stream=samples+held_seed=None", FID] = [7.0, 1.0, 7.0, 1.0]  # of the other design
    rows = {(row.method, row.stream): row for row in crossed(results(tmp_path / "whole", scores))}
    assert rows.keys() == grids.keys()
    for key, grid in grids.items():
        expected = split_variance(np.log(grid))
        assert expected is not None
        _, _, _, seeds, held_seeds, log, *numbers = astuple(rows[key])
        assert (seeds, held_seeds, log) == (4, 3, True)
        assert numbers == pytest.approx(expected)
    assert rows["wae_mmd", "samples"].stream_share > 0.5 > rows["wae_mmd", "samples"].others_share
    assert rows["wae_mmd", "first_weights"].others_share > 0.5 > rows["wae_mmd", "first_weights"].stream_share


def test_a_grid_that_lacks_a_run_or_has_two_held_seeds_is_not_analysed(tmp_path: Path) -> None:
    whole = {(f"vae@seed_stream=samples+held_seed={held}", FID): [1.0, 2.0 + held, 3.0] for held in range(3)}
    assert len(crossed(results(tmp_path / "whole", {("vae", FID): [1.0], **whole}))) == 1
    lacking = {key: values[: 3 - (index == 1)] for index, (key, values) in enumerate(whole.items())}
    assert crossed(results(tmp_path / "lacking", {("vae", FID): [1.0], **lacking})) == []
    few = dict(list(whole.items())[:2])
    assert crossed(results(tmp_path / "few", {("vae", FID): [1.0], **few})) == []


def test_equal_scores_have_no_variance_to_split() -> None:
    assert split_variance(np.full((3, 3), 4.0)) is None
    assert split_variance(np.array([[1.0, 2.0, np.nan], [2.0, 3.0, 1.0], [1.0, 1.0, 2.0]])) is None
