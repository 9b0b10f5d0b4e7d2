"""All distances of a run's image sets in one extractor's features; features are computed once per set."""

import sys
from typing import Any

import numpy as np
from torch import Tensor

from wae.core.settings import EvaluationSettings
from wae.evaluation import fidelity
from wae.evaluation.feature_rows import feature_rows
from wae.evaluation.features import extract
from wae.evaluation.fidelity import Reference, moments, smoke
from wae.evaluation.reference import RealData
from wae.evaluation.rows import row


class Distances:
    """Scores image sets against one reference, and keeps the features of prior samples for the bias curve."""

    def __init__(self, real: RealData, settings: EvaluationSettings) -> None:
        self.real = real
        self.settings = settings
        self.pool: list[np.ndarray] = []

    def score(self, subject: str, images: Tensor, draw: int, *, full: bool) -> list[dict[str, Any]]:
        """Rows of one image set, uint8 (N, C, H, W): the Frechet distance to the reference and to other splits.

        ``full`` adds the scores of ``feature_rows``. Sets of the subject "prior" go into the pool of
        ``curve``; the first of them is also compared with each half of the reference.
        """
        real, settings, name = self.real, self.settings, self.real.name
        features = extract(real.extractor, images, settings.batch_size)
        found = moments(features)
        n, dimensions = features.shape
        if n <= dimensions:
            print(
                f"warning: {n} images ({subject}) for {dimensions} features of {name}: the covariance has not full "
                "rank; give more images (evaluation.samples, or those that you score)",
                file=sys.stderr,
            )
        if subject == "prior":
            self.pool.append(features)
        rows = [
            self._frechet(f"fid_{name}", subject, found, reference, real.main if split == "main" else split, n, draw)
            for split, reference in real.statistics.items()
            if split != real.main  # the train split counts once where it is itself the reference
        ]
        if subject == "prior" and draw == 0:
            rows += [
                self._frechet(f"fid_{name}_half", subject, found, half, real.main, n, index)
                for index, half in enumerate(real.halves)
            ]
        if full:
            main = real.features["main"]
            rows += feature_rows(real.extractor, subject, features, main, real.main, draw, settings)
        return rows

    def _frechet(
        self, metric: str, subject: str, found: fidelity.Moments, reference: Reference, split: str, n: int, draw: int
    ) -> dict[str, Any]:
        value = fidelity.frechet_distance(found, reference)
        return row(metric, subject, value, split, n, draw, smoke(n, reference.n, dimensions=len(reference.mean)))

    def curve(self, rng: np.random.Generator) -> list[dict[str, Any]]:
        """Rows of the bias curve over all prior samples seen so far, and of its value at infinitely many.

        Counts from half of a draw (at least twice the dimensions, at most half of the pool) to the whole pool.
        """
        settings, name = self.settings, self.real.name
        features = np.concatenate(self.pool)
        smallest = min(max(settings.samples // 2, 2 * features.shape[1]), len(features) // 2)
        if settings.curve_points < 2 or smallest < 2:
            return []
        reference = self.real.statistics["main"]
        points = fidelity.bias_curve(features, reference, settings.curve_points, smallest, rng)
        rows = [
            row(
                f"fid_{name}_curve",
                "prior",
                value,
                self.real.main,
                count,
                index,
                smoke(count, reference.n, dimensions=len(reference.mean)),
            )
            for index, (count, value) in enumerate(points)
        ]
        label = smoke(len(features), reference.n, dimensions=len(reference.mean))
        infinity = fidelity.extrapolate(points)
        return [*rows, row(f"fid_{name}_infinity", "prior", infinity, self.real.main, len(features), 0, label)]
