"""The adversarial autoencoder, which differs from WAE-GAN in when the encoder meets the critic."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import TrainingSettings
from wae.methods.batch import Batch
from wae.methods.facts import Line
from wae.methods.wae_gan import WAEGAN


class AAE(WAEGAN):
    """Adversarial autoencoder (Makhzani et al. 2016): three updates a batch instead of WAE-GAN's two.

    Reconstruction: encoder and decoder, without a penalty. Regularisation: the critic on prior draws
    against codes, then the encoder alone on -log D(z), with an Adam of its own at the critic's rate; so no
    lambda weighs the two against each other. WAE-GAN adds lambda times that loss to the reconstruction.

    Option ``critic_codes``: "training" or "evaluation", the encoder's mode (dropout, batch normalisation) when it
    makes the codes that the critic learns from. Its noise is on in both. "evaluation" needs ``fresh_codes``.
    """

    title: ClassVar[str] = "AAE"
    colour: ClassVar[str] = "#5b6bbf"
    marker: ClassVar[str] = "P"
    line: ClassVar[Line] = (0, (1, 1))
    paper: ClassVar[str] = "Makhzani et al. 2016, Adversarial Autoencoders"
    lambda_weighs: ClassVar[str] = "nothing"
    lambda_meaning: ClassVar[str] = "the encoder meets the discriminator in a step of its own"
    options: ClassVar[dict[str, Any]] = {"fresh_codes": True, "critic_codes": "training"}
    shared: ClassVar[tuple[str, ...]] = ("encoder",)  # in turn by the reconstruction and against the critic

    @classmethod
    def check_settings(cls, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
        """UserError for an unknown ``critic_codes``, and for one that without ``fresh_codes`` would be ignored."""
        super().check_settings(settings, shape)
        own = {**cls.options, **settings.options}
        if own["critic_codes"] not in ("training", "evaluation"):
            raise UserError(f"critic_codes is {own['critic_codes']!r}; set it to 'training' or 'evaluation'")
        if own["critic_codes"] == "evaluation" and not own["fresh_codes"]:
            raise UserError(
                "critic_codes is 'evaluation' with fresh_codes false: the critic gets the codes of the reconstruction "
                "step, made in training; set fresh_codes to true or critic_codes to 'training'"
            )

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """Zero: the encoder is regularised in a step of its own."""
        return batch.codes.z.new_zeros(())

    @torch.no_grad()
    def codes_for_critic(self, batch: Batch, streams: Streams) -> Tensor:
        """The batch encoded again, (n, d_z), in the mode that the option ``critic_codes`` names."""
        self.encoder.train(self.own["critic_codes"] == "training")
        with self.mixed():
            z = self.encode(batch.x, streams).z
        self.encoder.train()
        return z

    def further_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam for the critic, and for the encoder as the critic's opponent."""
        generator = self.adam(self.encoder.parameters(), self.settings.critic_learning_rate)
        return {**super().further_optimisers(), "generator": generator}

    def after_step(self, batch: Batch, streams: Streams) -> dict[str, Tensor]:
        """The regularisation phase: critic, then encoder; their losses go to the history."""
        scalars = super().after_step(batch, streams)
        with self.mixed():
            z = self.encode(batch.x, streams).z
        loss = self.fooling_loss(self.logits(z))
        self.optimisers["generator"].zero_grad(set_to_none=True)
        loss.backward(inputs=list(self.encoder.parameters()))
        self.optimisers["generator"].step()
        return {**scalars, "generator": loss.detach()}
