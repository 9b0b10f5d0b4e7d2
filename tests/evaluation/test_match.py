"""Effect sizes of codes against the prior: closed forms, loops over pairs, and what must not depend on n."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from wae.evaluation import match


def normal(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) * scale + shift


def test_spread_is_the_priors_sd() -> None:
    assert match.spread(normal(20_000, 4, 0, shift=3.0, scale=2.0)) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_debiased_distance_of_a_shift_and_of_a_scale(sigma: float) -> None:
    p, z = normal(8000, 5, 1, scale=sigma), normal(8000, 5, 2, scale=sigma)
    moved = z.clone()
    moved[:, 0] += sigma
    assert match.debiased_sw2(moved, p) == pytest.approx(1 / math.sqrt(5), rel=0.06)  # in units of sigma
    assert match.debiased_sw2(0.8 * z, p) == pytest.approx(0.2, rel=0.06)


def test_debiased_distance_is_zero_in_the_mean_whatever_the_count() -> None:
    for n in (40, 160):
        signed = [match.debiased_sw2(normal(n, 3, 2 * i), normal(n, 3, 2 * i + 1)) for i in range(200)]
        squared = np.sign(signed) * np.square(signed)
        error = squared.std() / math.sqrt(len(squared))
        assert abs(squared.mean()) < 3 * error
        biased = 2 / n  # of the order of what two samples are apart
        assert error < 0.15 * biased


def test_energy_is_the_double_loop() -> None:
    z, p = normal(9, 3, 3, 0.5), normal(9, 3, 4)

    def mean(a: torch.Tensor, b: torch.Tensor, skip: bool) -> float:
        pairs = [float((x - y).norm()) for i, x in enumerate(a) for j, y in enumerate(b) if not (skip and i == j)]
        return float(np.mean(pairs))

    within = mean(p, p, True)
    expected = (2 * mean(z, p, False) - mean(z, z, True) - within) / within
    assert match.energy_distance(z, p) == pytest.approx(expected, rel=1e-9)


def test_energy_of_normal_laws_in_closed_form() -> None:
    def mean_distance(shift: float, variance: float) -> float:  # E |x|, x ~ N(shift, variance)
        sd = math.sqrt(variance)
        return sd * math.sqrt(2 / math.pi) * math.exp(-0.5 * (shift / sd) ** 2) + shift * math.erf(
            shift / sd / math.sqrt(2)
        )

    expected = (2 * mean_distance(1.0, 2.0) - 2 * mean_distance(0.0, 2.0)) / mean_distance(0.0, 2.0)
    found = match.energy_distance(normal(2000, 1, 5, 1.0), normal(2000, 1, 6))
    assert found == pytest.approx(expected, rel=0.1)
    null = [match.energy_distance(normal(30, 2, 2 * i), normal(30, 2, 2 * i + 1)) for i in range(200)]
    assert abs(np.mean(null)) < 3 * np.std(null) / math.sqrt(200)


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_radius_is_kolmogorovs_distance_to_chi_squared(scale: float) -> None:
    z = normal(500, 6, 7, scale=2.0 * scale)
    expected = stats.kstest((z / 2.0).square().sum(1).numpy(), stats.chi2(6).cdf).statistic
    assert match.radius_distance(z, 2.0) == pytest.approx(expected, rel=1e-9)
    assert (match.radius_distance(z, 2.0) > 0.1) == (scale < 1)


def test_classifier_tells_other_laws_and_not_equal_ones() -> None:
    p = normal(2000, 4, 8, shift=5.0, scale=3.0)
    same = match.classifier_accuracy(normal(2000, 4, 9, shift=5.0, scale=3.0), p, 0)
    assert same == pytest.approx(0.5, abs=0.05)
    assert match.classifier_accuracy(p.flip(0) + 9.0, p, 0) > 0.98
    # Equal means, other spread: a linear classifier would see nothing. The best possible accuracy is known.
    wide = normal(2000, 4, 10, shift=5.0, scale=6.0)
    cut = 8 * math.log(2) * 4 / 3  # of |x|^2 where the two densities are equal
    best = 0.5 * (stats.chi2(4).cdf(cut) + stats.chi2(4).sf(cut / 4))
    found = match.classifier_accuracy(wide, p, 0)
    assert best - 0.06 < found < best + 0.04


def test_classifier_is_scored_on_points_that_it_did_not_see() -> None:
    accuracies = [match.classifier_accuracy(normal(60, 20, 2 * i), normal(60, 20, 2 * i + 1), i) for i in range(12)]
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.08)  # on its own 60 points it would be near 1
    assert len(set(accuracies)) > 1


def test_classifier_leaves_out_the_odd_point() -> None:
    found = match.classifier_accuracy(normal(61, 4, 1), normal(61, 4, 2), 0)
    assert 60 * found == pytest.approx(round(60 * found), abs=1e-9)


def test_mardia_is_the_double_loop() -> None:
    z = normal(7, 3, 11, 0.4, 1.5)
    unit = (z / 1.5).tolist()
    cubes = [sum(a * b for a, b in zip(x, y, strict=True)) ** 3 for i, x in enumerate(unit) for j, y in enumerate(unit)
             if i != j]  # fmt: skip
    lengths = [sum(a * a for a in x) for x in unit]
    found = match.mardia(z, 1.5)
    assert found["latent_mardia_skewness"] == pytest.approx(np.mean(cubes), rel=1e-9)
    assert found["latent_mardia_kurtosis"] == pytest.approx(np.mean(np.square(lengths)) - 15, rel=1e-9)
    assert set(found) == {"latent_mardia_skewness", "latent_mardia_kurtosis"}  # fewer codes than a batch


def test_mardia_of_known_laws() -> None:
    n, d = 40 * 128 + 100, 8
    found = match.mardia(normal(n, d, 12), 1.0)
    assert abs(found["latent_mardia_skewness"]) < 0.05
    assert abs(found["latent_mardia_kurtosis"]) < 3
    assert found["latent_mardia_skewness_batch"] == pytest.approx(d * (d + 2) * (d + 4) / 128, rel=0.1)  # not 0
    # The mean over batches of the absolute deviation, whose variance is Var |z|^4 / 128.
    moments = [math.prod(d + 2 * i for i in range(k)) for k in (4, 2)]
    sd = math.sqrt((moments[0] - moments[1] ** 2) / 128)
    assert found["latent_mardia_kurtosis_batch"] == pytest.approx(sd * math.sqrt(2 / math.pi), rel=0.35)
    skewed = torch.distributions.Exponential(torch.ones(20_000, 3, dtype=torch.float64))
    torch.manual_seed(0)
    assert match.mardia(skewed.sample() - 1.0, 1.0)["latent_mardia_skewness"] == pytest.approx(4 * 3, rel=0.15)
    narrow = match.mardia(normal(20_000, 3, 13, scale=0.5), 1.0)["latent_mardia_kurtosis"]
    assert narrow == pytest.approx((0.5**4 - 1) * 15, rel=0.01)
