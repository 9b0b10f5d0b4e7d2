"""Statistics over seeds against scipy, simulation and numbers by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from wae.analysis.statistics import (
    Interval,
    against,
    below,
    best_and_ties,
    compare,
    equivalent,
    hedges_g,
    holm,
    interval,
    kendall,
    mean_tau,
    probability_of_improvement,
    score_interval,
    together,
)
from wae.evaluation.metric import Metric

NAN = math.nan
# Three methods that mean, median, sd and the choice of pairs all tell apart; a seed of the third diverged.
SCORES = {"a": [10.0, 11.0, 13.0, 10.5], "b": [12.0, 19.0, 14.0, 12.5], "c": [30.0, NAN, 33.0, 29.0]}


def clean(name: str) -> np.ndarray:
    values = np.array(SCORES[name])
    return values[np.isfinite(values)]


def test_an_interval_is_students_and_leaves_diverged_seeds_out() -> None:
    found = interval(SCORES["c"])
    low, high = stats.t.interval(0.95, 2, 92 / 3, stats.sem([30.0, 33.0, 29.0]))
    assert (found.n, found.mean) == (3, pytest.approx(92 / 3))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = interval([5.0]), interval([NAN])
    assert (one.n, one.mean, one.low, one.high) == (1, 5.0, None, None)
    assert none.n == 0
    assert math.isnan(none.mean)


def test_an_interval_is_cut_where_the_metrics_definition_sets_a_limit() -> None:
    values = [0.99, 1.0, 0.9]
    plain = interval(values)
    assert plain.high is not None
    assert plain.high > 1
    share = Metric("Share", lowest=0, highest=1)
    assert score_interval(values, share) == Interval(3, plain.mean, plain.low, 1)
    assert score_interval([-v for v in values], Metric("Less", lowest=-1)) == Interval(3, -plain.mean, -1, -plain.low)
    inner = [0.4, 0.5, 0.45]
    assert score_interval(inner, share) == interval(inner)
    assert score_interval([3.0, 24.0, 8.0], Metric("D", positive=True)) == interval([3.0, 24.0, 8.0], positive=True)


def test_an_interval_of_positive_scores_stays_above_zero() -> None:
    values = [3.0, 24.0, 8.0]
    plain, found = interval(values), interval(values, positive=True)
    assert plain.low is not None
    assert plain.low < 0
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < found.mean == plain.mean < found.high
    half = stats.t.ppf(0.975, 2) * stats.sem(values) / np.mean(values)
    assert math.log(found.high / found.mean) == pytest.approx(half)
    assert found.low * found.high == pytest.approx(found.mean**2)
    signed = interval([-1.0, 2.0, 3.0], positive=True)  # what cannot be is not forced
    assert signed.low is not None
    assert signed.low < 0


@pytest.mark.parametrize("cv", [0.07, 0.25])
def test_the_log_scale_covers_as_often_as_it_says(cv: float) -> None:
    rng = np.random.default_rng(0)
    sigma = math.sqrt(math.log(1 + cv**2))
    hits = 0
    for values in np.exp(rng.normal(-(sigma**2) / 2, sigma, (4000, 3))):  # lognormal of mean 1
        found = interval(values, positive=True)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1.0 <= found.high
    assert hits / 4000 == pytest.approx(0.95, abs=0.012)


def test_pairs_are_welchs_tests_with_holms_correction() -> None:
    found = compare(SCORES)
    assert [(c.first, c.second) for c in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = []
    for c in found:
        a, b = clean(c.first), clean(c.second)
        expected = stats.ttest_ind(a, b, equal_var=False)
        raw.append(expected.pvalue)
        assert c.p == pytest.approx(expected.pvalue)
        assert c.estimate == pytest.approx(a.mean() - b.mean())
        assert (c.low, c.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    ranked = sorted(raw)
    corrected = {ranked[0]: 3 * ranked[0], ranked[1]: max(3 * ranked[0], 2 * ranked[1])}
    corrected[ranked[2]] = max(corrected[ranked[1]], ranked[2])
    assert [c.p_holm for c in found] == pytest.approx([min(1.0, corrected[p]) for p in raw])
    assert [c.significant for c in found] == [False, True, True]
    assert [c.lower for c in found] == [False, True, True]
    assert not any(c.higher for c in found)


def test_ratios_are_tested_on_the_logarithms() -> None:
    (found,) = compare({"a": SCORES["a"], "b": SCORES["b"]}, ratio=True)
    a, b = np.log(clean("a")), np.log(clean("b"))
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert found.ratio
    assert found.estimate == pytest.approx(math.exp(a.mean() - b.mean()))
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(np.exp(expected.confidence_interval(0.95))))
    assert not compare({"a": [0.0, 1.0, 2.0], "b": [1.0, 2.0, 3.0]}, ratio=True)[0].ratio


def test_a_number_is_tested_against_by_one_sample() -> None:
    found = against("b", SCORES["b"], 9.0)
    expected = stats.ttest_1samp(clean("b"), 9.0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(b - 9.0 for b in expected.confidence_interval(0.95)))
    ratio = against("b", SCORES["b"], 9.0, ratio=True)
    assert ratio.p == pytest.approx(stats.ttest_1samp(np.log(clean("b")), math.log(9.0)).pvalue)
    assert ratio.estimate == pytest.approx(math.exp(np.log(clean("b")).mean()) / 9.0)
    assert against("b", [1.0, 2.0], 9.0).p is None


def test_one_sided_tests_with_a_margin() -> None:
    a, b = clean("a"), clean("b")
    less = stats.ttest_ind(a, b + 1.5, equal_var=False, alternative="less")
    more = stats.ttest_ind(b, a + 1.5, equal_var=False, alternative="less")
    assert below(a, b, 1.5) == pytest.approx(less.pvalue)
    assert equivalent(a, b, 1.5) == pytest.approx(max(less.pvalue, more.pvalue))
    assert below(a, 12.0) == pytest.approx(stats.ttest_1samp(a, 12.0, alternative="less").pvalue)
    assert below([1.0, 2.0], 12.0) == 1.0
    assert below([1.0] * 3, [2.0] * 3) == 0.0
    assert below([2.0] * 3, [2.0] * 3) == 1.0


def test_one_correction_for_all_that_a_verdict_rests_on() -> None:
    pairs = [c for key in ("b", "c") for c in compare({"a": SCORES["a"], key: SCORES[key]})]
    assert [c.p_holm for c in pairs] == [c.p for c in pairs]
    assert [c.p_holm for c in together(pairs)] == holm([c.p for c in pairs])


def test_fewer_than_three_seeds_give_no_test() -> None:
    found = compare({"a": [1.0, 1.5, 1.2], "b": [2.0, 2.5, 2.2], "c": [3.0]})
    assert found[0].p_holm == found[0].p  # the pairs without a test do not count
    for c in found[1:]:
        assert (c.seeds, c.p, c.low, c.effect, c.significant) == (1, None, None, None, False)
    assert found[1].estimate == pytest.approx(np.mean([1.0, 1.5, 1.2]) - 3.0)


def test_scores_without_spread() -> None:
    equal, apart = compare({"a": [1.0] * 3, "b": [1.0] * 3, "c": [2.0] * 3})[:2]
    assert (equal.p, equal.effect, equal.improvement) == (1.0, 0.0, 0.5)
    assert (apart.p, apart.effect, apart.improvement) == (0.0, None, 1.0)


def test_holm_by_hand() -> None:
    # 0.01 * 4, then max(., 0.02 * 3), max(., 0.03 * 2), max(., 0.5)
    assert holm([0.03, 0.01, None, 0.5, 0.02]) == [
        pytest.approx(p) if p else None for p in (0.06, 0.04, None, 0.5, 0.06)
    ]
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_effect_size_by_hand() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 6.0, 8.0, 6.0])
    pooled = math.sqrt((2 * 1.0 + 3 * (8 / 3)) / 5)
    assert hedges_g(a, b) == pytest.approx((2 - 6) / pooled * (1 - 3 / 19))


def test_probability_of_improvement_counts_ties_half() -> None:
    a, b = np.array([1.0, 2.0]), np.array([2.0, 3.0, 0.0])
    assert probability_of_improvement(a, b) == pytest.approx((2 + 1.5) / 6)
    assert probability_of_improvement(a, b, "higher") == pytest.approx(1 - 3.5 / 6)
    assert probability_of_improvement(b, a) == pytest.approx(1 - 3.5 / 6)
    assert stats.mannwhitneyu(b, a).statistic / 6 == pytest.approx(3.5 / 6)
    with pytest.raises(ValueError, match="better is 'up'"):
        probability_of_improvement(a, b, "up")


def test_ties_are_those_that_no_test_tells_from_the_best() -> None:
    assert best_and_ties(SCORES) == ("a", ["b"])
    assert best_and_ties(SCORES, "higher") == ("c", [])
    assert best_and_ties(SCORES | {"d": [1.0, 2.0]}) == ("", [])  # one method without a test: nothing is marked
    assert best_and_ties({"a": SCORES["a"]}) == ("", [])


def test_kendalls_tau_over_rankings() -> None:
    assert kendall([1, 2, 3], [1, 3, 2]) == pytest.approx(1 / 3)
    assert kendall([1, 2, 3], [3, 2, 1]) == -1.0
    assert kendall([1.5, 1.5], [1, 2]) is None
    assert mean_tau([[1, 2, 3], [2, 1, 3], [1, 2, 3]]) == pytest.approx((1 / 3 + 1.0 + 1 / 3) / 3)
    assert mean_tau([[1, 2]]) is None
