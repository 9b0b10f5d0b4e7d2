"""A run's codes as scores: how they match the prior, and the picture of the latent space."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wae.core.files import csv_text, write_text
from wae.core.settings import EvaluationSettings
from wae.evaluation import latent, match
from wae.evaluation.draws import subset
from wae.evaluation.likelihood import active_units, kl_per_dimension
from wae.evaluation.metric import metric
from wae.evaluation.rows import row
from wae.methods.autoencoder import drawn_log_variance
from wae.methods.base import Method
from wae.methods.batch import Codes
from wae.mmd.sliced import sliced_w2_squared, unit_directions
from wae.mmd.two_sample import two_sample_test
from wae.models.priors import Normal

SCATTER = 2000  # codes in latent.csv


@metric(
    "latent_mmd2",
    title="Latent MMD²",
    better="lower",
    definition="Unbiased squared MMD of held-out codes and the prior, with the seven IMQ kernels of the WAE paper, "
    "which WAE-MMD trains on. 0 for a perfect match; can be negative.",
)
@metric(
    "latent_mmd_p",
    title="Latent match, p",
    definition="Permutation p-value of the test that held-out codes follow the prior: a small one says that they do "
    "not. It falls with the count of codes; how many seeds reject says more than its mean.",
    lowest=0,
    highest=1,
)
@metric(
    "latent_sw2",
    title="Latent SW2",
    positive=True,
    unit="units of z",
    better="lower",
    definition="Sliced 2-Wasserstein distance of held-out codes and the prior. Two samples of the prior itself are "
    "given beside it (subject prior), as it is not 0 for a perfect match.",
)
def code_scores(
    method: Method,
    codes: Codes,
    plain: Tensor,
    split: str,
    settings: EvaluationSettings,
    generator: torch.Generator,
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of the latent match of held-out ``codes`` (draws of Q_Z), and their moments per dimension.

    ``plain``: codes (n, d_z) of the same images with encoder noise off, which say what dimensions are used. The
    sliced distance also comes for one prior sample against another, as subject "prior": what a perfect match would
    score at this count.
    """
    drawn = codes.z.cpu().double()
    n = len(drawn)
    prior, again = (method.prior.sample(n, generator).cpu().double() for _ in range(2))
    z, p = drawn.numpy(), prior.numpy()
    shuffled = drawn[torch.from_numpy(rng.permutation(n))]  # files are often sorted, and halves are compared
    few = rng.permutation(n)[: settings.codes]
    base = method.prior.kernel_base
    test = two_sample_test(z[few], p[few], base=base, permutations=settings.permutations, rng=rng)
    directions = unit_directions(
        z.shape[1], match.PROJECTIONS, torch.Generator().manual_seed(match.DIRECTIONS_SEED), drawn
    )
    ours, own = (float(sliced_w2_squared(points, prior, directions).sqrt()) for points in (drawn, again))
    rows = [
        row("latent_mmd2", "codes", test.statistic, split, len(few), 0),
        row("latent_mmd_p", "codes", test.p, split, len(few), 0),
        row("latent_sw2", "codes", ours, split, n, 0),
        row("latent_sw2", "prior", own, split, n, 0),
    ]
    rows += [row(name, "codes", found, split, n, 0) for name, found in latent.moment_scores(z, p).items()]
    further = match_scores(method, shuffled, prior, int(rng.integers(2**31)))
    further |= active_units(plain.cpu().numpy(), match.spread(prior))
    rows += [row(name, "codes", found, split, n, 0) for name, found in further.items()]
    if has_density(method, codes):
        rows += information_rows(method, codes, split, settings.information_codes)
    per_dimension = {
        subject: {name: values.tolist() for name, values in latent.dimension_moments(draws).items()}
        for subject, draws in (("codes", z), ("prior", p))
    }
    if has_density(method, codes):
        kl = kl_per_dimension(*posteriors(method, codes), method.prior.sigma)
        per_dimension["codes"]["kl"] = kl.tolist()
    return rows, per_dimension


def match_scores(method: Method, z: Tensor, p: Tensor, seed: int) -> dict[str, float]:
    """The scores of ``wae.evaluation.match`` of codes (n, d_z) in random order, against prior draws (n, d_z)."""
    found = {
        "latent_sw2_debiased": match.debiased_sw2(z, p),
        "latent_energy": match.energy_distance(z, p),
        "latent_c2st": match.classifier_accuracy(z, p, seed),
    }
    if type(method.prior) is Normal:  # a class of its own has another law, whatever the setting says
        found["latent_radius"] = match.radius_distance(z, method.prior.sigma)
        found |= match.mardia(z, method.prior.sigma)
    return found


def has_density(method: Method, codes: Codes) -> bool:
    """Whether I_Q(X; Z) can be computed: a Gaussian encoder on a normal prior."""
    return codes.mean is not None and codes.log_variance is not None and type(method.prior) is Normal


def posteriors(method: Method, codes: Codes) -> tuple[np.ndarray, np.ndarray]:
    """Mean and log-variance, (n, d_z) each, of the Gaussians that codes with a density are drawn from."""
    assert codes.mean is not None
    assert codes.log_variance is not None
    return codes.mean.cpu().numpy(), drawn_log_variance(codes.log_variance, method.settings).cpu().numpy()


def information_rows(method: Method, codes: Codes, split: str, limit: int) -> list[dict[str, Any]]:
    """Rows of the mutual information and the split of the KL term, from ``limit`` codes at most, drawn at random."""
    chosen = subset(len(codes.z), limit, "information")
    z, mean, log_variance = (part[chosen] for part in (codes.z.cpu().numpy(), *posteriors(method, codes)))
    found = latent.information_split(z, mean, log_variance, method.prior.sigma)
    return [row(name, "codes", value, split, len(z), 0) for name, value in found.items()]


def write_scatter(path: str | Path, z: np.ndarray, labels: np.ndarray | None) -> None:
    """latent.csv: x, y, label of a random subset of codes (n, d): ``plane`` of all; label is empty without labels."""
    rows: list[tuple[str, str, object]] = []
    points = latent.plane(z) if len(z) > 2 else np.empty((0, 2))
    for index in subset(len(points), SCATTER, "scatter"):
        x, y = points[index]
        rows.append((f"{x:.5g}", f"{y:.5g}", None if labels is None else int(labels[index])))
    write_text(path, csv_text(["x", "y", "label"], rows))
