"""The likelihood of held-out images under a method with a Gaussian encoder and a likelihood; what its codes use."""

import math

import numpy as np
import torch
from torch import Tensor

from wae.core.errors import UserError
from wae.evaluation.metric import metric
from wae.methods.base import Method
from wae.methods.batch import Codes
from wae.models.priors import Normal

ACTIVE = 0.01  # of the prior's variance


def has_likelihood(method: Method) -> bool:
    """Whether ``likelihood_scores`` can be computed: a likelihood, a Gaussian encoder and a normal prior."""
    kinds = method.settings.encoder == "gaussian" and type(method.prior) is Normal
    return kinds and type(method).log_likelihood is not Method.log_likelihood


@metric(
    "elbo",
    title="ELBO",
    unit="nats per image",
    better="higher",
    definition="Evidence lower bound of held-out images, mean over evaluation.importance_samples draws of the "
    "posterior and over a random subset of images. Pixels are grey levels: under a Bernoulli likelihood they count as "
    "probabilities, without binarisation; a Gaussian one is a density in the network's pixel range. Where training "
    "binarises, held-out images are binarised once, alike for every run.",
)
@metric(
    "nll_iw",
    title="NLL, importance-weighted",
    unit="nats per image",
    better="lower",
    definition="-log p(x) of held-out images by evaluation.importance_samples weighted draws of the posterior (Burda "
    "et al. 2016, equation 8): an upper bound in the mean, tighter than the ELBO. Same images and pixels as the ELBO.",
)
@metric(
    "nll_iw_error",
    title="NLL, standard error",
    unit="nats per image",
    definition="Standard error over images of the importance-weighted NLL.",
    lowest=0,
)
@torch.no_grad()
def likelihood_scores(
    method: Method, images: Tensor, samples: int, batch_size: int, generator: torch.Generator
) -> dict[str, float]:
    """{"elbo", "nll_iw", "nll_iw_error"} of uint8 images (n, C, H, W), n at least 2, by ``samples`` draws of each.

    log w = log p(x|z) + log p(z) - log q(z|x) with z from q(z|x): its mean is the ELBO, and the log of the mean of w
    a lower bound of log p(x). Sums over draws are float64. ``batch_size`` codes at most are decoded at once.
    """
    sums, evidences = [], []
    for part in images.split(max(1, batch_size // samples)):
        x = method.to_range(part.to(generator.device))
        codes = method.encode(x, None)
        assert codes.mean is not None
        noise = torch.randn(len(x) * samples, codes.mean.shape[1], generator=generator, device=x.device)
        total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        evidence = torch.full_like(total, -math.inf)
        for draws in noise.view(len(x), samples, -1).split(batch_size // len(x), dim=1):
            log_w = log_weights(method, x, codes, draws)
            total += log_w.sum(1)
            evidence = torch.logaddexp(evidence, torch.logsumexp(log_w, 1))
        sums.append(total.cpu())
        evidences.append(evidence.cpu())
    evidence = torch.cat(evidences) - math.log(samples)  # (n,)
    return {
        "elbo": float(torch.cat(sums).mean()) / samples,
        "nll_iw": float(-evidence.mean()),
        "nll_iw_error": float(evidence.std() / math.sqrt(len(evidence))),
    }


def log_weights(method: Method, x: Tensor, codes: Codes, noise: Tensor) -> Tensor:
    """log w, (n, k) in float64, of ``x`` (n, C, H, W) and k codes of each, from standard normal ``noise`` (n, k, d)."""
    assert codes.mean is not None
    assert codes.log_variance is not None
    n, k, d = noise.shape
    mean, log_variance = (value.repeat_interleave(k, 0) for value in (codes.mean, codes.log_variance))
    noise = noise.reshape(n * k, d)
    z = mean + torch.exp(0.5 * log_variance) * noise
    likelihood = method.log_likelihood(method.decoder(z).float(), x.repeat_interleave(k, 0))
    if likelihood is None or likelihood.shape != (n * k,):
        found = None if likelihood is None else tuple(likelihood.shape)
        raise UserError(
            f"log_likelihood of {type(method).__name__} gives {found} for {n * k} codes, need ({n * k},): one number "
            "per image, not their mean"
        )
    constant = 0.5 * math.log(2.0 * math.pi)
    posterior = (-0.5 * noise.double().square() - 0.5 * log_variance.double() - constant).sum(1)
    return (likelihood.double() + method.prior.log_density(z).double() - posterior).view(n, k)


def kl_per_dimension(mean: np.ndarray, log_variance: np.ndarray, sigma: float) -> np.ndarray:
    """KL(q(z_j|x) || N(0, sigma^2)) in nats, mean over images, of each dimension: (n, d) each to (d,)."""
    mean, log_variance = np.asarray(mean, dtype=np.float64), np.asarray(log_variance, dtype=np.float64)
    ratio = (np.exp(log_variance) + mean**2) / sigma**2
    terms: np.ndarray = 0.5 * (ratio - 1.0 - log_variance + 2.0 * math.log(sigma))
    return terms.mean(0)


@metric(
    "active_units",
    title="Active units",
    unit="dimensions",
    definition="Dimensions in which the code, encoder noise off, has a variance over held-out images above 0.01 of the "
    "prior's (Burda et al. 2016).",
    lowest=0,
)
@metric(
    "inactive_share",
    title="Inactive dimensions",
    unit="share of d_z",
    definition="Share of the dimensions that are not active: their codes say nothing of the image.",
    lowest=0,
    highest=1,
)
def active_units(mean: np.ndarray, spread: float) -> dict[str, float]:
    """{"active_units", "inactive_share"} of posterior means (n, d), n at least 2, and the prior's sd ``spread``."""
    active = int((np.asarray(mean, dtype=np.float64).var(0, ddof=1) > ACTIVE * spread**2).sum())
    return {"active_units": float(active), "inactive_share": 1.0 - active / mean.shape[1]}
