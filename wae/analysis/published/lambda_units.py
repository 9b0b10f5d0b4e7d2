"""lambda in the paper's units: what another codebase's lambda would be in the WAE authors' CelebA code.

An objective a * SSE + lambda * penalty is known up to a common factor (Adam does not see it), so that only the
ratio of its two terms counts. The paper's units: a = 0.05 on the sum of squared errors of pixels in [-1, 1];
penalty = sum of seven inverse multiquadratic kernels of scales .1 .2 .5 1 2 5 10 times C = 2 d_z sigma_z^2.

Reconstruction, exact. Pixels in [0, 1] have a quarter of the squared error that the same pixels have in
[-1, 1]; a mean over D values is a D-th of the sum. Worked cases, lambda 10 in each:

    factor 0.05, sum, [-1, 1]           10 in the paper's units
    factor 0.05, sum, [0, 1]            40: the reconstruction is four times weaker
    mean over 12,288 values, [-1, 1]    6,144: the reconstruction is 614.4 times weaker
    factor 1, sum, [0, 1]               2: the reconstruction is five times stronger

Kernels, approximate. Two MMDs cannot be converted into one another in general; they are compared by how strongly
they answer a small shift of the codes' mean (``mmd_strength``), which is in closed form but for one integral.
C four times larger at d_z = 64, for instance, counts 0.88 of the paper's: the small scales gain what the large lose.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import integrate

from wae.core.scales import IMQ_SCALES

PAPER_COST_WEIGHT = 0.05
PAPER_BASE = 2.0


@dataclass(frozen=True)
class Units:
    """What a codebase weighs against its penalty, and how it measures the penalty.

    ``cost_weight``: factor on the squared error summed over the image (1 / D for a mean over D values).
    ``scales`` empty: the penalty is no MMD and is taken as it is. ``base``: C over d_z sigma_z^2.
    ``penalty_factor``: what the code multiplies the usual estimate by (1 / n if it divides by n twice).
    """

    cost_weight: float
    pixel_range: str  # "zero_one" or "minus_one_one"
    kernel: str = "imq"
    scales: tuple[float, ...] = ()
    base: float = PAPER_BASE
    latent_dim: int = 1
    sigma_z: float = 1.0
    penalty_factor: float = 1.0


def paper_lambda(lambda_: float, units: Units) -> float:
    """``lambda_`` of a code with ``units`` in the paper's units (see the module's text for worked cases)."""
    return lambda_ * penalty_ratio(units) / reconstruction_ratio(units)


def reconstruction_ratio(units: Units) -> float:
    """How many times stronger than the paper's the reconstruction term is, on equal images."""
    quarter = {"minus_one_one": 1.0, "zero_one": 0.25}[units.pixel_range]
    return units.cost_weight * quarter / PAPER_COST_WEIGHT


def penalty_ratio(units: Units) -> float:
    """How many times stronger than the paper's the penalty answers a small shift of the codes."""
    if not units.scales:
        return units.penalty_factor
    paper = mmd_strength("imq", IMQ_SCALES, PAPER_BASE, units.latent_dim, units.sigma_z)
    ours = mmd_strength(units.kernel, units.scales, units.base, units.latent_dim, units.sigma_z)
    return units.penalty_factor * ours / paper


def mmd_strength(kernel: str, scales: Sequence[float], base: float, latent_dim: int, sigma_z: float) -> float:
    """d MMD^2 / d |m|^2 at m = 0 between N(m, sigma_z^2 I) and N(0, sigma_z^2 I), summed over the scales.

    A Gaussian kernel exp(-t |x - y|^2 / c) has the mean (1 + 4 t sigma^2 / c)^(-d/2) times
    exp(-t |m|^2 / (c + 4 t sigma^2)) over such pairs; the inverse multiquadratic one is its average over
    t ~ Exp(1). ``base``: c over d_z sigma_z^2 at scale 1.
    """

    def gaussian(t: float, c: float) -> float:
        spread = 1.0 + 4.0 * t * sigma_z**2 / c
        return 2.0 * t / c * spread ** (-latent_dim / 2.0 - 1.0)

    total = 0.0
    for scale in scales:
        c = base * scale * latent_dim * sigma_z**2
        if kernel == "rbf":
            total += gaussian(1.0, c)
        else:
            total += integrate.quad(lambda t, c=c: math.exp(-t) * gaussian(t, c), 0.0, math.inf)[0]
    return total


def likelihood_without_factor(training: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a run (a TrainingSettings dump) is a VAE whose likelihood, Bernoulli or learned, has no cost_weight.

    ``facts``: of its method (wae.methods.facts); without them, as in a record without a plan, its class's name decides.
    """
    vae_like = facts.get("vae_like", _class(training) in ("VAE", "BetaVAE"))
    return bool(vae_like) and training["likelihood"] != "gaussian"


def _class(training: Mapping[str, Any]) -> str:
    return str(training["implementation"]).partition(":")[2]


def units_of(training: Mapping[str, Any], facts: Mapping[str, Any]) -> Units | None:
    """Units of one of our runs, with ``facts`` as above; None where the reconstruction is no squared error.

    A VAE's Gaussian likelihood with fixed sigma is cost_weight times the squared error. A sphere's kernel base,
    2 sigma^2, does not grow with d_z.
    """
    if training["cost"] != "l2sq" or ":" in training["prior"] or likelihood_without_factor(training, facts):
        return None
    units = Units(
        cost_weight=training["cost_weight"],
        pixel_range=training["pixel_range"],
        latent_dim=training["latent_dim"],
        sigma_z=training["sigma_z"],
    )
    if facts.get("lambda_weighs", "mmd" if _class(training) in ("WAEMMD", "RandomFeatureWAE") else "") != "mmd":
        return units
    base = {"normal": 2.0, "uniform": 1.0, "sphere": 2.0 / training["latent_dim"]}[training["prior"]]
    return replace(units, kernel=training["kernel"], scales=tuple(training["kernel_scales"]), base=base)
