"""Which randomness decides: variances of streams varied alone, from invented scores."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.shared.tables import results
from wae.analysis.budget import budget_rows
from wae.analysis.lottery import streams
from wae.analysis.results import Results

FID = "fid_classifier/prior"
SCORES = {
    ("wae_gan", FID): [10.0, 14.0, 12.0, 18.0],
    ("wae_gan@seed_stream=first_weights", FID): [10.0, 13.0, 11.0, 12.0],
    ("wae_gan@seed_stream=data_order", FID): [10.0, 10.0, 12.0, 12.0],
    ("vae", FID): [30.0, 31.0, 32.0, 33.0],
}


def lottery(folder: Path, scores: dict[tuple[str, str], list[float]]) -> Results:
    return results(folder, dict(scores))


def test_each_streams_share_of_the_variance_and_the_rest(tmp_path: Path) -> None:
    found = {row.stream: row for row in streams(lottery(tmp_path, SCORES))}
    assert list(found) == ["all", "first_weights", "data_order", "rest"]
    total = np.var([10, 14, 12, 18], ddof=1)
    weights, order = np.var([10, 13, 11, 12], ddof=1), np.var([10, 10, 12, 12], ddof=1)
    assert (found["first_weights"].share, found["data_order"].share) == pytest.approx((weights / total, order / total))
    assert found["rest"].share == pytest.approx(1 - (weights + order) / total)
    row = found["first_weights"]
    assert (row.method, row.seeds, row.mean, row.sd) == ("wae_gan", 4, 11.5, pytest.approx(math.sqrt(weights)))
    assert row.variation == pytest.approx(math.sqrt(weights) / 11.5)
    assert row.low == pytest.approx(math.sqrt(3 * weights / stats.chi2.ppf(0.975, 3)))
    assert row.high == pytest.approx(math.sqrt(3 * weights / stats.chi2.ppf(0.025, 3)))


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
