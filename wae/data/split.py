"""Which training images are held back for tuning: the same ones in training, in the references and in the analysis."""

import numpy as np

from wae.core.errors import UserError

_SEED = 20171105  # fixed for good: another value would move test-like data into training


def train_validation_indices(n: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Split ``range(n)`` into (train, validation) index arrays, both ascending, int64.

    The validation part is the last ``round(n * fraction)`` of a fixed permutation, so that it does not
    depend on the order of the classes in the file. ``fraction`` is in [0, 1); with 0 the second is empty.
    UserError if a positive fraction leaves either part empty.
    """
    if not 0 <= fraction < 1:
        raise UserError(f"validation_fraction is {fraction}; it must be at least 0 and below 1")
    held_back = round(n * fraction)
    if fraction > 0 and not 0 < held_back < n:
        raise UserError(f"validation_fraction {fraction} of {n} images leaves a part empty; choose another fraction")
    order = np.random.default_rng(_SEED).permutation(n)
    return np.sort(order[: n - held_back]), np.sort(order[n - held_back :])
