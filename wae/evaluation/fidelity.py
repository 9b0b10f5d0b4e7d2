"""Distances between sets of features: Frechet and kernel (KID); the bias curve.

All values are torch-fidelity's, which the tests compare; importing it takes longer than computing them. Everything
is float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wae.core.errors import UserError
from wae.evaluation.metric import metric

LARGE = 512  # dimensions from which a triangular product is worth importing scipy
SUBSET_SEED = 2020  # torch-fidelity's default
SMOKE = 2048  # a distance from fewer images than this, on either side, is labelled "smoke"


@dataclass(frozen=True)
class Moments:
    """Mean (D,) and covariance (D, D; over n - 1) of n features."""

    mean: np.ndarray
    covariance: np.ndarray
    n: int


@dataclass(frozen=True)
class Reference:
    """Real data's side of a Frechet distance: mean (D,), the covariance's factor R (D, D) and trace, count.

    R is upper triangular with R^T R the covariance, as Cholesky's, but also where the covariance is singular.
    """

    mean: np.ndarray
    root: np.ndarray
    trace: float
    n: int


def moments(features: np.ndarray) -> Moments:
    """Mean and covariance of features (N, D), N >= 2, in float64; UserError for fewer or non-finite ones."""
    if len(features) < 2:
        raise UserError(f"found {len(features)} images, a covariance needs 2 or more; add images")
    mean = features.mean(axis=0, dtype=np.float64)
    centred = np.subtract(features, mean, dtype=np.float64)  # the one large array: fresh pages cost as much as sums
    covariance = centred.T @ centred
    covariance /= len(features) - 1
    if not np.isfinite(covariance).all():
        raise UserError("features are not finite; check the images and the extractor's weights")
    return Moments(mean, covariance, len(features))


def as_reference(found: Moments) -> Reference:
    """The reference of ``found``: its covariance is factorised once for all distances to it."""
    values, vectors = np.linalg.eigh(found.covariance)
    root = np.asarray(np.linalg.qr((vectors * np.sqrt(np.clip(values, 0.0, None))).T, mode="r"))
    return Reference(found.mean, root, float(np.trace(found.covariance)), found.n)


@metric(
    "fid",
    title="Fréchet distance, {e}",
    positive=True,
    better="lower",
    definition="Squared Wasserstein-2 distance of two Gaussians fitted to the {f} of generated and of real images "
    "(Heusel et al. 2017). Biased upwards by few images: compare at equal counts only.",
)
@metric(
    "fid_half",
    title="Fréchet distance, {e}, half the reference",
    positive=True,
    better="lower",
    definition="Fréchet distance in the {f} to a random half of the reference images (for real data: one half against "
    "the other).",
)
def frechet_distance(samples: Moments, reference: Reference) -> float:
    """Squared Wasserstein-2 distance of the two Gaussians (Dowson & Landau 1982; the "FID" of Heusel et al. 2017).

    |m_s - m_r|^2 + tr S_s + tr S_r - 2 tr (R S_s R^T)^1/2 with R^T R = S_r: the eigenvalues of a symmetric
    matrix, which are those of the product S_r S_s, at a fraction of the work. Not negative but for rounding.
    """
    if samples.mean.shape != reference.mean.shape:
        raise UserError(
            f"samples have {len(samples.mean)} feature dimensions, the reference {len(reference.mean)}; "
            "use the same extractor for both"
        )
    difference = samples.mean - reference.mean
    values = np.linalg.eigvalsh(_sandwich(reference.root, samples.covariance), UPLO="U")
    # A rank-deficient product has zero eigenvalues that rounding lifts to 1e-16; their roots would add 1e-8 each.
    cut = values[-1] * len(values) * np.finfo(np.float64).eps
    coupling = np.sqrt(values[values > cut]).sum()
    return float(difference @ difference + np.trace(samples.covariance) + reference.trace - 2.0 * coupling)


def _sandwich(root: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The upper triangle of R S R^T for upper triangular R and symmetric S, (D, D) each; below it anything."""
    if len(root) < LARGE:
        return root @ covariance @ root.T
    from scipy.linalg.lapack import dsygst

    product: np.ndarray = dsygst(covariance, root, itype=2, lower=0)[0]  # a quarter of two products' operations
    return product


@metric(
    "kid",
    title="Kernel distance, {e}",
    better="lower",
    definition="Unbiased squared MMD of the {f} with the cubic kernel (x.y / D + 1)^3, mean over random subsets "
    "(Binkowski et al. 2018). Unbiased in the count of images; can be negative.",
)
def kernel_distance(samples: np.ndarray, reference: np.ndarray, subsets: int, size: int) -> float:
    """KID (Binkowski et al. 2018): unbiased MMD^2 with the cubic kernel (x.y / D + 1)^3, mean over random subsets.

    ``subsets`` subsets of ``size`` features of each side (fewer where a side has fewer), the same that
    torch-fidelity draws.
    """
    size = min(size, len(samples), len(reference))
    rng = np.random.RandomState(SUBSET_SEED)
    found = []
    for _ in range(subsets):
        x, y = (
            np.asarray(side[rng.choice(len(side), size, replace=False)], dtype=np.float64)
            for side in (samples, reference)
        )
        within = [(k.sum() - np.trace(k)) / (size * (size - 1)) for k in (_cubic(x, x), _cubic(y, y))]
        found.append(sum(within) - 2.0 * _cubic(x, y).mean())
    return float(np.mean(found))


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x.y / D + 1)^3 of all pairs of (n, D) and (m, D)."""
    base = x @ y.T / x.shape[1] + 1.0
    return np.asarray(base * base * base)


@metric(
    "fid_curve",
    title="Fréchet distance, {e}, by count",
    positive=True,
    better="lower",
    definition="Fréchet distance in the {f} at the stated count of generated images: mean over disjoint subsets of all "
    "draws.",
)
def bias_curve(
    features: np.ndarray, reference: Reference, points: int, smallest: int, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """(N, Frechet distance) at ``points`` counts from ``smallest`` to all M of ``features`` (M, D).

    Counts are evenly spaced in 1 / N, in which the bias is linear. Each value is the mean over floor(M / N)
    disjoint random subsets, so that all points rest on nearly all features and the noise they share does not
    tilt the line.
    """
    features = features[rng.permutation(len(features))]
    smallest = min(smallest, len(features))
    counts = [round(1.0 / inverse) for inverse in np.linspace(1.0 / smallest, 1.0 / len(features), points)]
    curve = []
    for count in dict.fromkeys(counts):
        subsets = features[: len(features) // count * count].reshape(-1, count, features.shape[1])
        curve.append((count, float(np.mean([frechet_distance(moments(part), reference) for part in subsets]))))
    return curve


@metric(
    "fid_infinity",
    title="Fréchet distance, {e}, infinite samples",
    better="lower",
    definition="Fréchet distance in the {f}, extrapolated to infinitely many generated images by a straight line in "
    "1 / N (Chong & Forsyth 2020); the reference's own finite count still biases it.",
)
def extrapolate(curve: Sequence[tuple[int, float]]) -> float:
    """The distance at infinitely many samples (Chong & Forsyth, CVPR 2020): intercept of the line in 1 / N.

    Ordinary least squares over the ``curve``, which needs 2 points or more. The reference's own finite
    count still biases the result.
    """
    counts = np.array([count for count, _ in curve], dtype=np.float64)
    values = np.array([value for _, value in curve])
    if len(set(counts)) < 2:
        raise ValueError(f"{len(set(counts))} distinct sample counts; a line needs 2")
    _, intercept = np.polyfit(1.0 / counts, values, 1)
    return float(intercept)


def smoke(*counts: int, dimensions: int = 0) -> str:
    """The label of a distance from so many images: "smoke" where one count is below 2,048, else "".

    Also where a count is not above ``dimensions``, as then the covariance has not full rank.
    """
    return "smoke" if min(counts) < SMOKE or min(counts) <= dimensions else ""
