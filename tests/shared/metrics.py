"""Metrics of a user's own, sound and not, for the tests; named by dotted path."""

import numpy as np

from wae.evaluation.metric import metric


@metric(title="Brightness gap", unit="grey levels", better="lower", definition="Difference of mean grey levels.")
def brightness_gap(images: np.ndarray, real: np.ndarray) -> float:
    """Declared, and it spoils what it is given."""
    gap = abs(float(images.mean()) - float(real.mean()))
    real[real < 100] = 0
    images[:] = 0
    return gap


def undeclared(images: np.ndarray, real: np.ndarray) -> float:
    """Sees what it must: nothing that another metric did."""
    return float(real.mean())


def without_annotation(images, real):
    """Refused: it does not say what it returns."""
    return 1.0


def nothing(images: np.ndarray, real: np.ndarray) -> float:
    """Returns no number, as one who forgot the last line."""
    return None  # type: ignore[return-value]
