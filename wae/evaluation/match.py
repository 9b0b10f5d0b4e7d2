"""Codes against the prior by effect sizes: they do not grow with the count of codes, and no method trains on them.

``z``: held-out codes (n, d), draws of the aggregate posterior Q_Z; ``p``: as many draws of the prior P_Z. All float64,
in units of the prior's spread (see ``spread``).
"""

import math

import numpy as np
import torch
from scipy import special
from torch import Tensor, nn
from torch.nn import functional

from wae.compute.adam import LeanAdam
from wae.evaluation.metric import metric
from wae.mmd.sliced import sliced_w2_squared, unit_directions

PROJECTIONS = 128
DIRECTIONS_SEED = 1215752192  # one set of directions for all runs of a latent dimension
ENERGY_CODES = 2000  # pairs cost their square
HIDDEN, STEPS, BATCH, RATE = 64, 300, 256, 5e-3  # of the two-sample classifier
CWAE_BATCH = 128


def spread(p: Tensor) -> float:
    """Root mean square, over draws and dimensions, of the prior's draws (n, d) less their mean: its sd."""
    return float((p - p.mean(0)).square().mean().sqrt())


@metric(
    "latent_sw2_debiased",
    title="Latent SW2, debiased",
    unit="prior sds",
    better="lower",
    definition="Sliced 2-Wasserstein distance of held-out codes and the prior, less what samples of this size are "
    "apart by chance (halves of each side against each other). About 0 for a perfect match; the root keeps its sign.",
)
def debiased_sw2(z: Tensor, p: Tensor) -> float:
    """The signed root of SW2^2(z, p) - SW2^2(z, z') / 2 - SW2^2(p, p') / 2, each between halves of n / 2 points.

    Between equal laws the mean of the squared value is 0 whatever n, as the error of an empirical quantile function
    enters the first term once for each side, and the two others twice for one side.
    """
    directions = unit_directions(z.shape[1], PROJECTIONS, torch.Generator().manual_seed(DIRECTIONS_SEED), z)
    half = len(z) // 2
    (z1, z2), (p1, p2) = ((side[:half], side[half : 2 * half]) for side in (z, p))

    def squared(a: Tensor, b: Tensor) -> float:
        return float(sliced_w2_squared(a, b, directions))

    between = 0.5 * (squared(z1, p1) + squared(z2, p2))
    value = between - 0.5 * squared(z1, z2) - 0.5 * squared(p1, p2)
    return math.copysign(math.sqrt(abs(value)), value) / spread(p)


@metric(
    "latent_energy",
    title="Energy distance",
    unit="share of the prior's mean distance",
    better="lower",
    definition="2 E|z - p| - E|z - z'| - E|p - p'| of held-out codes z and prior draws p (Szekely & Rizzo 2013), "
    "unbiased, over E|p - p'|. 0 for a perfect match; can be negative.",
)
def energy_distance(z: Tensor, p: Tensor) -> float:
    """The unbiased energy distance of the first ``ENERGY_CODES`` of each side over the prior's mean distance."""
    z, p = z[:ENERGY_CODES], p[:ENERGY_CODES]
    n, m = len(z), len(p)
    within_z = float(torch.cdist(z, z).sum()) / (n * (n - 1))
    within_p = float(torch.cdist(p, p).sum()) / (m * (m - 1))
    return (2.0 * float(torch.cdist(z, p).mean()) - within_z - within_p) / within_p


@metric(
    "latent_radius",
    title="|z|² against χ²",
    unit="Kolmogorov distance",
    better="lower",
    definition="Largest difference between the distribution functions of |z|² over held-out codes and of the normal "
    "prior's χ² law with d_z degrees of freedom. From n draws of the prior itself about 0.87 / √n.",
    lowest=0,
    highest=1,
)
def radius_distance(z: Tensor, sigma: float) -> float:
    """Kolmogorov's distance between |z|^2 / sigma^2 of codes (n, d) and chi^2(d)."""
    squared = np.sort((z / sigma).square().sum(1).numpy())
    law = special.gammainc(0.5 * z.shape[1], 0.5 * squared)
    steps = np.arange(len(law) + 1) / len(law)
    return float(max((steps[1:] - law).max(), (law - steps[:-1]).max()))


@metric(
    "latent_c2st",
    title="Codes told from prior",
    unit="accuracy",
    better="lower",
    definition="Held-out accuracy of a classifier of held-out codes against prior draws (Lopez-Paz & Oquab 2017): one "
    "hidden layer of 64 ReLU units, 300 Adam steps of 256, trained on half of each side. 0.5 for a perfect match.",
    lowest=0,
    highest=1,
)
def classifier_accuracy(z: Tensor, p: Tensor, seed: int) -> float:
    """Accuracy, on the second half of each side, of a small network that was trained on the first half."""
    generator = torch.Generator().manual_seed(seed)
    scale = p.mean(0), spread(p)
    half = len(z) // 2
    points = [((side - scale[0]) / scale[1]).float() for side in (z, p)]
    train = torch.cat([side[:half] for side in points])
    test = torch.cat([side[half : 2 * half] for side in points])
    labels = torch.cat([torch.ones(half), torch.zeros(half)])
    weights = [torch.randn(train.shape[1], HIDDEN, generator=generator) * math.sqrt(2.0 / train.shape[1])]
    weights += [
        torch.zeros(HIDDEN),
        torch.randn(HIDDEN, generator=generator) * math.sqrt(2.0 / HIDDEN),
        torch.zeros(()),
    ]
    parameters = [nn.Parameter(value) for value in weights]

    def logits(x: Tensor) -> Tensor:
        first, bias, second, last = parameters
        return torch.relu(x @ first + bias) @ second + last

    optimiser = LeanAdam(parameters, lr=RATE, fused=True)
    for _ in range(STEPS):
        chosen = torch.randint(len(train), (BATCH,), generator=generator)
        optimiser.zero_grad(set_to_none=True)
        functional.binary_cross_entropy_with_logits(logits(train[chosen]), labels[chosen]).backward()
        optimiser.step()
    with torch.no_grad():
        return float(((logits(test) > 0) == (labels > 0.5)).double().mean())


@metric(
    "latent_mardia_skewness",
    title="Mardia's skewness",
    better="lower",
    definition="Mean of (z.z')³ over pairs of held-out codes, in units of the normal prior's sd (Mardia 1970, with the "
    "prior's mean and covariance in the place of the sample's). 0 for a perfect match.",
)
@metric(
    "latent_mardia_kurtosis",
    title="Mardia's kurtosis",
    definition="Mean of |z|⁴ over held-out codes, in units of the normal prior's sd, less its value d(d + 2) under the "
    "prior. 0 for a perfect match, negative for codes that stay too near the origin.",
)
@metric(
    "latent_mardia_skewness_batch",
    title="Mardia's skewness, per batch",
    better="lower",
    definition="As the CWAE code prints it: mean over batches of 128 codes of (1 / n²) times the sum of (z.z')³ over "
    "all pairs, a code with itself included. For the prior d(d + 2)(d + 4) / 128, not 0.",
)
@metric(
    "latent_mardia_kurtosis_batch",
    title="Mardia's kurtosis, per batch",
    better="lower",
    definition="As the CWAE code prints it: mean over batches of 128 codes of the absolute value of the mean of |z|⁴ "
    "less d(d + 2). Not 0 for the prior.",
)
def mardia(z: Tensor, sigma: float) -> dict[str, float]:
    """Mardia's two statistics of codes (n, d) against N(0, sigma^2 I), whole and per batch (in 128 codes or more)."""
    z = z / sigma
    n, d = z.shape
    normal = d * (d + 2)
    cubes = sum(float((part @ z.T).pow(3).sum()) for part in z.split(1024))
    lengths = z.square().sum(1)
    found = {
        "latent_mardia_skewness": (cubes - float(lengths.pow(3).sum())) / (n * (n - 1)),
        "latent_mardia_kurtosis": float(lengths.square().mean()) - normal,
    }
    batches = z[: n // CWAE_BATCH * CWAE_BATCH].view(-1, CWAE_BATCH, d)
    if len(batches):
        skewness = (batches @ batches.mT).pow(3).mean((1, 2))
        kurtosis = batches.square().sum(2).square().mean(1) - normal
        found["latent_mardia_skewness_batch"] = float(skewness.mean())
        found["latent_mardia_kurtosis_batch"] = float(kurtosis.abs().mean())
    return found
