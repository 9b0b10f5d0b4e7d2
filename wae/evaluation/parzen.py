"""The Parzen estimate of the likelihood of held-out images, kept to reproduce papers that print it, and for no more.

Warning: it does not rank generators (Theis, van den Oord and Bethge 2016). With 10,000 samples of MNIST the training
images themselves score 243, which adversarial autoencoders (340) and the centres of k-means (313, recalled) pass.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wae.core.settings import EvaluationSettings
from wae.evaluation.metric import metric
from wae.evaluation.rows import row

BLOCK = 250  # points whose distances from all samples are held at once


@metric(
    "parzen",
    title="Parzen log-likelihood",
    unit="nats per image",
    definition="Mean log-density of held-out images under Gaussians of one spread sigma around "
    "evaluation.parzen_samples generated images, pixels in [0, 1]; sigma is the one of evaluation.parzen_sigmas with "
    "the highest mean log-density of images of the train split. Real images score below k-means: it ranks nothing.",
)
@metric(
    "parzen_error",
    title="Parzen, standard error",
    unit="nats per image",
    definition="Standard error over held-out images of the Parzen log-likelihood.",
)
@metric(
    "parzen_sigma",
    title="Parzen, sigma",
    unit="pixels in [0, 1]",
    definition="The spread that the Parzen log-likelihood was computed with.",
)
def parzen_scores(
    samples: np.ndarray, validation: np.ndarray, test: np.ndarray, sigmas: Sequence[float]
) -> dict[str, float]:
    """{"parzen", "parzen_error", "parzen_sigma"} of ``test`` (m, D), m at least 2, under ``samples`` (n, D).

    ``validation`` (k, D): where the first of ``sigmas`` with the highest mean is chosen. All are floats of pixels in
    [0, 1].
    """
    sigma = float(sigmas[int(np.argmax(log_densities(samples, validation, sigmas).mean(1)))])
    found = log_densities(samples, test, [sigma])[0]
    error = found.std(ddof=1) / math.sqrt(len(found))
    return {"parzen": float(found.mean()), "parzen_error": float(error), "parzen_sigma": sigma}


def log_densities(samples: np.ndarray, points: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """log of the mean over ``samples`` x (n, D) of N(y; x, sigma^2 I), at each of ``points`` y (m, D): (S, m) float64.

    Breuleux, Bengio and Vincent 2011. Log-sum-exp in float64, in blocks of points.
    """
    samples, points = np.asarray(samples, np.float64), np.asarray(points, np.float64)
    n, dimensions = samples.shape
    squares = (samples**2).sum(1)
    found = np.empty((len(sigmas), len(points)))
    for start in range(0, len(points), BLOCK):
        part = points[start : start + BLOCK]
        distances = np.maximum(squares - 2.0 * (part @ samples.T) + (part**2).sum(1)[:, None], 0.0)  # (b, n)
        nearest = distances.min(1, keepdims=True)
        for i, sigma in enumerate(sigmas):
            scale = 2.0 * sigma**2
            sums = np.exp((nearest - distances) / scale).sum(1)
            found[i, start : start + len(part)] = np.log(sums) - nearest[:, 0] / scale
    constant = np.log(n) + dimensions * np.log(np.sqrt(2.0 * np.pi) * np.asarray(sigmas, np.float64))
    return np.asarray(found - constant[:, None])


def parzen_rows(
    subject: str,
    samples: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    split: str,
    settings: EvaluationSettings,
) -> list[dict[str, Any]]:
    """Rows of ``subject``: floats ``samples`` (n, D) in [0, 1] against uint8 images (N, C, H, W) of ``split``."""
    chosen_on, scored = (images.reshape(len(images), -1) / 255.0 for images in (validation, test))
    found = parzen_scores(samples, chosen_on, scored, settings.parzen_sigmas)
    return [row(name, subject, value, split, len(samples), 0) for name, value in found.items()]
