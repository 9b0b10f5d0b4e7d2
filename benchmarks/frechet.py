"""The Frechet distance from ready features, with the real data's side computed beforehand for all."""

from typing import Any

import numpy as np
import torch
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from benchmarks.measure import Stopwatch, interleave, timed
from wae.compute import devices
from wae.core.settings import ExecutionSettings
from wae.evaluation.fidelity import Moments, as_reference, frechet_distance, moments

COUNT, DIMENSIONS = 10_000, 2048  # samples on each side, as many as Inception's features


def features(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Correlated non-negative features, float32 (count, dimensions), with a spectrum that falls as Inception's does."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(dimensions, dimensions)) * np.arange(1, dimensions + 1) ** -0.5
    mixed = rng.normal(size=(count, dimensions)) @ mixing.T / 4.0
    return np.maximum(mixed + 0.1 * seed, 0.0).astype(np.float32)


def by_sqrtm(samples: Moments, real: Moments) -> float:
    """The distance with scipy's square root of the product of covariances, as the paper's code has it."""
    root = sqrtm(samples.covariance @ real.covariance)
    difference = samples.mean - real.mean
    traces = np.trace(samples.covariance) + np.trace(real.covariance)
    return float(difference @ difference + traces - 2.0 * np.trace(np.real(root)))


def measure(quick: bool) -> dict[str, Any]:
    """What a distance spends by contestant, the distances themselves, and what the reference's root costs, once.

    Besides, what two of our distance's steps take alone: the samples' covariance as one symmetric product, and the
    eigenvalues of a symmetric matrix.
    """
    devices.setup(ExecutionSettings(device="cpu"))
    count, dimensions = (500, 128) if quick else (COUNT, DIMENSIONS)
    real, fake = features(count, dimensions, 0), features(count, dimensions, 1)
    found = moments(real)
    watch = Stopwatch()
    reference = as_reference(found)
    once = watch.stop()
    theirs, fake_tensor = fid_features_to_statistics(torch.from_numpy(real)), torch.from_numpy(fake)
    values: dict[str, float] = {}
    fakes = moments(fake)
    centred = fake - fakes.mean
    sandwich = reference.root @ fakes.covariance @ reference.root.T

    def ours() -> None:
        values["ours"] = frechet_distance(moments(fake), reference)

    def torch_fidelity() -> None:
        statistics = fid_features_to_statistics(fake_tensor)
        values["torch_fidelity"] = fid_statistics_to_metric(statistics, theirs, False)[KEY_METRIC_FID]

    def scipy() -> None:
        values["scipy"] = by_sqrtm(moments(fake), found)

    def product() -> None:
        centred.T @ centred

    def eigenvalues() -> None:
        np.linalg.eigvalsh(sandwich)

    contestants = (ours, torch_fidelity, scipy, product, eigenvalues)
    spent = interleave({f.__name__: timed(f) for f in contestants}, 2 if quick else 5)
    return {"spent": spent, "values": values, "reference": once, "count": count, "dimensions": dimensions}
