"""Encoder, decoder and prior of a run, and what can be asked of them once they are trained."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from wae.compute.seeds import Streams, stream
from wae.core.errors import UserError
from wae.core.settings import RunSettings, TrainingSettings
from wae.methods.batch import Codes
from wae.models.costs import find_cost
from wae.models.layers import Dropout, truncated_normal
from wae.models.networks import ImplicitEncoder, build_networks
from wae.models.priors import build_prior

BATCH = 250  # images that pass the networks at once, unless the caller says


class Autoencoder(nn.Module):
    """The networks and the prior that ``run`` asks for.

    What is asked of images (``encode_images``, ``decode_images``, ``reconstruct``, ``sample``) is answered in
    evaluation mode, without gradients, on the networks' device, ``batch_size`` images at a time; the mode is put back
    afterwards.
    """

    options: ClassVar[dict[str, Any]] = {}  # defaults of the method's own options, added to those of its parents

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A parent's code reads its options from ``own`` in a subclass too.
        lists = [vars(parent).get("options", {}) for parent in reversed(cls.__mro__)]
        cls.options = {name: default for options in lists for name, default in options.items()}

    def __init__(self, run: RunSettings) -> None:
        super().__init__()
        self.settings = run.training
        self.shape = tuple(run.shape)
        self.own = {**type(self).options, **run.training.options}
        networks = build_networks(self.settings, self.shape)
        self.encoder, self.decoder = networks.encoder, networks.decoder
        self.prior = build_prior(self.settings)
        self.cost = find_cost(self.settings.cost)

    @cached_property
    def _dropouts(self) -> list[Dropout]:
        """Found at the first call: a subclass may have replaced networks or added some."""
        return [module for module in self.modules() if isinstance(module, Dropout)]

    def to_range(self, images: Tensor) -> Tensor:
        """uint8 images to floats in the network's pixel range, [0, 1] or [-1, 1]."""
        x = images.to(torch.get_default_dtype()).div_(255.0)
        return x if self.settings.pixel_range == "zero_one" else x.mul_(2.0).sub_(1.0)

    def activate(self, output: Tensor) -> Tensor:
        """The decoder's output (pre-activation) as pixels in the network's range."""
        return torch.sigmoid(output) if self.settings.pixel_range == "zero_one" else torch.tanh(output)

    def encode(self, x: Tensor, streams: Streams | None) -> Codes:
        """Codes of ``x`` (n, C, H, W, in the network's range); without streams all encoder noise is off."""
        noise = None if streams is None else streams["noise"]
        for dropout in self._dropouts:
            dropout.generator = noise
        if noise is not None and self.settings.encoder == "pixel_noise":
            x = x + truncated_normal(x.shape, self.settings.pixel_noise, noise, x.device)
        hidden = self.encoder(x).to(x.dtype)
        if self.settings.encoder == "gaussian":
            mean, head = hidden.chunk(2, dim=1)
            log_variance = log_variance_of(head, self.settings.encoder_head).clamp(-50.0, 50.0)  # as the authors' code
            if noise is None:
                return Codes(self.prior.project(mean), mean, log_variance)
            if self.settings.noise_draws == "repeated" and self.training:  # batches that are scored share no noise
                noise = torch.Generator(mean.device).manual_seed(noise.initial_seed())
            epsilon = self.settings.encoder_noise * torch.randn(mean.shape, generator=noise, device=mean.device)
            floor = self.settings.gaussian_floor
            spread = torch.sqrt(floor + log_variance.exp()) if floor else torch.exp(0.5 * log_variance)
            return Codes(self.prior.project(mean + spread * epsilon), mean, log_variance)
        if isinstance(self.encoder, ImplicitEncoder):
            hidden = self.encoder.perturb(hidden, noise)
        return Codes(self.prior.project(hidden))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.parameters()).device

    @torch.no_grad()
    def encode_images(
        self, images: Tensor | np.ndarray, streams: Streams | None = None, batch_size: int = BATCH
    ) -> Codes:
        """Codes of uint8 images (n, C, H, W), on the networks' device; UserError for images of another type or shape.

        Encoder noise is off without ``streams``: a Gaussian encoder gives its mean.
        """
        images = torch.as_tensor(images)
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != self.shape:
            raise UserError(
                f"found images of {str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}, need uint8 "
                f"{('n', *self.shape)}: convert them as `wae score` says"
            )
        with self._evaluating():
            batches = images.split(batch_size)
            parts = [self.encode(self.to_range(part.to(self.device)), streams) for part in batches]
        return Codes.cat(parts)

    def decode_images(self, z: Tensor | np.ndarray, batch_size: int = BATCH) -> Tensor:
        """Codes (n, d_z) to uint8 images (n, C, H, W): clamped to the range and rounded, not rescaled."""
        return self.quantise(self.decode_pixels(z, batch_size))

    @torch.no_grad()
    def decode_pixels(self, z: Tensor | np.ndarray, batch_size: int = BATCH) -> Tensor:
        """Codes (n, d_z) to images (n, C, H, W) of floats in [0, 1], as the decoder gives them: not rounded."""
        codes = torch.as_tensor(z, dtype=torch.get_default_dtype(), device=self.device)
        with self._evaluating():
            pixels = torch.cat([self.activate(self.decoder(part)).float() for part in codes.split(batch_size)])
        if not bool(pixels.isfinite().all()):
            raise UserError(
                f"the decoder of {type(self).__name__} gives pixels that are not finite: the run diverged, or a "
                "network of your own does not work in evaluation mode; see history.csv"
            )
        return pixels if self.settings.pixel_range == "zero_one" else (pixels + 1.0) / 2.0

    @staticmethod
    def quantise(pixels: Tensor) -> Tensor:
        """Floats in [0, 1] to uint8, clamped and rounded."""
        return pixels.mul(255.0).round_().clamp_(0, 255).to(torch.uint8)

    @torch.no_grad()
    def sample(self, n: int, seed: int, batch_size: int = BATCH) -> Tensor:
        """``n`` images from the prior, uint8 (n, C, H, W); equal seeds give equal images on the same machine."""
        return self.decode_images(self.prior.sample(n, stream(seed, "samples", self.device)), batch_size)

    def reconstruct(self, images: Tensor | np.ndarray, batch_size: int = BATCH) -> Tensor:
        """uint8 images (n, C, H, W) as the decoder gives them back from their codes, without encoder noise."""
        return self.decode_images(self.encode_images(images, batch_size=batch_size).z, batch_size)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)


def log_variance_of(head: Tensor, kind: str) -> Tensor:
    """The log-variance that a Gaussian encoder's second output stands for: itself, log sd, or sd by softplus."""
    if kind == "log_sd":
        return 2.0 * head
    # Below about -104 softplus is 0 in float32, and its gradient with the logarithm's none; codes clamp far above that.
    return 2.0 * functional.softplus(head.clamp_min(-30.0)).log() if kind == "softplus_sd" else head


def drawn_log_variance(log_variance: Tensor, settings: TrainingSettings) -> Tensor:
    """Log-variance, in float64, of the Gaussians that codes are drawn from, of what a Gaussian encoder gives.

    A training step's codes have the floor added to their variance and their noise multiplied by ``encoder_noise``.
    """
    drawn = log_variance.double()
    if settings.gaussian_floor:
        drawn = torch.log(settings.gaussian_floor + drawn.exp())
    return drawn + 2.0 * math.log(settings.encoder_noise)


def binarised(x: Tensor, generator: torch.Generator) -> Tensor:
    """1 with the probability that each pixel of ``x``, in [0, 1], gives, else 0; of the same shape and type."""
    return (torch.rand(x.shape, generator=generator, device=x.device) < x).to(x.dtype)
