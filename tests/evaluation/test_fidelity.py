"""Distances: closed forms, torch-fidelity's values, what a worse sample set must do."""

import numpy as np
import pytest
import torch
from scipy import linalg
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from wae.core.errors import UserError
from wae.evaluation.fidelity import (
    LARGE,
    Moments,
    as_reference,
    bias_curve,
    extrapolate,
    frechet_distance,
    kernel_distance,
    moments,
    smoke,
)
from wae.evaluation.manifold import manifold_scores


def features(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(d, d))
    return (rng.normal(size=(n, d)) * scale) @ mixing + shift


def test_moments_are_the_mean_and_unbiased_covariance():
    values = features(30, 4, 0)
    found = moments(values.astype(np.float32))
    np.testing.assert_allclose(found.mean, values.mean(0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.covariance, np.cov(values, rowvar=False), rtol=1e-5)
    assert found.n == 30
    assert found.covariance.dtype == np.float64
    np.testing.assert_allclose(moments(values[:2]).covariance, np.cov(values[:2], rowvar=False))  # the fewest


def test_distance_of_diagonal_gaussians_in_closed_form():
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 1.0, 0.25])
    samples = Moments(np.array([1.0, -2.0, 0.5]), np.diag(a), 10)
    reference = as_reference(Moments(np.array([0.0, 1.0, 0.5]), np.diag(b), 10))
    expected = 1 + 9 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert frechet_distance(samples, reference) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dimensions", [7, LARGE])  # two ways to the same product
def test_distance_of_correlated_gaussians_by_matrix_square_root(dimensions):
    x, y = moments(features(900, dimensions, 1)), moments(features(800, dimensions, 2, 0.3, 1.4))
    product = linalg.sqrtm(x.covariance @ y.covariance).real
    difference = x.mean - y.mean
    expected = difference @ difference + np.trace(x.covariance) + np.trace(y.covariance) - 2 * np.trace(product)
    assert frechet_distance(x, as_reference(y)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(y, as_reference(x)) == pytest.approx(expected, rel=1e-9)  # it is symmetric


@pytest.mark.parametrize("n", [500, 20])  # 20 features of 32 dimensions: the covariance has not full rank
def test_distance_to_itself_is_zero(n):
    found = moments(features(n, 32, 3, scale=10.0))
    assert abs(frechet_distance(found, as_reference(found))) < 1e-6


def test_values_are_torch_fidelitys():
    x, y = features(900, 48, 4, 0.05, 1.1), features(700, 48, 5)
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    fid = fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), False)
    kid = kid_features_to_metric(a, b, kid_subsets=7, kid_subset_size=200, verbose=False)
    prc = prc_features_to_metric(a[:300], b[:300], prc_neighborhood=3, verbose=False)
    assert frechet_distance(moments(x), as_reference(moments(y))) == pytest.approx(
        fid["frechet_inception_distance"], rel=1e-6
    )
    assert kernel_distance(x, y, 7, 200) == pytest.approx(kid["kernel_inception_distance_mean"], rel=1e-6)
    found = manifold_scores(x[:300], y[:300], 300, 3, 5)
    assert found[:2] == pytest.approx((prc["precision"], prc["recall"]), rel=1e-6)
    assert prc["precision"] != pytest.approx(prc["recall"])  # so that swapping them would be seen


def test_counts_are_capped_at_what_there_is():
    x, y = features(40, 5, 6), features(30, 5, 7)
    expected = kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=3, kid_subset_size=30, verbose=False
    )
    assert kernel_distance(x, y, 3, 1000) == pytest.approx(expected["kernel_inception_distance_mean"])


def test_curve_falls_with_n_and_its_line_meets_infinity():
    real = features(20_000, 8, 8)
    generated = features(8_000, 8, 9, 0.2)
    reference = as_reference(moments(real))
    curve = bias_curve(generated, reference, 5, 200, np.random.default_rng(0))
    counts = [count for count, _ in curve]
    assert counts[0] == 200
    assert counts[-1] == 8000
    assert np.allclose(np.diff([1 / c for c in counts]), np.diff([1 / c for c in counts])[0], rtol=0.02)
    values = [value for _, value in curve]
    assert values[0] > values[-1]
    assert values[-1] == pytest.approx(frechet_distance(moments(generated), reference), rel=1e-9)
    # the distance of the distributions themselves: equal covariances, means 0.2 apart in 8 dimensions
    assert extrapolate(curve) == pytest.approx(8 * 0.2**2, abs=0.05)
    assert abs(extrapolate(curve) - 0.32) < abs(values[0] - 0.32)


def test_curve_takes_random_subsets_whatever_the_order():
    values = features(2000, 4, 13)
    ordered = values[np.argsort(values[:, 0])]  # as a model would give that makes one class after the other
    reference = as_reference(moments(features(2000, 4, 14)))
    (_, first), *_, (_, last) = bias_curve(ordered, reference, 3, 200, np.random.default_rng(0))
    assert first < last + 1.0
    assert np.mean([frechet_distance(moments(part), reference) for part in np.split(ordered, 10)]) > last + 2.0


def test_extrapolation_is_the_intercept_in_one_over_n():
    curve = [(n, 3.0 + 50.0 / n) for n in (10, 20, 50, 100)]
    assert extrapolate(curve) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="a line needs 2"):
        extrapolate([(10, 1.0), (10, 2.0)])


def test_worse_samples_score_worse_in_every_distance():
    real, good = features(1500, 6, 10), features(1500, 6, 11)
    reference = as_reference(moments(real))
    rng = np.random.default_rng(0)
    dropped = good[good[:, 0] > 0]  # half of the modes
    noisy = good + rng.normal(size=good.shape) * 2.5
    for worse in (dropped, noisy):
        assert frechet_distance(moments(worse), reference) > 5 * frechet_distance(moments(good), reference)
        assert kernel_distance(worse, real, 10, 400) > kernel_distance(good, real, 10, 400) + 0.01
    found = {name: manifold_scores(part, real, 600, 3, 5) for name, part in
             (("good", good), ("noisy", noisy), ("dropped", dropped))}  # fmt: skip
    assert found["noisy"].precision < found["good"].precision - 0.1
    assert found["noisy"].density < 0.5 * found["good"].density
    assert found["dropped"].recall < found["good"].recall - 0.1
    assert found["dropped"].coverage < found["good"].coverage - 0.15
    assert found["good"].density == pytest.approx(1.0, abs=0.1)


def test_bad_features_stop_with_one_line():
    values = features(10, 3, 12)
    with pytest.raises(UserError, match="found 1 images"):
        moments(values[:1])
    values[4, 1] = np.nan
    with pytest.raises(UserError, match="not finite"):
        moments(values)
    with pytest.raises(UserError, match="3 feature dimensions, the reference 4"):
        frechet_distance(moments(features(9, 3, 0)), as_reference(moments(features(9, 4, 0))))


def test_few_images_on_either_side_are_smoke():
    assert smoke(2048, 5000) == ""
    assert smoke(2047, 5000) == "smoke"
    assert smoke(5000, 2047) == "smoke"
    assert smoke(5000, 4000, dimensions=4000) == "smoke"
    assert smoke(5000, 4001, dimensions=4000) == ""
