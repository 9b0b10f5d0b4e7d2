"""The permutation test of equal laws by the MMD: one kernel matrix, all permutations in one matrix product."""

from typing import NamedTuple

import numpy as np

from wae.mmd.kernels import kernel_matrix


class TwoSample(NamedTuple):
    """``statistic``: unbiased MMD^2. ``p``: (1 + #{permuted >= observed}) / (1 + ``permutations``)."""

    statistic: float
    p: float
    permutations: int


def two_sample_test(
    x: np.ndarray, y: np.ndarray, *, base: float, permutations: int, rng: np.random.Generator
) -> TwoSample:
    """The test that ``x`` (n, d) and ``y`` (m, d), n and m at least 2, follow one law (Gretton et al. 2012, lemma 6).

    The kernel is the paper's sum of seven inverse multiquadratic ones with C = ``base``. The statistic is quadratic
    in the 0/1 vector that says which pooled points are of the first sample. ValueError for fewer than 2 points.
    """
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise ValueError(f"found {n} and {m} points, the test needs at least 2 of each")
    pooled = np.concatenate([x, y]).astype(np.float64)
    kernel = kernel_matrix(pooled, pooled, base=base)
    np.fill_diagonal(kernel, 0.0)
    member = np.zeros((n + m, permutations + 1))
    member[:n, 0] = 1.0
    for column in range(1, permutations + 1):
        member[rng.permutation(n + m)[:n], column] = 1.0
    product = kernel @ member
    within_x = (member * product).sum(0)
    between = product.sum(0) - within_x
    within_y = kernel.sum() - within_x - 2.0 * between
    values = within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2.0 * between / (n * m)
    # Values that rounding alone tells apart are ties, which count against the test.
    exceeding = np.sum(values[1:] >= values[0] - 1e-12 * max(1.0, abs(values[0])))
    return TwoSample(float(values[0]), float((1 + exceeding) / (1 + permutations)), permutations)
