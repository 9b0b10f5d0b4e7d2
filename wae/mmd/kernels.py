"""The kernels of the MMD, k = sum_s k_s, as float64 numpy matrices: for tests and studies, without gradients.

- imq: k_s(x, y) = C s / (C s + |x - y|^2). C (``base``) is 2 d_z sigma_z^2 for a normal prior in the paper.
- rbf: k_s(x, y) = exp(-|x - y|^2 / (C s)).
"""

from collections.abc import Sequence

import numpy as np

from wae.core.errors import unknown_name
from wae.core.scales import IMQ_SCALES

KERNELS = ("imq", "rbf")


def kernel_matrix(
    x: np.ndarray, y: np.ndarray, *, kernel: str = "imq", scales: Sequence[float] = IMQ_SCALES, base: float
) -> np.ndarray:
    """sum_s k_s(x_i, y_j) of (n, d) and (m, d) points as a float64 matrix (n, m).

    Distances are taken in the frame of ``y``'s mean, so that points far from the origin lose no digits.
    UserError for an unknown kernel.
    """
    if kernel not in KERNELS:
        raise unknown_name("kernel", kernel, KERNELS)
    y = np.asarray(y, dtype=np.float64)
    centre = y.mean(0)
    x, y = np.asarray(x, dtype=np.float64) - centre, y - centre
    squared = np.square(x).sum(1)[:, None] + np.square(y).sum(1) - 2.0 * (x @ y.T)
    np.maximum(squared, 0.0, out=squared)
    matrix = np.zeros_like(squared)
    for scale in scales:
        c = base * scale
        matrix += c / (c + squared) if kernel == "imq" else np.exp(-squared / c)
    return matrix
