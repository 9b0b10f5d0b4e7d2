"""Precision, recall, density and coverage: how two sets of features cover each other's neighbourhoods."""

from typing import NamedTuple

import numpy as np
import torch

from wae.core.errors import UserError
from wae.evaluation.metric import metric

SEED = 2019  # of the random subsets: files are often sorted, and the first images are not like the rest


class Manifold(NamedTuple):
    """Shares in [0, 1]; the density can be above 1."""

    precision: float
    recall: float
    density: float
    coverage: float


@metric(
    "precision",
    title="Precision, {e}",
    better="higher",
    definition="Share of generated images that lie within the {f} neighbourhoods of real ones (Kynkäänniemi et al. "
    "2019): fidelity. On random subsets with a fixed seed, as are recall, density and coverage.",
    lowest=0,
    highest=1,
)
@metric(
    "recall",
    title="Recall, {e}",
    better="higher",
    definition="Share of real images that lie within the {f} neighbourhoods of generated ones (Kynkäänniemi et al. "
    "2019): diversity.",
    lowest=0,
    highest=1,
)
@metric(
    "density",
    title="Density, {e}",
    better="higher",
    definition="How many {f} neighbourhoods of real images a generated one lies in, over the number expected of a real "
    "one (Naeem et al. 2020): fidelity that one outlier among the real images does not raise. Can be above 1.",
    lowest=0,
)
@metric(
    "coverage",
    title="Coverage, {e}",
    better="higher",
    definition="Share of real images whose {f} neighbourhood holds a generated one (Naeem et al. 2020): diversity that "
    "outliers among the generated images do not raise.",
    lowest=0,
    highest=1,
)
def manifold_scores(
    samples: np.ndarray, reference: np.ndarray, n: int, neighbours: int, density_neighbours: int
) -> Manifold:
    """The four scores of features (N, D) and (M, D), on ``n`` random ones of each side (fewer where a side has fewer).

    Which ones depends on N and M alone, so that methods with as many samples are held against the same real images.

    A point's neighbourhood is the ball that reaches its k-th nearest point of its own side. Precision: the share of
    samples inside any real neighbourhood, k = ``neighbours``; recall with the sides exchanged. Density: the mean over
    samples of the number of real neighbourhoods around it, over k = ``density_neighbours``; coverage: the share of real
    neighbourhoods that hold a sample. UserError for too few images.
    """
    n = min(n, len(samples), len(reference))
    most = max(neighbours, density_neighbours)
    if n <= most:
        raise UserError(f"found {n} images, neighbourhoods of {most} need more; add images")
    rng = np.random.default_rng(SEED)
    x, y = (
        torch.from_numpy(np.asarray(side[np.sort(rng.permutation(len(side))[:n])], dtype=np.float64))
        for side in (samples, reference)
    )
    nearest_x, nearest_y = (torch.cdist(side, side).topk(most + 1, largest=False).values for side in (x, y))
    distances = torch.cdist(y, x)  # (real, samples); a point itself is its nearest, so that index k is the k-th
    precision = (distances <= nearest_y[:, neighbours, None]).any(dim=0)
    recall = (distances <= nearest_x[:, neighbours]).any(dim=1)
    inside = distances < nearest_y[:, density_neighbours, None]  # strict, as in the authors' code
    density = inside.sum(dim=0) / density_neighbours
    return Manifold(*(float(part.double().mean()) for part in (precision, recall, density, inside.any(dim=1))))
