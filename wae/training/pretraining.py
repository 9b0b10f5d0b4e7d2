"""Pre-training of the encoder: steps towards the prior's mean and covariance, as far as the authors' threshold.

Codes without any spread have a loss of about sigma_z^4 / d_z: at sigma_z = 1 one step is enough from d_z = 11 on.
"""

import signal
from collections.abc import Sequence

import torch
from torch import Tensor

from wae.compute.seeds import Streams
from wae.core.errors import StopSignalError
from wae.methods.base import Method

ENOUGH = 0.1  # pre-training ends below this loss


def pretrain(method: Method, images: Tensor, streams: Streams, stop: Sequence[int] = ()) -> list[float]:
    """Train the encoder alone for up to ``pretrain_steps`` steps; returns the loss of each step taken.

    Each step sees ``pretrain_samples`` images, drawn without replacement from ``images`` (uint8, N, C, H, W;
    all of them if there are fewer), and ``pretrain_samples`` draws of the prior. Its own Adam at the run's learning
    rate; it stops below a loss of 0.1. As ``pretrain_encoder`` of the authors' code. StopSignalError once a signal's
    number is in ``stop``: nothing is saved before the run's first step.
    """
    settings = method.settings
    optimiser = method.adam(method.encoder.parameters(), settings.learning_rate)
    generator = streams["pretraining"]
    losses: list[float] = []
    method.train()
    for _ in range(settings.pretrain_steps):
        if stop:
            raise StopSignalError(
                f"stopped by {signal.Signals(stop[0]).name} in pre-training, before its step {len(losses) + 1}; the "
                "same command begins it again"
            )
        chosen = torch.randperm(len(images), generator=generator, device=generator.device)[: settings.pretrain_samples]
        codes = method.encode(method.to_range(images[chosen.to(images.device)]), streams)
        loss = moment_loss(codes.z, method.prior.sample(settings.pretrain_samples, generator))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        if losses[-1] < ENOUGH:
            break
    return losses


def moment_loss(z: Tensor, z_prior: Tensor) -> Tensor:
    """Mean squared difference of means plus that of unbiased covariances: (n, d_z), (m, d_z) to a scalar."""
    means = (z.mean(0) - z_prior.mean(0)).square().mean()
    return means + (_covariance(z) - _covariance(z_prior)).square().mean()


def _covariance(z: Tensor) -> Tensor:
    centred = z - z.mean(0)
    return centred.T @ centred / (len(z) - 1)
