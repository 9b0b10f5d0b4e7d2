"""Principal components: the linear autoencoder in closed form."""

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from baselines.ae import AE
from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import RunSettings, TrainingSettings
from wae.methods.base import no_mark
from wae.methods.facts import Line

BLOCK = 4096  # images that are float64 at once
RELATIVE = 1e-12  # of the mean squared norm of an image: variances below it are rounding, as in wae.evaluation.linear


class PCA(AE):
    """Projection on the d_z leading principal components of the training images (Pearson 1901; Hotelling 1933).

    No other linear autoencoder of d_z codes has a smaller squared error on them, so that it is the floor of
    reconstruction. The codes are whitened and scaled by sigma_z: mean 0, covariance sigma_z^2 I over the training
    images, which makes samples from the prior draws of the Gaussian with the images' mean and leading covariance.
    Found from one eigendecomposition before the first step; steps only measure the loss. Pixels are not squashed:
    reconstructions can lie outside the pixel range, as in the literature. ``architecture`` and what shapes it are
    ignored, and so is the seed.
    """

    title: ClassVar[str] = "PCA"
    colour: ClassVar[str] = "#b87a50"
    marker: ClassVar[str] = "_"
    line: ClassVar[Line] = (0, (1, 3))
    paper: ClassVar[str] = "Hotelling 1933, Analysis of a Complex of Statistical Variables into Principal Components"
    lambda_meaning: ClassVar[str] = "linear and in closed form: there are no steps and no penalty"
    encoders: ClassVar[tuple[str, ...]] = ("deterministic",)
    priors: ClassVar[tuple[str, ...]] = ("normal",)

    @classmethod
    def check_settings(cls, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
        """UserError for a cost that reconstructions outside the pixel range do not have, and for what PCA would ignore.

        ``pretrain_steps`` would not be ignored: they would move the encoder from where it was found.
        """
        pixels = math.prod(shape)
        if settings.latent_dim > pixels:
            raise UserError(f"latent_dim is {settings.latent_dim}, PCA has at most {pixels} components; lower it")
        if settings.pretrain_steps:
            raise UserError(
                f"pretrain_steps {settings.pretrain_steps} with PCA, whose encoder is found in closed form and takes "
                "no steps; set pretrain_steps to 0"
            )
        if settings.binarise != "off":
            raise UserError(
                f"binarise {settings.binarise!r} with PCA, which is found from the grey levels themselves; set "
                "binarise to 'off'"
            )
        if settings.output_bias != "initialisation":
            raise UserError(
                f"output_bias {settings.output_bias!r} with PCA, whose decoder's bias is the mean image; leave it out"
            )
        if settings.cost == "bce":
            raise UserError(
                "cost 'bce' with PCA, whose reconstructions also lie outside [0, 1], where it is undefined; set cost "
                "to 'l2sq', which PCA minimises"
            )

    def __init__(self, run: RunSettings) -> None:
        super().__init__(run)
        self.pixels, codes = math.prod(self.shape), self.settings.latent_dim
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(self.pixels, codes))
        self.decoder = nn.Sequential(nn.Linear(codes, self.pixels), nn.Unflatten(1, self.shape))

    def activate(self, output: Tensor) -> Tensor:
        """The decoder's output as it is."""
        return output

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Set both networks from ``images``, uint8 (N, C, H, W): sums and eigenvectors in float64.

        Each component's entry of largest magnitude is positive, as its sign is arbitrary. UserError where the images
        have fewer components than codes, as further ones would be rounding errors, made as large as the others.
        """
        total = torch.zeros(self.pixels, dtype=torch.float64, device=images.device)
        products = torch.zeros(self.pixels, self.pixels, dtype=torch.float64, device=images.device)
        for part in images.split(BLOCK):
            x = self.to_range(part).flatten(1).double()
            total += x.sum(0)
            products += x.T @ x
        mean = total / len(images)
        values, vectors = torch.linalg.eigh(products / len(images) - torch.outer(mean, mean))
        rank = int((values > RELATIVE * products.trace() / len(images)).sum())
        if rank < self.settings.latent_dim:
            raise UserError(
                f"latent_dim is {self.settings.latent_dim}, these {len(images)} images vary in {rank} principal "
                "components; lower it"
            )
        values, vectors = (tensor.flip(-1)[..., : self.settings.latent_dim] for tensor in (values, vectors))
        vectors = vectors * vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()
        spread = values.sqrt() / self.prior.sigma  # of a component, in units of the codes
        into, out = (m for m in (*self.encoder.modules(), *self.decoder.modules()) if isinstance(m, nn.Linear))
        into.weight.copy_((vectors / spread).T)
        into.bias.copy_(-torch.mv((vectors / spread).T, mean))
        out.weight.copy_(vectors * spread)
        out.bias.copy_(mean)

    @torch.no_grad()
    def step(self, images: Tensor, streams: Streams, mark: Callable[[str], None] = no_mark) -> dict[str, Tensor]:
        """The loss of ``images``, uint8 (n, C, H, W); nothing is trained. Scalars as of ``Method.step``."""
        x = self.to_range(images)
        mark("data")
        with torch.autocast(x.device.type, enabled=False):  # both networks are exact
            loss = self.reconstruction_loss(self.decoder(self.encode(x, streams).z), x)
        mark("forward")
        zero = torch.zeros_like(loss)
        return {"loss": loss, "reconstruction": loss, "penalty": zero, "penalty_gradient": zero}
