"""Precision, recall, density and coverage against loops over points, and closed forms."""

import numpy as np
import pytest

from wae.core.errors import UserError
from wae.evaluation.manifold import manifold_scores


def normal(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, scale, (n, d)).astype(np.float32)


def brute(samples: np.ndarray, real: np.ndarray, k: int, k_density: int) -> tuple[float, float, float, float]:
    """The definitions, point by point."""

    def radius(side: np.ndarray, i: int, k: int) -> float:
        return sorted(float(np.linalg.norm(side[i].astype(float) - other)) for other in side.astype(float))[k]

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm(a.astype(float) - b.astype(float)))

    radii = [(radius(real, i, k), radius(real, i, k_density)) for i in range(len(real))]
    own = [radius(samples, j, k) for j in range(len(samples))]
    precision = np.mean([any(apart(y, x) <= r for x, (r, _) in zip(real, radii, strict=True)) for y in samples])
    recall = np.mean([any(apart(x, y) <= r for y, r in zip(samples, own, strict=True)) for x in real])
    around = [sum(apart(y, x) < r for x, (_, r) in zip(real, radii, strict=True)) for y in samples]
    covered = [any(apart(y, x) < r for y in samples) for x, (_, r) in zip(real, radii, strict=True)]
    return float(precision), float(recall), float(np.mean(around)) / k_density, float(np.mean(covered))


@pytest.mark.parametrize("neighbours", [(3, 5), (5, 2)])
def test_all_four_are_the_definitions(neighbours: tuple[int, int]) -> None:
    samples, real = normal(40, 3, 0, 0.5, 1.4), normal(40, 3, 1)
    found = manifold_scores(samples, real, 100, *neighbours)
    assert found == pytest.approx(brute(samples, real, *neighbours))
    assert len({round(value, 6) for value in found}) == 4  # so that exchanging two would be seen


def test_equal_laws_have_density_one_and_the_coverage_of_the_paper() -> None:
    found = manifold_scores(normal(1500, 4, 2), normal(1500, 4, 3), 1500, 3, 5)
    assert found.density == pytest.approx(1.0, abs=0.05)
    # Naeem et al. 2020, equation 8, for N = M: 1 - (N - 1)...(N - k) / ((2N - 1)...(2N - k)), about 1 - 2^-k
    assert found.coverage == pytest.approx(1 - 2.0**-5, abs=0.015)


def test_one_far_real_point_makes_precision_perfect_but_not_density() -> None:
    samples, real = normal(300, 2, 4, 6.0), normal(300, 2, 5)
    real[0] = 100.0
    found = manifold_scores(samples, real, 300, 3, 5)
    assert found.precision == 1.0
    assert found.density < 0.25


def test_subsets_are_random_whatever_the_order_and_the_same_each_time() -> None:
    real = normal(3000, 3, 6)
    real = real[np.argsort(real[:, 0])]  # as a file is that begins with the easier half
    samples = normal(3000, 3, 7)
    found = manifold_scores(samples, real, 300, 3, 5)
    assert found == manifold_scores(samples, real, 300, 3, 5)
    assert found.coverage > 0.9
    assert manifold_scores(samples, real[:300], 300, 3, 5).density < 0.5


def test_counts_are_capped_at_what_there_is() -> None:
    x, y = normal(40, 5, 8), normal(30, 5, 9)
    assert 0.0 < manifold_scores(x, y, 2000, 3, 5).precision <= 1.0
    with pytest.raises(UserError, match="found 5 images, neighbourhoods of 5 need more"):
        manifold_scores(x[:5], y, 2000, 3, 5)
