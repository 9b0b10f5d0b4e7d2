"""The adversarial autoencoder, which differs from WAE-GAN in when the encoder meets the critic."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Codes
from wae.methods.wae_gan import WAEGAN


class AAE(WAEGAN):
    """Adversarial autoencoder (Makhzani et al. 2016): three updates a batch instead of WAE-GAN's two.

    Reconstruction: encoder and decoder, without a penalty. Regularisation: the critic on prior draws
    against codes, then the encoder alone on -log D(z), with an Adam of its own at the critic's rate; so no
    lambda weighs the two against each other. WAE-GAN adds lambda times that loss to the reconstruction.
    """

    options: ClassVar[dict[str, Any]] = {"fresh_codes": True}

    def penalty(self, codes: Codes, streams: Streams) -> Tensor:
        """Zero: the encoder is regularised in a step of its own."""
        return codes.z.new_zeros(())

    def build_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for the reconstruction, the critic, and the encoder as the critic's opponent."""
        generator = self.adam(self.encoder.parameters(), self.settings.critic_learning_rate)
        return {**super().build_optimisers(), "generator": generator}

    def after_step(self, x: Tensor, codes: Codes, streams: Streams) -> dict[str, Tensor]:
        """The regularisation phase: critic, then encoder; their losses go to the history."""
        scalars = super().after_step(x, codes, streams)
        loss = WAEGAN.penalty(self, self.encode(x, streams), streams)
        optimiser = self.optimisers["generator"]
        parameters = list(self.encoder.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimiser.step()
        return {**scalars, "generator": loss.detach()}
