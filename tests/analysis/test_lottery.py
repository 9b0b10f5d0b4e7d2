"""Which randomness decides: variances of streams varied alone, from invented scores."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.shared.tables import results
from wae.analysis.budget import budget_rows
from wae.analysis.lottery import crossed, rest_interval, split_variance, streams
from wae.analysis.results import Results

FID = "fid_classifier/prior"
SCORES = {
    ("wae_gan", FID): [10.0, 14.0, 12.0, 18.0],
    ("wae_gan@seed_stream=first_weights", FID): [10.0, 13.0, 11.0, 12.0],
    ("wae_gan@seed_stream=data_order", FID): [10.0, 10.0, 12.0, 12.0],
    ("vae", FID): [30.0, 31.0, 32.0, 33.0],
}


def lottery(folder: Path, scores: Mapping[tuple[str, str], Sequence[float | None]]) -> Results:
    return results(folder, {key: list(values) for key, values in scores.items()})


def test_each_streams_share_of_the_variance_and_the_rest(tmp_path: Path) -> None:
    found = {row.stream: row for row in streams(lottery(tmp_path, SCORES))}
    assert list(found) == ["all", "first_weights", "data_order", "rest"]
    total = np.var([10, 14, 12, 18], ddof=1)
    weights, order = np.var([10, 13, 11, 12], ddof=1), np.var([10, 10, 12, 12], ddof=1)
    assert (found["first_weights"].share, found["data_order"].share) == pytest.approx((weights / total, order / total))
    assert found["rest"].share == pytest.approx(1 - (weights + order) / total)
    assert (found["all"].share_low, found["data_order"].share_high) == (None, None)
    row = found["first_weights"]
    assert (row.method, row.seeds, row.mean, row.sd) == ("wae_gan", 4, 11.5, pytest.approx(math.sqrt(weights)))
    assert row.variation == pytest.approx(math.sqrt(weights) / 11.5)
    assert row.low == pytest.approx(math.sqrt(3 * weights / stats.chi2.ppf(0.975, 3)))
    assert row.high == pytest.approx(math.sqrt(3 * weights / stats.chi2.ppf(0.025, 3)))


def test_the_rests_interval_takes_scores_by_their_seeds(tmp_path: Path) -> None:
    diverged = SCORES | {("wae_gan@seed_stream=data_order", FID): [10.0, None, 12.0, 12.0]}
    rest = streams(lottery(tmp_path, diverged))[-1]
    columns = [[10.0, 14.0, 12.0, 18.0], [10.0, 13.0, 11.0, 12.0], [10.0, math.nan, 12.0, 12.0]]
    assert rest.stream == "rest"
    assert (rest.share_low, rest.share_high) == pytest.approx(rest_interval(np.array(columns).T))


def test_the_rests_interval_is_a_jackknife_of_the_logarithm() -> None:
    """By pseudo-values; a score that lacks is left out of its own column."""
    table = np.array([[10.0, 9.0, 8.0], [14.0, 11.0, 9.5], [12.0, 10.5, math.nan], [19.0, 13.0, 8.5], [11.0, 9.5, 9.0]])

    def log_ratio(rows: np.ndarray) -> float:
        every, *own = (np.var(column[~np.isnan(column)], ddof=1) for column in rows.T)
        return float(np.log(sum(own) / every))

    whole = log_ratio(table)
    pseudo = [5 * whole - 4 * log_ratio(table[[i for i in range(5) if i != left]]) for left in range(5)]
    half = stats.t.ppf(0.975, 3) * np.std(pseudo, ddof=1) / math.sqrt(5)
    assert rest_interval(table) == pytest.approx((1 - math.exp(whole + half), 1 - math.exp(whole - half)))
    assert rest_interval(np.where(np.arange(3) == 0, 4.0, table)) == (None, None)


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize(
    ("sds", "beyond"), [((1.0, 1.0, 1.0, 1.0), 0.0), ((1.0, 1.0, 1.0, 1.0), 2.0), ((3.0, 0.5, 0.5, 0.5), 2.0)]
)
def test_the_rests_interval_holds_the_truth_in_95_of_100_experiments(
    seeds: int, sds: tuple[float, ...], beyond: float
) -> None:
    """Equal seeds give equal streams, so that the columns depend on each other; ``beyond``: what else varies."""
    rng = np.random.default_rng(3)
    truth = 1 - np.square(sds).sum() / (np.square(sds).sum() + beyond**2)
    held = 0
    repeats = 2500
    for _ in range(repeats):
        alone = rng.normal(50.0, sds, (seeds, 4))
        everything = alone.sum(1) + rng.normal(0.0, beyond, seeds)
        low, high = rest_interval(np.column_stack([everything, alone]))
        assert low is not None
        assert high is not None
        held += low <= truth <= high
    assert 0.93 <= held / repeats <= 0.97


def test_too_few_seeds_say_nothing_and_no_variants_give_no_rows(tmp_path: Path) -> None:
    few = SCORES | {("wae_gan@seed_stream=data_order", FID): [10.0, 12.0]}
    found = {row.stream: row for row in streams(lottery(tmp_path / "few", few))}
    assert (found["data_order"].sd, found["data_order"].share) == (None, None)
    assert "rest" not in found
    assert streams(lottery(tmp_path / "none", {("vae", FID): [1.0, 2.0, 3.0]})) == []


def test_the_budget_gives_the_coefficient_of_variation_and_what_is_worth_a_word(tmp_path: Path) -> None:
    (row,) = [row for row in budget_rows(lottery(tmp_path, SCORES)) if row.method == "vae"]
    assert row.detectable is not None
    assert row.variation == pytest.approx(np.std([30, 31, 32, 33], ddof=1) / 31.5)
    assert row.worth == pytest.approx(row.detectable / 31.5)


def test_a_sum_of_two_effects_has_no_interaction() -> None:
    rows, columns = np.array([0.0, 1.0, 5.0, 2.0]), np.array([10.0, 30.0, 20.0])
    found = split_variance(rows[:, None] + columns)
    assert found is not None
    variation, stream, others, interaction, *tests = found
    parts = np.var(rows, ddof=1), np.var(columns, ddof=1)
    assert (stream, others) == pytest.approx((parts[0] / sum(parts), parts[1] / sum(parts)))
    assert interaction == pytest.approx(0.0, abs=1e-12)
    assert variation == pytest.approx(math.sqrt(sum(parts)) / (rows.mean() + columns.mean()))
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
        assert one[0] is not None
        drawn.append(np.array(one[1:4]) * (one[0] * table.mean()) ** 2)
    assert np.mean(drawn, axis=0) == pytest.approx([9.0, 1.0, 4.0], rel=0.1, abs=0.1)


def test_crossed_seeds_are_found_by_their_variants(tmp_path: Path) -> None:
    table = {0: [10.0, 12.0, 17.0], 1: [20.0, 21.0, 28.0], 2: [14.0, 18.0, 20.0]}
    crossing = {(f"vae@seed_stream=samples+held_seed={held}", FID): values for held, values in table.items()}
    (row,) = crossed(results(tmp_path / "whole", {("vae", FID): [1.0], **crossing}))
    assert (row.method, row.stream, row.seeds, row.held_seeds) == ("vae", "samples", 3, 3)
    expected = split_variance(np.array(list(table.values())).T)
    assert expected is not None
    shares = (row.variation, row.stream_share, row.others_share, row.interaction_share)
    assert (*shares, row.stream_p, row.others_p) == pytest.approx(expected)
    lacking = {key: values[: 3 - (index == 1)] for index, (key, values) in enumerate(crossing.items())}
    assert crossed(results(tmp_path / "lacking", {("vae", FID): [1.0], **lacking})) == []
    few = dict(list(crossing.items())[:2])
    assert crossed(results(tmp_path / "few", {("vae", FID): [1.0], **few})) == []


def test_equal_scores_have_no_variance_to_split() -> None:
    assert split_variance(np.full((3, 3), 4.0)) is None
    assert split_variance(np.array([[1.0, 2.0, np.nan], [2.0, 3.0, 1.0], [1.0, 1.0, 2.0]])) is None
