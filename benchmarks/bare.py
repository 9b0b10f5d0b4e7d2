"""The limit: images as floats in memory, forward, backward, optimiser, and nothing else.

The networks, their first weights and every random draw are this suite's, so that after any number of steps the
weights are those of its Trainer, bit for bit (tests/benchmarks/test_benchmarks.py).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from wae.compute.adam import LeanAdam
from wae.compute.seeds import Streams
from wae.core.settings import RunSettings
from wae.methods.base import build
from wae.mmd.estimators import mmd_penalty


class BareLoop:
    """VAE, WAE-MMD and WAE-GAN written out, each as one function of a batch (n, 1, H, W) in [0, 1]."""

    def __init__(self, run: RunSettings, images: Tensor, held: str = "float") -> None:
        """``images``: uint8 (N, 1, H, W), ``held`` as floats, or as they are and turned to floats batch by batch."""
        self.s = run.training
        self.images = images.float().div_(255.0) if held == "float" else images
        self.streams = Streams(run.seed)
        method = build(run)
        if self.s.channels_last:
            method.to(memory_format=torch.channels_last)
        self.method = method
        self.encoder, self.decoder, self.critic = method.encoder, method.decoder, getattr(method, "critic", None)
        betas = (self.s.adam_beta1, self.s.adam_beta2)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimiser = LeanAdam(parameters, lr=self.s.learning_rate, betas=betas, fused=True)
        if self.critic is not None:
            rate = self.s.critic_learning_rate
            self.critic_optimiser = LeanAdam(self.critic.parameters(), lr=rate, betas=betas, fused=True)
        self.step: Callable[[Tensor], object] = getattr(self, run.method)

    def epoch(self, steps: int | None = None) -> None:
        """One epoch in a new random order, or its first ``steps``."""
        size = self.s.batch_size
        order = torch.randperm(len(self.images), generator=self.streams["order"])
        for step in range(len(order) // size if steps is None else steps):
            batch = self.images.index_select(0, order[step * size : (step + 1) * size])
            self.step(batch if batch.is_floating_point() else batch.float().div_(255.0))

    def vae(self, x: Tensor) -> None:
        """Negative ELBO with Bernoulli pixels."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        log_variance = log_variance.clamp(-50.0, 50.0)
        epsilon = torch.randn(mean.shape, generator=self.streams["noise"])
        output = self.decoder(mean + torch.exp(0.5 * log_variance) * epsilon)
        nll = functional.binary_cross_entropy_with_logits(output, x, reduction="sum") / len(x)
        ratio = log_variance.exp() + mean.square()
        self.update(nll + self.s.lambda_ * (0.5 * (ratio - 1.0 - log_variance).sum(1).mean()))

    def wae_mmd(self, x: Tensor) -> None:
        """Squared error and the MMD penalty."""
        z = self.encoder(x)
        prior = torch.randn(z.shape, generator=self.streams["prior"])
        base = 2.0 * self.s.latent_dim
        penalty = mmd_penalty(z, prior, kernel=self.s.kernel, scales=self.s.kernel_scales, base=base)
        self.update(self.squared_error(z, x) + self.s.lambda_ * penalty)

    def wae_gan(self, x: Tensor) -> None:
        """Squared error and the critic's verdict, then a step of the critic."""
        assert self.critic is not None
        z = self.encoder(x)
        self.critic.requires_grad_(False)
        penalty = functional.softplus(-self.critic(z)[:, 0]).mean()
        self.update(self.squared_error(z, x) + self.s.lambda_ * penalty)
        self.critic.requires_grad_(True)
        prior = torch.randn(z.shape, generator=self.streams["prior"])
        real, fake = self.critic(prior)[:, 0], self.critic(z.detach())[:, 0]
        loss = functional.softplus(-real).mean() + functional.softplus(fake).mean()
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()

    def squared_error(self, z: Tensor, x: Tensor) -> Tensor:
        """The weighted squared error of the reconstruction, summed over pixels."""
        return self.s.cost_weight * (torch.sigmoid(self.decoder(z)) - x).flatten(1).square().sum(1).mean()

    def update(self, loss: Tensor) -> None:
        """Backward and a step of Adam."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
