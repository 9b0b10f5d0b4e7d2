"""The kernel matrix and the permutation test against double loops."""

import math
import subprocess
import sys

import numpy as np
import pytest

from wae.core.errors import UserError
from wae.core.scales import IMQ_SCALES
from wae.mmd.kernels import kernel_matrix
from wae.mmd.two_sample import two_sample_test


def normal(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, scale, (n, d))


def brute_mmd2(x: np.ndarray, y: np.ndarray, base: float) -> float:
    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float(sum(base * s / (base * s + np.sum((a - b) ** 2)) for s in IMQ_SCALES))

    n, m = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


@pytest.mark.parametrize("name", ["imq", "rbf"])
def test_kernel_matrix_entry_by_entry_far_from_the_origin(name: str) -> None:
    x, y = normal(7, 3, 0) + 1e6, normal(5, 3, 1) + 1e6
    found = kernel_matrix(x, y, kernel=name, scales=(0.1, 0.7, 3.0), base=2.0)
    assert found.shape == (7, 5)
    for i, j in [(0, 0), (6, 4), (3, 1)]:
        squared = float(((x[i] - y[j]) ** 2).sum())
        widths = [2.0 * s for s in (0.1, 0.7, 3.0)]
        terms = [c / (c + squared) if name == "imq" else math.exp(-squared / c) for c in widths]
        assert found[i, j] == pytest.approx(sum(terms), rel=1e-8)


def test_an_unknown_kernel_is_named() -> None:
    with pytest.raises(UserError, match="did you mean 'imq'"):
        kernel_matrix(normal(3, 2, 0), normal(3, 2, 1), kernel="img", base=1.0)


@pytest.mark.parametrize(("n", "m"), [(9, 13), (12, 12), (2, 5)])
def test_statistic_is_the_double_loop(n: int, m: int) -> None:
    x, y = normal(n, 3, 0, 0.7), normal(m, 3, 1)
    found = two_sample_test(x, y, base=6.0, permutations=19, rng=np.random.default_rng(0))
    assert found.statistic == pytest.approx(brute_mmd2(x, y, 6.0), rel=1e-10)
    assert found.permutations == 19


@pytest.mark.parametrize("m", [6, 8])
def test_p_value_counts_relabelled_samples(m: int) -> None:
    x, y = normal(6, 2, 2, 0.4), normal(m, 2, 3)
    found = two_sample_test(x, y, base=4.0, permutations=50, rng=np.random.default_rng(7))
    rng, pooled = np.random.default_rng(7), np.concatenate([x, y])
    exceeding = 0
    for _ in range(50):
        member = np.zeros(6 + m, dtype=bool)
        member[rng.permutation(6 + m)[:6]] = True
        exceeding += brute_mmd2(pooled[member], pooled[~member], 4.0) >= found.statistic
    assert found.p == pytest.approx((1 + exceeding) / 51)
    assert 0.03 < found.p < 0.97


def test_the_test_has_its_level_and_power() -> None:
    def p(x: np.ndarray, y: np.ndarray, permutations: int, seed: int) -> float:
        return two_sample_test(x, y, base=4.0, permutations=permutations, rng=np.random.default_rng(seed)).p

    levels = np.array([p(normal(40, 2, 2 * i), normal(40, 2, 2 * i + 1), 39, i) for i in range(120)])
    assert 0.0 < np.mean(levels <= 0.1) < 0.2
    assert np.mean(levels) == pytest.approx(0.51, abs=0.1)
    assert p(normal(80, 2, 1, 0.8), normal(80, 2, 2), 99, 0) == 0.01


def test_equal_points_are_ties_and_no_evidence() -> None:
    same = np.ones((10, 2))
    found = two_sample_test(same, same, base=4.0, permutations=39, rng=np.random.default_rng(0))
    assert found == (pytest.approx(0.0), 1.0, 39)


def test_one_point_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="found 1 and 4 points"):
        two_sample_test(normal(1, 2, 0), normal(4, 2, 1), base=4.0, permutations=9, rng=np.random.default_rng(0))


def test_what_analysis_imports_of_it_brings_no_torch() -> None:
    code = "import sys, wae.mmd.two_sample, wae.mmd.kernels; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
