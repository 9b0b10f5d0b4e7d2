"""The linear floor of reconstruction: principal components of the training images, of every number at once."""

import numpy as np

from wae.evaluation.metric import metric

MAX_PIXELS = 4096  # of an image: more take a covariance of over 130 MB
BLOCK = 4096  # images that are float64 at once
RELATIVE = 1e-12  # a component's variance, in units of the mean squared norm of an image, below which it is rounding


def pca_errors(train: np.ndarray, held_out: np.ndarray) -> list[float]:
    """SSE per image of ``held_out`` under 0, 1, 2, ... principal components of ``train``, uint8 (n, C, H, W) each.

    Squared errors summed over pixels in [0, 1], mean over images: of the mean image first, of all components last,
    which are as many as ``train`` varies in: what is left lies outside their span. Float64. [] for images of over
    4,096 pixels.
    """
    pixels = int(np.prod(train.shape[1:]))
    if pixels > MAX_PIXELS:
        return []
    mean, covariance = _moments(train, np.zeros(pixels))
    variances, vectors = np.linalg.eigh(covariance - np.outer(mean, mean))
    rank = int((variances > RELATIVE * np.trace(covariance)).sum())
    _, around = _moments(held_out, mean)
    explained = np.einsum("ij,jk,ki->i", vectors.T, around, vectors, optimize=True)[::-1][:rank]
    total = float(np.trace(around))
    return [max(float(error), 0.0) for error in total - np.concatenate([[0.0], np.cumsum(explained)])]


def _moments(images: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and second moment (D, D) of images in [0, 1] less ``centre``."""
    total, products = np.zeros_like(centre), np.zeros((len(centre), len(centre)))
    for start in range(0, len(images), BLOCK):
        x = images[start : start + BLOCK].reshape(-1, len(centre)) / 255.0 - centre
        total += x.sum(0)
        products += x.T @ x
    return total / len(images), products / len(images)


@metric(
    "sse_of_pca",
    title="SSE / PCA's",
    positive=True,
    better="lower",
    definition="SSE of reconstructions over that of principal components of the training images, as many as the code "
    "has dimensions. No linear autoencoder is below 1 on the training images; a network should be. Not for images of "
    "over 4,096 pixels.",
)
def sse_of_pca(sse: float, floor: list[float], latent_dim: int) -> dict[str, float]:
    """{"sse_of_pca"} from ``pca_errors``; {} where there are none, or not more of them than ``latent_dim``."""
    if latent_dim >= len(floor) - 1:
        return {}
    return {"sse_of_pca": sse / floor[latent_dim]}
