"""The adversarial autoencoder, which differs from WAE-GAN in when the encoder meets the critic."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.batch import Batch
from wae.methods.facts import Line
from wae.methods.wae_gan import WAEGAN


class AAE(WAEGAN):
    """Adversarial autoencoder (Makhzani et al. 2016): three updates a batch instead of WAE-GAN's two.

    Reconstruction: encoder and decoder, without a penalty. Regularisation: the critic on prior draws
    against codes, then the encoder alone on -log D(z), with an Adam of its own at the critic's rate; so no
    lambda weighs the two against each other. WAE-GAN adds lambda times that loss to the reconstruction.
    """

    title: ClassVar[str] = "AAE"
    colour: ClassVar[str] = "#5b6bbf"
    marker: ClassVar[str] = "P"
    line: ClassVar[Line] = (0, (1, 1))
    paper: ClassVar[str] = "Makhzani et al. 2016, Adversarial Autoencoders"
    lambda_weighs: ClassVar[str] = "nothing"
    lambda_meaning: ClassVar[str] = "the encoder meets the discriminator in a step of its own"
    options: ClassVar[dict[str, Any]] = {"fresh_codes": True}
    shared: ClassVar[tuple[str, ...]] = ("encoder",)  # in turn by the reconstruction and against the critic

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """Zero: the encoder is regularised in a step of its own."""
        return batch.codes.z.new_zeros(())

    def further_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for the critic, and for the encoder as the critic's opponent."""
        generator = self.adam(self.encoder.parameters(), self.settings.critic_learning_rate)
        return {**super().further_optimisers(), "generator": generator}

    def after_step(self, batch: Batch, streams: Streams) -> dict[str, Tensor]:
        """The regularisation phase: critic, then encoder; their losses go to the history."""
        scalars = super().after_step(batch, streams)
        loss = self.fooling_loss(self.logits(self.encode(batch.x, streams).z))
        self.optimisers["generator"].zero_grad(set_to_none=True)
        loss.backward(inputs=list(self.encoder.parameters()))
        self.optimisers["generator"].step()
        return {**scalars, "generator": loss.detach()}
