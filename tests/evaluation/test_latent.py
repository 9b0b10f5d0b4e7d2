"""The latent match: brute force, closed forms, what a mismatch must do."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from wae.evaluation.latent import (
    dimension_moments,
    information_split,
    moment_scores,
    plane,
)


def normal(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, scale, (n, d))


def test_moments_are_scipys():
    from scipy import stats

    z = np.random.default_rng(8).gamma(2.0, [1.0, 0.1, 1.0], size=(300, 3))
    z[:, 2] = 4.0
    found = dimension_moments(z)
    np.testing.assert_allclose(found["sd"], z.std(0))
    np.testing.assert_allclose(found["skewness"][:2], stats.skew(z[:, :2]))
    np.testing.assert_allclose(found["excess_kurtosis"][:2], stats.kurtosis(z[:, :2]))
    assert found["skewness"][2] == found["excess_kurtosis"][2] == 0.0


def test_moment_scores_see_each_kind_of_mismatch():
    p = normal(20_000, 3, 9, scale=2.0)
    match = moment_scores(normal(20_000, 3, 10, scale=2.0), p)
    assert match["latent_mean_error"] < 0.03
    assert match["latent_sd_ratio_min"] == pytest.approx(1.0, abs=0.03)
    assert max(match["latent_skewness"], match["latent_correlation"]) < 0.06
    z = normal(20_000, 3, 11, scale=2.0)
    z[:, 1] = 0.8 * z[:, 0] + 0.6 * z[:, 1]
    z[:, 2] = 0.02 * z[:, 2] + 3.0
    found = moment_scores(z, p)
    assert found["latent_mean_error"] == pytest.approx(1.5 / math.sqrt(3), rel=0.05)
    assert found["latent_sd_ratio_min"] == pytest.approx(0.02, rel=0.05)
    assert found["latent_sd_ratio_max"] == pytest.approx(1.0, abs=0.03)
    assert found["latent_correlation"] == pytest.approx(0.8, abs=0.02)
    assert moment_scores(z[:, :1], p[:, :1])["latent_correlation"] == 0.0


def test_a_collapse_along_an_oblique_direction_shows() -> None:
    rng = np.random.default_rng(15)
    turn = np.linalg.qr(rng.standard_normal((16, 16)))[0]
    p = rng.uniform(-2.0, 2.0, (10_000, 16)) * np.linspace(1.0, 3.0, 16)
    scale = np.ones(16)
    scale[3], scale[9] = 0.1, 2.5
    z = rng.standard_normal((10_000, 16)) * scale @ turn * p.std(0)
    found = moment_scores(z, p)
    assert found["latent_sd_ratio_min"] > 0.6  # every dimension looks well
    own, draws = (np.linalg.svd((x - x.mean(0)) / p.std(0), compute_uv=False) for x in (z, p))
    assert found["latent_direction_sd_min"] == pytest.approx(own[-1] / draws[-1])
    assert found["latent_direction_sd_max"] == pytest.approx(own[0] / draws[0])
    assert found["latent_direction_sd_min"] == pytest.approx(0.1, abs=0.01)
    whole = moment_scores(rng.standard_normal((500, 100)), rng.standard_normal((500, 100)))
    assert whole["latent_direction_sd_min"] == pytest.approx(1.0, abs=0.05)  # few codes narrow both alike
    assert math.isnan(moment_scores(z[:16], p[:16])["latent_direction_sd_min"])  # draws of the prior lie in a plane too
    assert moment_scores(z[:17], p[:17])["latent_direction_sd_min"] > 0
    line = moment_scores(z[:, :1], p[:, :1])
    assert line["latent_direction_sd_min"] == pytest.approx(line["latent_sd_ratio_min"])
    flat = moment_scores(np.hstack([z[:, :1], z[:, :1]]), p[:, :2])
    assert flat["latent_direction_sd_min"] == pytest.approx(0.0, abs=1e-6)


def test_information_split_is_the_double_loop():
    n, d, sigma = 12, 3, 1.5
    mean, log_variance = normal(n, d, 12), normal(n, d, 13, -1.0, 0.5)
    z = mean + np.exp(0.5 * log_variance) * normal(n, d, 14)
    found = information_split(z, mean, log_variance, sigma, block=5)
    posteriors = [Independent(Normal(torch.from_numpy(m), torch.from_numpy(np.exp(0.5 * v))), 1)
                  for m, v in zip(mean, log_variance, strict=True)]  # fmt: skip
    information = 0.0
    for i, posterior in enumerate(posteriors):
        point = torch.from_numpy(z[i])
        mixture = torch.logsumexp(torch.stack([q.log_prob(point) for q in posteriors]), 0) - math.log(n)
        information += float(posterior.log_prob(point) - mixture) / n
    prior = Independent(Normal(torch.zeros(d, dtype=torch.float64), sigma * torch.ones(d, dtype=torch.float64)), 1)
    kl = np.mean([float(kl_divergence(q, prior)) for q in posteriors])
    assert found["mutual_information"] == pytest.approx(information, rel=1e-9)
    assert found["kl_total"] == pytest.approx(kl, rel=1e-9)
    assert found["kl_aggregate"] == pytest.approx(kl - information, rel=1e-6)
    assert found["mutual_information_bound"] == pytest.approx(math.log(n))


def test_information_at_its_two_ends():
    n = 400
    collapsed = information_split(normal(n, 2, 15), np.zeros((n, 2)), np.zeros((n, 2)), 1.0)
    assert collapsed["mutual_information"] == pytest.approx(0.0, abs=1e-9)
    assert collapsed["kl_total"] == pytest.approx(0.0, abs=1e-12)
    mean = normal(n, 2, 16, scale=100.0)
    distinct = information_split(mean + 1e-3 * normal(n, 2, 17), mean, np.full((n, 2), 2 * math.log(1e-3)), 1.0)
    assert distinct["mutual_information"] == pytest.approx(math.log(n), abs=1e-6)


@pytest.mark.parametrize(("log_variance", "copies"), [(-30.0, 2), (-45.4, 2), (-45.4, 4)])
def test_information_of_narrow_posteriors_and_images_that_are_there_more_than_once(log_variance, copies):
    """Encoders without a KL term get there: log q(z_i|x_j) is then a small difference of numbers as large as 1e20."""
    n, d = 400, 8
    mean = np.repeat(normal(n // copies, d, 20, scale=5.0), copies, axis=0)
    z = mean + math.exp(0.5 * log_variance) * normal(n, d, 21)
    found = information_split(z, mean, np.full((n, d), log_variance), 5.0)
    assert found["mutual_information"] == pytest.approx(math.log(n / copies), abs=1e-3)


def test_information_of_gaussians_in_closed_form():
    n, noise = 3000, 0.5
    mean = normal(n, 1, 18)
    z = mean + noise * normal(n, 1, 19)
    found = information_split(z, mean, np.full((n, 1), 2 * math.log(noise)), 1.0)
    assert found["mutual_information"] == pytest.approx(0.5 * math.log(1 + 1 / noise**2), abs=0.04)


def test_plane_keeps_the_widest_directions_and_its_sign():
    z = normal(500, 4, 20) * np.array([0.1, 5.0, 0.1, 2.0])
    points = plane(z)
    assert points.shape == (500, 2)
    assert points.std(0) == pytest.approx([5.0, 2.0], rel=0.1)
    np.testing.assert_allclose(np.abs(np.corrcoef(points[:, 0], z[:, 1])[0, 1]), 1.0, atol=1e-3)
    assert np.corrcoef(points[:, 0], z[:, 1])[0, 1] > 0
    assert np.corrcoef(points[:, 1], z[:, 3])[0, 1] > 0
    assert plane(z[:, :1]).shape == (500, 2)
    for d in (2, 4):  # codes beside the prior are drawn beside it
        assert np.linalg.norm(plane(z[:, :d] + 9.0).mean(0)) > 9.0
    np.testing.assert_array_equal(plane(z[:, :2]), z[:, :2])
