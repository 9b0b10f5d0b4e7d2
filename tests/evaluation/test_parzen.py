import math

import numpy as np
import pytest
from scipy import stats

from wae.core.settings import EvaluationSettings
from wae.evaluation import parzen
from wae.evaluation.parzen import log_densities, parzen_rows, parzen_scores


def test_it_is_the_mean_of_the_gaussians_densities() -> None:
    rng = np.random.default_rng(0)
    samples, points = rng.random((30, 5)), rng.random((7, 5))
    found = log_densities(samples, points, [0.2, 0.7])
    for row, sigma in zip(found, (0.2, 0.7), strict=True):
        kernels = [stats.multivariate_normal(x, sigma**2 * np.eye(5)) for x in samples]
        expected = [math.log(np.mean([kernel.pdf(y) for kernel in kernels])) for y in points]
        np.testing.assert_allclose(row, expected, rtol=1e-10)


def test_blocks_and_far_points_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    samples, points = rng.random((40, 3)), rng.random((23, 3))
    whole = log_densities(samples, points, [0.1])
    monkeypatch.setattr(parzen, "BLOCK", 4)
    np.testing.assert_allclose(log_densities(samples, points, [0.1]), whole, rtol=1e-12)
    far = log_densities(np.zeros((1, 784)), np.ones((1, 784)), [0.05])  # exp(-156,800) is 0 in float64
    assert far[0, 0] == pytest.approx(-784 / (2 * 0.05**2) - 784 * math.log(math.sqrt(2 * math.pi) * 0.05))


def test_of_gaussian_data_it_is_the_log_density_of_the_wider_gaussian() -> None:
    """Samples of N(0, s^2 I) and kernels of N(0, sigma^2 I) together are N(0, (s^2 + sigma^2) I)."""
    rng = np.random.default_rng(2)
    spread, sigma = 0.8, 0.5
    samples, test = spread * rng.standard_normal((40_000, 2)), spread * rng.standard_normal((4_000, 2))
    found = parzen_scores(samples, test[:10], test, [sigma])
    variance = spread**2 + sigma**2
    expected = -math.log(2 * math.pi * variance) - (test**2).sum(1).mean() / (2 * variance)
    assert found["parzen"] == pytest.approx(expected, abs=0.005)
    each = -math.log(2 * math.pi * variance) - (test**2).sum(1) / (2 * variance)
    assert found["parzen_error"] == pytest.approx(each.std(ddof=1) / math.sqrt(4_000), rel=0.02)


def test_sigma_is_the_best_on_the_validation_images_not_on_the_test_images() -> None:
    samples = np.zeros((1, 2))
    validation, test = np.array([[0.3, 0.3]]), np.array([[1.0, 1.0], [1.0, 1.0]])
    grid = [0.1, 0.3, 1.0]
    assert parzen_scores(samples, validation, test, grid)["parzen_sigma"] == 0.3  # of one kernel |y| / sqrt(D)
    assert parzen_scores(samples, test, validation.repeat(2, 0), grid)["parzen_sigma"] == 1.0


def test_a_row_says_what_it_is_of() -> None:
    rng = np.random.default_rng(2)
    images = [rng.integers(0, 256, (n, 1, 4, 4), dtype=np.uint8) for n in (20, 9)]
    rows = parzen_rows("prior", rng.random((30, 16)), *images, "test", EvaluationSettings())
    assert {row["metric"] for row in rows} == {"parzen", "parzen_sigma", "parzen_error"}
    for row in rows:
        assert math.isfinite(row["value"])
        labels = {key: row[key] for key in ("subject", "reference", "samples", "draw")}
        assert labels == {"subject": "prior", "reference": "test", "samples": 30, "draw": 0}
