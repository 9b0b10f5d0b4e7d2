"""Statistics over seeds, the error budget and tuning, against scipy, simulation and numbers by hand."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wae.analysis.budget import budget_table, detectable_difference, error_budget, gap_decomposition
from wae.analysis.metrics import METRICS, describe, gather, learn
from wae.analysis.ranking import rankings
from wae.analysis.statistics import (
    best_and_ties,
    compare,
    hedges_g,
    holm,
    probability_of_improvement,
    rank_stability,
    summarise,
)
from wae.analysis.tuning import both_comparisons, tune
from wae.evaluation.metric import as_document
from wae.evaluation.run import known_metrics

NAN = math.nan
# Three methods that mean, median, sd and the choice of pairs all tell apart; a seed of the third diverged.
SCORES = np.array([[10.0, 12.0, 30.0], [11.0, 19.0, NAN], [13.0, 14.0, 33.0], [10.5, 12.5, 29.0]])


def test_summary_leaves_diverged_seeds_out():
    found = summarise(SCORES)
    assert found.n.tolist() == [4, 4, 3]
    np.testing.assert_allclose(found.mean, [11.125, 14.375, 92 / 3])
    np.testing.assert_allclose(found.sd, np.nanstd(SCORES, axis=0, ddof=1))
    low, high = stats.t.interval(0.95, 2, 92 / 3, stats.sem([30.0, 33.0, 29.0]))
    assert (found.low[2], found.high[2]) == pytest.approx((low, high))


def test_summary_of_one_seed_and_of_none():
    found = summarise(np.array([[5.0, NAN]]))
    assert found.mean[0] == 5.0
    assert math.isnan(found.mean[1])
    assert np.isnan([*found.sd, *found.low, *found.high]).all()
    with pytest.raises(ValueError, match="need \\(seeds, methods\\)"):
        summarise(np.zeros(3))


def test_pairs_are_welchs_tests_with_holms_correction():
    found = compare(SCORES)
    assert [(c.first, c.second) for c in found] == [(0, 1), (0, 2), (1, 2)]
    raw = []
    for c in found:
        a, b = (SCORES[:, k][np.isfinite(SCORES[:, k])] for k in (c.first, c.second))
        expected = stats.ttest_ind(a, b, equal_var=False)
        raw.append(expected.pvalue)
        assert c.p == pytest.approx(expected.pvalue)
        assert c.difference == pytest.approx(a.mean() - b.mean())
        assert (c.low, c.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
        assert c.note == ""
    ranked = sorted(raw)
    corrected = {ranked[0]: 3 * ranked[0], ranked[1]: max(3 * ranked[0], 2 * ranked[1])}
    corrected[ranked[2]] = max(corrected[ranked[1]], ranked[2])
    assert [c.p_holm for c in found] == pytest.approx([min(1.0, corrected[p]) for p in raw])
    assert [c.differs() for c in found] == [False, True, True]


def test_paired_tests_use_complete_rows():
    found = compare(SCORES, paired=True)[1]
    keep = [0, 2, 3]
    assert found.p == pytest.approx(stats.ttest_rel(SCORES[keep, 0], SCORES[keep, 2]).pvalue)


def test_fewer_than_three_seeds_give_no_test_and_say_so():
    scores = np.array([[1.0, 2.0, 3.0], [1.5, 2.5, NAN], [1.2, 2.2, NAN]])
    found = compare(scores)
    assert found[0].note == ""
    for c in found[1:]:
        assert c.note == "no test: 1 seed, a test needs 3"
        assert math.isnan(c.p)
        assert not c.differs()
        assert c.difference == pytest.approx(float(np.mean(scores[:, c.first])) - 3.0)
    assert found[0].p_holm == found[0].p  # the untested pairs do not count
    assert "2 seeds" in compare(scores[:2])[0].note
    assert math.isnan(compare(np.full((3, 2), NAN))[0].improvement)


def test_scores_without_spread():
    equal, apart = compare(np.array([[1.0, 1.0, 2.0]] * 3))[:2]
    assert (equal.p, equal.effect, equal.improvement) == (1.0, 0.0, 0.5)
    assert (apart.p, apart.effect, apart.improvement) == (0.0, -math.inf, 1.0)


def test_holm_by_hand():
    # 0.01 * 4, then max(., 0.02 * 3), max(., 0.03 * 2), max(., 0.5)
    assert holm([0.03, 0.01, NAN, 0.5, 0.02]) == pytest.approx([0.06, 0.04, NAN, 0.5, 0.06], nan_ok=True)
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_effect_size_by_hand():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 6.0, 8.0, 6.0])
    pooled = math.sqrt((2 * 1.0 + 3 * (8 / 3)) / 5)
    assert hedges_g(a, b) == pytest.approx((2 - 6) / pooled * (1 - 3 / 19))


def test_probability_of_improvement_counts_ties_half():
    a, b = np.array([1.0, 2.0]), np.array([2.0, 3.0, 0.0])
    assert probability_of_improvement(a, b) == pytest.approx((2 + 1.5) / 6)
    assert probability_of_improvement(a, b, "higher") == pytest.approx(1 - 3.5 / 6)
    assert probability_of_improvement(b, a) == pytest.approx(1 - 3.5 / 6)
    assert stats.mannwhitneyu(b, a).statistic / 6 == pytest.approx(3.5 / 6)
    with pytest.raises(ValueError, match="better is 'up'"):
        probability_of_improvement(a, b, "up")


def test_ties_are_marked_as_ties():
    assert best_and_ties(SCORES).tolist() == [True, True, False]
    assert best_and_ties(SCORES, "higher").tolist() == [False, False, True]
    few = SCORES.copy()
    few[1:, 1] = NAN  # a method with one seed is no tie
    assert best_and_ties(few).tolist() == [True, False, False]
    assert best_and_ties(SCORES[:2]).tolist() == [False] * 3


def test_rank_stability_over_conditions():
    values = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [0.9, 0.7, 0.1], [NAN, 1.0, 2.0]])
    found = rank_stability(values, ["lower", "lower", "higher", "lower"])
    assert found.ranks.tolist() == [[1, 2, 3]] * 3
    assert (found.agreement, found.same_order, found.order) == (1.0, True, [0, 1, 2])
    swapped = rank_stability(np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 3.0], [1.0, 2.0, 3.0]]))
    assert swapped.agreement == pytest.approx((1 / 3 + 1.0 + 1 / 3) / 3)
    assert not swapped.same_order
    assert rank_stability(np.array([[1.0, 1.0, 0.0]])).ranks.tolist() == [[2.5, 2.5, 1.0]]
    assert rank_stability(np.full((2, 3), NAN)).order == []


def test_error_budget_finds_each_source():
    rng = np.random.default_rng(0)
    seeds, draws, count = 4000, 4, 6
    effects = rng.normal(0, 3.0, (seeds, 1))
    values = 50 + effects + rng.normal(0, 1.5, (seeds, draws))
    halves = 50 + effects + rng.normal(0, 0.7, (seeds, count))
    found = error_budget(values, halves)
    assert found.seed == pytest.approx(3.0, rel=0.05)
    assert found.draw == pytest.approx(1.5, rel=0.05)
    assert found.half == pytest.approx(0.7, rel=0.05)
    assert found.error["seed"] == pytest.approx(found.seed / math.sqrt(seeds))
    assert found.error["draw"] == pytest.approx(found.draw / math.sqrt(seeds * draws))
    assert error_budget(values[:5], halves[:5]).dominant == "seed"
    assert error_budget(values[:5] * 0 + values[0], halves[:5]).dominant == "half"


def test_error_budget_without_repetition():
    one = error_budget(np.array([[3.0]]), np.empty((0, 0)))
    assert (one.seeds, one.draws, one.dominant) == (1, 1, "")
    assert all(math.isnan(v) for v in (one.seed, one.draw, one.half, one.detectable))
    without = error_budget(np.array([[1.0, 2.0], [NAN, NAN], [2.0, 3.0], [3.0, 4.0]]), np.empty((0, 0)))
    assert without.seeds == 3
    assert without.draw == pytest.approx(math.sqrt(0.5))
    assert without.seed == pytest.approx(math.sqrt(1.0 - 0.25))


def test_detectable_difference_has_the_stated_power():
    seeds, sd = 4, 2.0
    shift = detectable_difference(sd, seeds)
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, sd, (4000, seeds)), rng.normal(shift, sd, (4000, seeds))
    assert np.mean(stats.ttest_ind(a, b, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.03)
    assert detectable_difference(sd, seeds, comparisons=3) > 1.2 * shift
    assert detectable_difference(2 * sd, seeds) == pytest.approx(2 * shift)
    assert math.isnan(detectable_difference(sd, 2))
    assert detectable_difference(0.0, 3) == 0.0


def tidy(*lines) -> pd.DataFrame:
    columns = ["dataset", "method", "seed", "metric", "subject", "reference", "draw", "value"]
    return pd.DataFrame(lines, columns=columns)


def test_budget_table_from_the_tidy_table():
    lines = [("d", "real_data", -1, "fid_x", "data", "test", 0, 1.0)]
    for method, seed, draw in itertools.product(("a", "b"), (0, 1, 2), (0, 1)):
        value = 10.0 * (method == "b") + seed + 0.1 * draw
        lines.append(("d", method, seed, "fid_x", "prior", "test", draw, value))
        lines.append(("d", method, seed, "fid_x", "prior", "train", draw, 100.0))
        lines.append(("d", method, seed, "fid_x_half", "prior", "test", draw, value + draw))
        lines.append(("d", method, seed, "fid_x", "mixture", "test", draw, 100.0))
    table = budget_table(tidy(*lines), "fid_x")
    assert table["method"].tolist() == ["a", "b"]
    assert table["mean"].tolist() == pytest.approx([1.05, 11.05])
    assert table["sd_half"].tolist() == pytest.approx([1.1 / math.sqrt(2)] * 2)
    assert table["sd_draw"].tolist() == pytest.approx([0.1 / math.sqrt(2)] * 2)
    assert table["sd_seed"].tolist() == pytest.approx([math.sqrt(1 - 0.005 / 2)] * 2)
    assert table["dominant"].tolist() == ["half"] * 2
    assert table["detectable"].tolist() == pytest.approx([detectable_difference(1.0, 3, 1)] * 2)
    assert budget_table(tidy(), "fid_x").empty


def test_gap_decomposition_adds_up():
    lines = [("d", "real_data", -1, "fid_x", "data", "test", 0, 2.0)]
    for seed in (0, 1):
        for subject, value in (("reconstruction", 5.0), ("mixture", 9.0), ("prior", 20.0)):
            lines.append(("d", "a", seed, "fid_x", subject, "test", 0, value + seed))
    found = gap_decomposition(tidy(*lines), "fid_x").iloc[0]
    assert (found["floor"], found["decoder"], found["density"], found["hole"]) == (2.0, 3.5, 4.0, 11.0)
    assert found["floor"] + found["decoder"] + found["density"] + found["hole"] == found["prior"] == 20.5


def sweep(values: dict[str, dict[float, list[float]]], test: dict[str, dict[float, list[float]]]):
    lines, fates = [], []
    for method, by_weight in values.items():
        for weight, scores in by_weight.items():
            name = f"{method}@lambda_={weight:g}"
            for seed, value in enumerate(scores):
                fates.append(("d", name, seed, "diverged" if math.isnan(value) else "finished"))
                if not math.isnan(value):
                    lines.append(("d", name, seed, "fid_x", "prior", "validation", 0, value))
                    lines.append(("d", name, seed, "fid_x", "prior", "test", 0, test[method][weight][seed]))
    return tidy(*lines), pd.DataFrame(fates, columns=["dataset", "method", "seed", "status"])


def test_tuning_chooses_on_validation_and_compares_on_test():
    validation = {
        "wae": {1.0: [9.0, 9.0], 10.0: [5.0, 6.0], 100.0: [7.0, 7.0]},
        "gan": {1.0: [4.0, 4.0], 10.0: [1.0, NAN], 100.0: [8.0, 8.0]},
    }
    # On test images another weight is best: choosing there would be seen.
    test = {
        "wae": {1.0: [1.0, 1.0], 10.0: [6.0, 7.0], 100.0: [2.0, 2.0]},
        "gan": {1.0: [5.0, 5.0], 10.0: [0.0, 0.0], 100.0: [0.5, 0.5]},
    }
    metrics, runs = sweep(validation, test)
    tuned = {t.method: t for t in tune(metrics, runs, "fid_x")}
    assert tuned["wae"].best == 10.0
    assert tuned["wae"].curve["validation"].tolist() == [9.0, 5.5, 7.0]
    assert not tuned["wae"].at_edge
    assert tuned["gan"].best == 1.0  # 10 lost a seed, so that its one good score is no choice
    assert tuned["gan"].at_edge
    assert tuned["gan"].curve["unfinished"].tolist() == [0, 1, 0]
    table = both_comparisons(metrics, list(tuned.values()), "fid_x", {"wae": 100.0, "gan": 10.0})
    best = table[table["comparison"] == "best"]
    assert best["score"].tolist() == [5.0, 5.0, 6.0, 7.0]
    paper = table[table["comparison"] == "paper"]
    assert paper["variant"].unique().tolist() == ["gan@lambda_=10", "wae@lambda_=100"]
    assert paper["score"].tolist() == [0.0, 2.0, 2.0]


def test_rankings_over_metric_count_and_reference():
    values = {"fid_x": (1.0, 2.0), "fid_x_curve": (3.0, 4.0), "precision_x": (0.9, 0.8), "fid_x_half": (9.0, 1.0)}
    lines = [("d", "real_data", -1, "fid_x", "prior", "test", 0, 0.0)]
    for metric, pair in values.items():
        for method, value in zip(("b", "a"), pair, strict=True):
            lines += [("d", method, seed, metric, "prior", "test", 0, value + 0.01 * seed) for seed in (0, 1)]
    lines += [("d", "a", 0, "fid_x", "prior", "train", 0, 1.0), ("d", "b", 0, "fid_x", "prior", "train", 0, 5.0)]
    frame = tidy(*lines).assign(samples=100)
    METRICS.update(known_metrics(["x"]))
    (found,) = rankings(frame)
    assert found.methods == ["a", "b"]
    assert found.conditions == [(m, r, 100) for m, r in [("fid_x", "test"), ("fid_x", "train"),
                                                         ("fid_x_curve", "test"), ("precision_x", "test")]]  # fmt: skip
    assert found.means[0].tolist() == pytest.approx([2.005, 1.005])
    assert found.stability.ranks.tolist() == [[2, 1], [1, 2], [2, 1], [2, 1]]
    assert not found.stability.same_order
    assert found.stability.agreement == pytest.approx(0.0)
    assert rankings(frame, ["b", "a"])[0].stability.ranks[0].tolist() == [1, 2]


def test_metrics_have_titles_directions_and_definitions(tmp_path, monkeypatch):
    monkeypatch.setattr("wae.analysis.metrics.METRICS", {})
    assert describe("mse") is None
    gather(
        [{}, {"metrics": as_document(known_metrics(["classifier", "inception", "my_net"]))}], tmp_path / "facts.json"
    )
    learn(tmp_path / "facts.json")
    learn(tmp_path / "none.json")
    assert describe("mse").title == "MSE"
    assert describe("fid_classifier").better == "lower"
    assert describe("recall_inception").better == "higher"
    assert describe("sharpness").better is None
    assert describe("fid_my_net").positive
    assert not describe("kid_my_net").positive
    own = describe("fid_my_net_infinity")
    assert own is not None
    assert own.title == "Fréchet distance, my_net, infinite samples"
    assert "my_net features" in own.definition
    assert describe("brightness_gap") is None
