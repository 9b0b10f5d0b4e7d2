"""How well the codes match the prior: moments, mutual information; and their main plane.

Functions on arrays of codes, float64 inside. ``z`` are held-out codes, draws of the aggregate posterior Q_Z;
``p`` are draws of the prior P_Z.
"""

import math

import numpy as np
import torch
from scipy.linalg import eigh, eigvalsh

from wae.evaluation.metric import metric

CANCELLED = 1e-8  # of what is subtracted: a difference below that has lost half of its digits


def dimension_moments(z: np.ndarray) -> dict[str, np.ndarray]:
    """{"mean", "sd", "skewness", "excess_kurtosis"} of each dimension of codes (n, d): arrays (d,).

    Population moments; a dimension without spread has skewness and kurtosis 0.
    """
    z = np.asarray(z, dtype=np.float64)
    mean = z.mean(0)
    centred = z - mean
    sd = np.sqrt(np.square(centred).mean(0))
    unit = centred / np.where(sd > 0, sd, 1.0)
    return {
        "mean": mean,
        "sd": sd,
        "skewness": (unit**3).mean(0),
        "excess_kurtosis": np.where(sd > 0, (unit**4).mean(0) - 3.0, 0.0),
    }


def principal_sds(z: np.ndarray) -> np.ndarray:
    """Standard deviations (d,) of codes (n, d) along their principal directions, ascending."""
    z = np.asarray(z, dtype=np.float64)
    return np.sqrt(np.maximum(eigvalsh(np.cov(z, rowvar=False, bias=True).reshape(z.shape[1], -1)), 0.0))


@metric(
    "latent_mean_error",
    title="Mean of codes",
    unit="prior sds",
    better="lower",
    definition="Root mean square, over dimensions, of the codes' mean less the prior's.",
    lowest=0,
)
@metric(
    "latent_sd_ratio_min",
    title="Smallest sd of codes",
    unit="share of the prior's",
    definition="Of codes drawn from the encoder, its noise included: 1 for a perfect match. Near 0 a dimension of a "
    "deterministic encoder is not used; an unused dimension of a VAE has 1 (see active units).",
    lowest=0,
)
@metric(
    "latent_sd_ratio_max",
    title="Largest sd of codes",
    unit="share of the prior's",
    definition="1 for a perfect match.",
    lowest=0,
)
@metric(
    "latent_direction_sd_min",
    title="Smallest sd of codes along any direction",
    unit="share of the prior's",
    definition="Square root of the smallest eigenvalue of the codes' covariance over that of as many draws of the "
    "prior, dimensions in units of the prior's sd: 1 for a perfect match, 0 where the codes lie in a plane.",
    lowest=0,
)
@metric(
    "latent_direction_sd_max",
    title="Largest sd of codes along any direction",
    unit="share of the prior's",
    definition="The same of the largest eigenvalues.",
    lowest=0,
)
@metric(
    "latent_skewness",
    title="Skewness of codes",
    better="lower",
    definition="Largest absolute difference from the prior's over dimensions.",
    lowest=0,
)
@metric(
    "latent_kurtosis",
    title="Kurtosis of codes",
    better="lower",
    definition="Largest absolute difference from the prior's over dimensions.",
    lowest=0,
)
@metric(
    "latent_correlation",
    title="Correlation of codes",
    better="lower",
    definition="Largest absolute correlation of two dimensions.",
    lowest=0,
    highest=1,
)
def moment_scores(z: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """How far the codes' moments per dimension are from the prior's, which are taken from draws ``p`` (n, d).

    "latent_mean_error": root mean square, over dimensions, of the difference of means in prior sds;
    "latent_sd_ratio_min" and "..._max": smallest and largest sd as a share of the prior's;
    "latent_direction_sd_min" and "..._max": the same along the codes' principal directions against those of ``p`` (min
    is NaN where there are no more codes than dimensions, as both then lie in a plane);
    "latent_skewness" and "latent_kurtosis": largest absolute difference;
    "latent_correlation": largest absolute correlation of two dimensions (0 for one dimension).
    """
    codes, prior = dimension_moments(z), dimension_moments(p)
    ratio = codes["sd"] / prior["sd"]
    along, of_prior = (principal_sds(points / prior["sd"]) for points in (z, p))
    narrowest = float(along[0] / of_prior[0]) if len(z) > z.shape[1] else math.nan
    correlation = 0.0
    if z.shape[1] > 1:
        unit = (z - codes["mean"]) / np.where(codes["sd"] > 0, codes["sd"], 1.0)
        matrix = unit.T.astype(np.float64) @ unit / len(z)
        correlation = float(np.abs(matrix[~np.eye(len(matrix), dtype=bool)]).max())
    return {
        "latent_mean_error": float(np.sqrt(np.square((codes["mean"] - prior["mean"]) / prior["sd"]).mean())),
        "latent_sd_ratio_min": float(ratio.min()),
        "latent_sd_ratio_max": float(ratio.max()),
        "latent_direction_sd_min": narrowest,
        "latent_direction_sd_max": float(along[-1] / of_prior[-1]),
        "latent_skewness": float(np.abs(codes["skewness"] - prior["skewness"]).max()),
        "latent_kurtosis": float(np.abs(codes["excess_kurtosis"] - prior["excess_kurtosis"]).max()),
        "latent_correlation": correlation,
    }


@metric(
    "mutual_information",
    title="I(X; Z)",
    unit="nats",
    definition="Mutual information of held-out images and their codes under a random encoder (Hoffman & Johnson 2016), "
    "by Monte Carlo. It cannot exceed log N, N the count of images; within 2.5 nats of that it is a lower bound, which "
    "can fall short by more than a tenth.",
)
@metric(
    "mutual_information_bound",
    title="log N",
    unit="nats",
    definition="The most that the estimate of I(X; Z) can reach.",
)
@metric(
    "kl_total",
    title="KL(q(z|x) ‖ p)",
    unit="nats",
    definition="Mean divergence of the encoder's posteriors from the prior: the VAE's penalty.",
    lowest=0,
)
@metric(
    "kl_aggregate",
    title="KL(Q_Z ‖ p)",
    unit="nats",
    better="lower",
    definition="Divergence of the aggregate posterior from the prior: KL(q(z|x) ‖ p) less I(X; Z), so an upper bound "
    "where I(X; Z) is a lower one.",
)
def information_split(
    z: np.ndarray, mean: np.ndarray, log_variance: np.ndarray, sigma: float, block: int = 500
) -> dict[str, float]:
    """The VAE's KL term in two (Hoffman & Johnson 2016), in nats, for a Gaussian encoder and the prior N(0, sigma^2 I).

    (1/N) sum_i KL(q(z|x_i) || p) = I_Q(X; Z) + KL(Q_Z || P_Z), with Q_Z the mixture of the N posteriors.
    ``z``: (N, d) one draw of each posterior; ``mean`` and ``log_variance``: (N, d) of the posteriors.
    "kl_total" is exact; "mutual_information" is the Monte Carlo mean of log q(z_i|x_i) - log Q_Z(z_i);
    "kl_aggregate" is their difference. The mutual information is that of the N images and their codes: it
    cannot exceed log N, given as "mutual_information_bound"; near it, it says only "at least this much".
    """
    samples, centre, log_var = (torch.from_numpy(np.asarray(a, dtype=np.float64)) for a in (z, mean, log_variance))
    n, d = centre.shape
    precision = torch.exp(-log_var)
    constant = -0.5 * (log_var.sum(1) + d * math.log(2.0 * math.pi))  # (N,)
    total = 0.0
    for start in range(0, n, block):
        part = samples[start : start + block]
        # log q(z_i | x_j): |z - m|^2 / v expanded into three matrix products, (block, N)
        squares, norms = part**2 @ precision.T, (centre**2 * precision).sum(1)
        quadratic = squares - 2.0 * part @ (centre * precision).T + norms
        # Under narrow posteriors the products of two images with near codes cancel to their rounding alone.
        for row in (quadratic < CANCELLED * (squares + norms)).any(1).nonzero().flatten().tolist():
            quadratic[row] = ((part[row] - centre) ** 2 * precision).sum(1)
        joint = constant - 0.5 * quadratic
        own = slice(start, start + len(part))
        conditional = constant[own] - 0.5 * ((part - centre[own]) ** 2 * precision[own]).sum(1)
        joint[torch.arange(len(part)), torch.arange(start, start + len(part))] = conditional
        total += float((conditional - torch.logsumexp(joint, 1) + math.log(n)).sum())
    information = total / n
    variance = torch.exp(log_var)
    kl = 0.5 * ((variance + centre**2) / sigma**2 - 1.0 - log_var + 2.0 * math.log(sigma)).sum(1).mean()
    return {
        "mutual_information": information,
        "mutual_information_bound": math.log(n),
        "kl_total": float(kl),
        "kl_aggregate": float(kl) - information,
    }


def plane(z: np.ndarray) -> np.ndarray:
    """Codes (n, d) on their two main axes: (n, 2); themselves for d = 2, with a column of zeros for d = 1.

    Coordinates are from the origin, the prior's centre, so that codes that lie beside the prior are seen there.
    The sign of each axis is that which makes its largest loading positive, so that equal codes give equal pictures.
    """
    z = np.asarray(z, dtype=np.float64)
    if z.shape[1] == 1:
        return np.concatenate([z, np.zeros_like(z)], axis=1)
    if z.shape[1] == 2:
        return z
    d = z.shape[1]
    _, vectors = eigh(np.cov(z, rowvar=False), subset_by_index=[d - 2, d - 1])
    axes = vectors[:, ::-1]
    axes *= np.sign(axes[np.abs(axes).argmax(0), [0, 1]])
    projected: np.ndarray = z @ axes
    return projected
