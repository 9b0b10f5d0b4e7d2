"""The variational autoencoder with three decoder likelihoods."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import RunSettings, TrainingSettings
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line


class VAE(Method):
    """Variational autoencoder (Kingma and Welling 2014): negative ELBO in nats, mean over the batch.

    Reconstruction: the full negative log-likelihood, summed over pixels. Penalty: KL(q(z|x) || p(z)), summed
    over latents; ``lambda_`` weighs it and is 1 for the ELBO.

    Option ``kl``: "analytic", or "sampled" as log q(z|x) - log p(z) at the code that the decoder gets.
    """

    title: ClassVar[str] = "VAE"
    colour: ClassVar[str] = "#009e73"
    marker: ClassVar[str] = "o"
    line: ClassVar[Line] = "-"
    paper: ClassVar[str] = "Kingma and Welling 2014, Auto-Encoding Variational Bayes"
    lambda_weighs: ClassVar[str] = "kl"
    lambda_meaning: ClassVar[str] = "weight of the KL divergence in nats; 1 for the evidence lower bound"
    encoders: ClassVar[tuple[str, ...]] = ("gaussian",)
    priors: ClassVar[tuple[str, ...]] = ("normal",)
    likelihoods: ClassVar[tuple[str, ...]] = ("bernoulli", "gaussian", "learned_gaussian")
    only_lambda: ClassVar[float | None] = 1.0  # "VAE" means the ELBO; a tuned weight is BetaVAE's

    options: ClassVar[dict[str, Any]] = {"kl": "analytic"}

    @classmethod
    def check_settings(cls, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
        """UserError for an unknown ``kl``, and for a sampled one with a floor, which would have no lower bound."""
        super().check_settings(settings, shape)
        kl = settings.options.get("kl", cls.options["kl"])
        if kl not in ("analytic", "sampled"):
            raise UserError(f"kl is {kl!r}; set it to 'analytic' or 'sampled'")
        if kl == "sampled" and settings.gaussian_floor:
            raise UserError(
                f"gaussian_floor {settings.gaussian_floor:g} with kl 'sampled': codes are drawn with the floor, their "
                "density is without; set gaussian_floor to 0 or kl to 'analytic'"
            )

    def __init__(self, run: RunSettings) -> None:
        super().__init__(run)
        self.log_sigma = nn.Parameter(torch.zeros(())) if self.settings.likelihood == "learned_gaussian" else None

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """KL of N(mean, exp(log_variance)) to N(0, sigma_z^2 I) in nats."""
        codes = batch.codes
        if codes.mean is None or codes.log_variance is None:
            raise TypeError("the VAE's penalty needs the mean and variance of a Gaussian encoder")
        if self.own["kl"] == "sampled":
            # Detached, as the noise does not depend on the encoder: its gradients by way of z and of the mean cancel.
            noise = ((codes.z - codes.mean) * torch.exp(-0.5 * codes.log_variance)).detach()
            posterior = -0.5 * (noise.square() + codes.log_variance + math.log(2.0 * math.pi)).sum(1)
            return (posterior - self.prior.log_density(codes.z)).mean()
        return gaussian_kl(codes.mean, codes.log_variance, self.prior.sigma)

    def reconstruction_loss(self, output: Tensor, x: Tensor) -> Tensor:
        """Negative log-likelihood of ``x`` (n, C, H, W) given the decoder's output, in nats: a scalar.

        bernoulli: of pixels in [0, 1] (grey levels count as probabilities). gaussian: sigma is fixed by
        cost_weight = 1 / (2 sigma^2), in the network's pixel range. learned_gaussian: one sigma for all
        pixels, learned. Gaussian densities are of pixels in the network's range.
        """
        if self.settings.likelihood == "bernoulli":
            nll: Tensor = BernoulliNLL.apply(output, x)
            return nll / len(x)
        squared = (self.activate(output) - x).square().flatten(1).sum(1).mean()
        if self.log_sigma is None:
            return gaussian_nll(squared, x[0].numel(), -0.5 * math.log(2.0 * self.settings.cost_weight))
        return gaussian_nll(squared, x[0].numel(), self.log_sigma)

    def log_likelihood(self, output: Tensor, x: Tensor) -> Tensor:
        """Less the negative log-likelihood that ``reconstruction_loss`` averages, of each image: (n,)."""
        if self.settings.likelihood == "bernoulli":
            pixels = functional.binary_cross_entropy_with_logits(output, x, reduction="none")
            return -pixels.flatten(1).sum(1)
        squared = (self.activate(output) - x).square().flatten(1).sum(1)
        fixed = -0.5 * math.log(2.0 * self.settings.cost_weight)
        return -gaussian_nll(squared, x[0].numel(), fixed if self.log_sigma is None else self.log_sigma)


class BernoulliNLL(torch.autograd.Function):
    """-log p(x) in nats, summed over all of ``x`` in [0, 1], for pixels of the given logits (any one shape).

    The gradient is that of ``binary_cross_entropy_with_logits``, bit for bit. The value takes log(1 + e) with e at
    most 1 in place of log1p(e), which takes seven times as long on a CPU, a tenth of a small network's step; a
    pixel's is exact to the rounding of its logit.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, x: Tensor) -> Tensor:
        softplus = logits.abs().neg_().exp_().add_(1.0).log_().add_(logits.clamp_min(0.0))
        return softplus.sub_(logits * x).sum()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        logits, x = ctx.saved_tensors
        return (torch.sigmoid(logits) - x) * grad, None


def gaussian_kl(mean: Tensor, log_variance: Tensor, sigma: float) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, sigma^2 I)), (n, d_z) each: sum over latents, mean over the batch."""
    ratio = (log_variance.exp() + mean.square()) / sigma**2
    return 0.5 * (ratio - 1.0 - log_variance + 2.0 * math.log(sigma)).sum(1).mean()


def gaussian_nll(squared: Tensor, pixels: int, log_sigma: float | Tensor) -> Tensor:
    """-log N(x; x_hat, sigma^2 I) of images of ``pixels`` numbers with the mean squared error sum ``squared``."""
    precision = torch.exp(torch.as_tensor(-2.0 * log_sigma))
    return 0.5 * precision * squared + pixels * (log_sigma + 0.5 * math.log(2.0 * math.pi))
