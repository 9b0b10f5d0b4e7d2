"""The seed lottery: how far streams that were varied alone move a score, from invented scores with known truth."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.shared.tables import results
from wae.analysis.budget import budget_rows
from wae.analysis.inference_rows import StreamRow
from wae.analysis.lottery import streams, summed_share, total_effect
from wae.analysis.results import Results
from wae.core.seed_streams import SEED_STREAMS

FID, KID = "fid_classifier/prior", "kid_classifier/prior"
PLAIN = [10.0, 14.0, 12.0, 18.0]
OTHERS = {
    "first_weights": [10.5, 13.0, 11.0, 12.0],
    "data_order": [10.0, 10.0, 12.0, 12.0],
    "training_draws": [11.0, 14.0, 12.5, 18.0],
    "samples": [10.1, 13.9, 12.1, 18.4],
}
SCORES = {
    ("wae_gan", FID): PLAIN,
    **{(f"wae_gan@seed_stream={stream}", FID): values for stream, values in OTHERS.items()},
    ("vae", FID): [30.0, 31.0, 32.0, 33.0],
}


def lottery(folder: Path, scores: Mapping[tuple[str, str], Sequence[float | None]]) -> Results:
    return results(folder, {key: list(values) for key, values in scores.items()})


def found(folder: Path, scores: Mapping[tuple[str, str], Sequence[float | None]]) -> dict[str, StreamRow]:
    return {row.stream: row for row in streams(lottery(folder, scores))}


def pairwise(plain: Sequence[float], other: Sequence[float]) -> float:
    """Mean over seeds of the variance (over n - 1) of the two scores of that seed: the total effect by definition."""
    return float(np.mean([np.var(pair, ddof=1) for pair in zip(plain, other, strict=True)]))


def test_each_streams_total_effect_is_half_the_mean_square_of_differences_of_logarithms(tmp_path: Path) -> None:
    rows = found(tmp_path, SCORES)
    assert list(rows) == ["all", *SEED_STREAMS, "sum"]
    logs = np.log(PLAIN)
    total = {stream: np.var(np.log(values), ddof=1) for stream, values in [("all", PLAIN), *OTHERS.items()]}
    effects = {stream: pairwise(list(logs), list(np.log(values))) for stream, values in OTHERS.items()}
    for stream, effect in effects.items():
        row = rows[stream]
        assert (row.dataset, row.method, row.seeds, row.log) == ("glyphs", "wae_gan", 4, True)
        assert (row.sd, row.share) == pytest.approx((math.sqrt(effect), 2 * effect / (total["all"] + total[stream])))
        assert row.low == pytest.approx(math.sqrt(4 * effect / stats.chi2.ppf(0.975, 4)))
        assert row.high == pytest.approx(math.sqrt(4 * effect / stats.chi2.ppf(0.025, 4)))
    every = rows["all"]
    assert (every.sd, every.share, every.share_low) == (pytest.approx(math.sqrt(total["all"])), 1.0, None)
    assert every.low == pytest.approx(math.sqrt(3 * total["all"] / stats.chi2.ppf(0.975, 3)))
    assert (rows["sum"].seeds, rows["sum"].sd) == (4, None)
    assert rows["sum"].share == pytest.approx(sum(effects.values()) / np.mean(list(total.values())))


def test_a_score_that_can_be_negative_is_taken_as_it_is(tmp_path: Path) -> None:
    kid = {
        ("vae", KID): [-0.1, 0.3, 0.2],
        ("vae@seed_stream=samples", KID): [0.0, 0.3, -0.2],
        ("vae", "fid_classifier/prior"): [1.0, 2.0, 3.0],
    }
    made = lottery(tmp_path, kid)
    made.plan["config"]["report"] = {"primary": "kid_classifier"}
    row = {row.stream: row for row in streams(made)}["samples"]
    assert not row.log
    assert row.sd == pytest.approx(math.sqrt((0.01 + 0.16) / 6))
    assert row.share == pytest.approx((0.17 / 6) / np.var([[-0.1, 0.3, 0.2], [0.0, 0.3, -0.2]], axis=1, ddof=1).mean())


def test_a_stream_that_nothing_draws_from_moves_nothing(tmp_path: Path) -> None:
    row = found(tmp_path, SCORES | {("wae_gan@seed_stream=samples", FID): PLAIN})["samples"]
    assert (row.sd, row.low, row.high, row.share, row.share_low, row.share_high) == (0.0, 0.0, 0.0, 0.0, None, None)
    still = {key: [5.0] * 4 for key in SCORES}
    assert {row.share for row in found(tmp_path / "still", still).values()} == {None}


def test_only_seeds_that_have_all_runs_count(tmp_path: Path) -> None:
    lacking = SCORES | {("wae_gan@seed_stream=data_order", FID): [10.0, None, 12.0, 12.0]}
    rows = found(tmp_path, lacking)
    kept = [0, 2, 3]
    table = np.log(np.array([PLAIN, *OTHERS.values()]).T)
    order = summed_share(table[kept][:, [0, 2]])
    assert (rows["data_order"].seeds, rows["first_weights"].seeds, rows["sum"].seeds) == (3, 4, 3)
    assert (rows["data_order"].share, rows["data_order"].share_low) == pytest.approx(order[:2])
    assert rows["first_weights"].share == pytest.approx(summed_share(table[:, :2])[0])
    assert (rows["sum"].share, rows["sum"].share_low, rows["sum"].share_high) == pytest.approx(
        summed_share(table[kept])
    )


def test_there_is_a_sum_only_where_all_streams_were_varied(tmp_path: Path) -> None:
    for stream in SEED_STREAMS:
        three = {key: values for key, values in SCORES.items() if key[0] != f"wae_gan@seed_stream={stream}"}
        assert list(found(tmp_path / stream, three)) == ["all", *(name for name in SEED_STREAMS if name != stream)]


def test_too_few_seeds_say_nothing_and_no_variants_give_no_rows(tmp_path: Path) -> None:
    rows = found(tmp_path / "few", SCORES | {("wae_gan@seed_stream=data_order", FID): [10.0, 12.0]})
    assert (rows["data_order"].seeds, rows["data_order"].sd, rows["data_order"].share) == (2, None, None)
    assert "sum" not in rows
    assert found(tmp_path / "none", {("vae", FID): [1.0, 2.0, 3.0]}) == {}


def test_variants_of_another_method_or_with_a_further_setting_are_not_mixed_in(tmp_path: Path) -> None:
    far = [100.0, 1.0, 50.0, 2.0]
    further = {
        ("wae_gan@seed_stream=samples+lambda_=3.0", FID): far,
        ("wae_gan@lambda_=3.0+seed_stream=first_weights", FID): far,
        ("wae_gan@seed_stream=data_order+held_seed=0", FID): far,
        ("wae_gan@seed_stream=all", FID): far,
        ("wae_gan_far", FID): far,
        ("wae_gan_far@seed_stream=samples", FID): far,
    }
    rows = streams(lottery(tmp_path / "further", SCORES | further))
    assert [row for row in rows if row.method == "wae_gan"] == streams(lottery(tmp_path / "alone", SCORES))
    only = {("wae_mmd", FID): PLAIN, ("wae_mmd_rff", FID): PLAIN, ("wae_mmd_rff@seed_stream=samples", FID): far}
    assert {row.method for row in streams(lottery(tmp_path / "only", only))} == {"wae_mmd_rff"}


def test_the_share_has_a_jackknifes_interval() -> None:
    """By pseudo-values of the logarithm."""
    table = np.array([[10.0, 9.0, 8.0], [14.0, 11.0, 9.5], [12.0, 10.5, 12.5], [19.0, 13.0, 8.5], [11.0, 9.5, 9.0]])

    def log_ratio(rows: np.ndarray) -> float:
        effects = [pairwise(list(rows[:, 0]), list(rows[:, column])) for column in (1, 2)]
        return math.log(sum(effects) / float(np.mean([np.var(column, ddof=1) for column in rows.T])))

    whole = log_ratio(table)
    pseudo = [5 * whole - 4 * log_ratio(table[[i for i in range(5) if i != left]]) for left in range(5)]
    half = stats.t.ppf(0.975, 4) * np.std(pseudo, ddof=1) / math.sqrt(5)
    assert summed_share(table) == pytest.approx([math.exp(whole + shift) for shift in (0.0, -half, half)])


Score = Callable[[np.ndarray], np.ndarray]  # (..., streams) to (...)


def total_effects(score: Score, values: Sequence[float], streams: int) -> list[float]:
    """By definition: the variance over one stream's values, the others fixed, in the mean over the latter."""
    table = score(np.array(list(itertools.product(values, repeat=streams)))).reshape([len(values)] * streams)
    return [float(table.var(axis=axis).mean()) for axis in range(streams)]


@pytest.mark.parametrize(
    "score",
    [
        lambda x: x @ np.array([3.0, 1.0, 0.5]),
        lambda x: x[..., 0] * x[..., 1] + x[..., 2] ** 2,
        lambda x: np.exp(x[..., 0]) * (1 + x[..., 1]) * (2 - x[..., 2]),
    ],
)
def test_over_all_pairs_of_seeds_it_is_the_total_effect_by_definition(score: Score) -> None:
    values = (-1.0, 0.25, 2.0)
    expected = total_effects(score, values, 3)
    for stream in range(3):
        base, other = [], []
        for cell in itertools.product(values, repeat=3):
            for value in values:
                base.append(cell)
                other.append((*cell[:stream], value, *cell[stream + 1 :]))
        scores = np.column_stack([score(np.array(base)), score(np.array(other))])
        assert total_effect(scores) == pytest.approx(expected[stream])


def draw(rng: np.random.Generator, seeds: int, score: Score, streams: int, signs: bool = False) -> np.ndarray:
    """(seeds, 1 + streams) of the paired design; a stream's draws are normal, or signs."""
    plain, other = (
        rng.choice([-1.0, 1.0], (seeds, streams)) if signs else rng.normal(size=(seeds, streams)) for _ in range(2)
    )
    changed = [np.where(np.arange(streams) == stream, other, plain) for stream in range(streams)]
    return np.column_stack([score(x) for x in (plain, *changed)])


def test_streams_that_add_up_have_shares_that_add_up_to_100() -> None:
    weights = np.array([2.0, 1.0, 0.5, 0.1])
    scores = draw(np.random.default_rng(0), 200_000, lambda x: x @ weights, 4)
    shares = [summed_share_only(scores[:, [0, stream]]) for stream in range(1, 5)]
    assert shares == pytest.approx(list(weights**2 / (weights**2).sum()), abs=0.01)
    assert summed_share_only(scores) == pytest.approx(1.0, abs=0.01)


def test_streams_that_act_only_together_have_each_the_whole_variance() -> None:
    scores = draw(np.random.default_rng(1), 200_000, lambda x: x.prod(-1), 3, signs=True)
    for stream in (1, 2, 3):
        assert summed_share_only(scores[:, [0, stream]]) == pytest.approx(1.0, abs=0.01)
    assert summed_share_only(scores) == pytest.approx(3.0, abs=0.03)


def summed_share_only(scores: np.ndarray) -> float:
    return total_effect(scores) / float(scores.var(axis=0, ddof=1).mean())


def test_the_budget_gives_the_coefficient_of_variation(tmp_path: Path) -> None:
    (row,) = [row for row in budget_rows(lottery(tmp_path, SCORES)) if row.method == "vae"]
    assert row.variation == pytest.approx(np.std([30, 31, 32, 33], ddof=1) / 31.5)
