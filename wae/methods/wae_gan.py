"""WAE-GAN: the penalty is how well a critic on the codes tells them from draws of the prior."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import RunSettings
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line
from wae.models.discriminator import build_critic
from wae.models.layers import initialise


class WAEGAN(Method):
    """Wasserstein autoencoder with the latent GAN penalty (Tolstikhin et al. 2018, algorithm 1).

    As in the authors' code the autoencoder steps first, on the non-saturating loss -log D(z), then the
    critic steps once on draws of the prior (real) against the codes (fake).

    Option ``fresh_codes``: the critic sees the batch encoded again by the updated encoder, as in the
    authors' code; without it the critic sees the codes of the autoencoder's own step, which saves a pass.
    """

    title: ClassVar[str] = "WAE-GAN"
    colour: ClassVar[str] = "#d55e00"
    marker: ClassVar[str] = "^"
    line: ClassVar[Line] = "-."
    paper: ClassVar[str] = "Tolstikhin et al. 2018, Wasserstein Auto-Encoders"
    lambda_weighs: ClassVar[str] = "penalty"
    lambda_meaning: ClassVar[str] = "weight of -log D(z), the latent discriminator's verdict on the codes"
    options: ClassVar[dict[str, Any]] = {"fresh_codes": False}
    training_only: ClassVar[tuple[str, ...]] = ("critic",)

    def __init__(self, run: RunSettings) -> None:
        super().__init__(run)
        s = self.settings
        self.critic = initialise(build_critic(s.critic_width, s.critic_depth, s.latent_dim, s.critic_dropout), s)

    def logits(self, z: Tensor) -> Tensor:
        """The critic's logit that each code (n, d_z) comes from the prior, (n,); (n, n) in the authors' prior trick.

        With the prior trick the best critic, log p(z) - log q(z), gets its known part log p(z) added, so
        that the network learns -log q(z) alone. The normaliser counts one dimension's log(2 pi) only, as in
        the authors' code: a constant, but one that the output's bias would have to undo.

        The authors' code adds the n known parts as a row to a column of n outputs, so that its logit (i, j) has the
        output of code i and the known part of code j, and its losses are means over all n^2 pairs; its diagonal is
        what is meant (docs/faithfulness.md).
        """
        output = self.critic(z)[:, 0]
        if not self.settings.critic_prior_trick:
            return output
        density = self.prior.log_density(z)
        if density.shape != output.shape:  # it would be added to every pair
            raise UserError(
                f"log_density of {type(self.prior).__name__} gives {tuple(density.shape)} for {len(z)} codes, need "
                f"({len(z)},): sum over the dimensions"
            )
        known = density + 0.5 * (self.settings.latent_dim - 1) * math.log(2.0 * math.pi)
        return output[:, None] + known if self.settings.prior_trick == "authors" else output + known

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """-log D(z) averaged over the batch: low where the critic takes codes for draws of the prior."""
        logits = self.logits(batch.codes.z)
        if not self.own["fresh_codes"]:
            batch.kept["logits"] = logits  # the critic's own step needs them again: one pass of four saved
        return self.fooling_loss(logits)

    @staticmethod
    def fooling_loss(on_codes: Tensor) -> Tensor:
        """-log D(z) averaged over the critic's logits on codes: a scalar."""
        return functional.softplus(-on_codes).mean()

    @staticmethod
    def critic_loss(on_codes: Tensor, on_prior: Tensor) -> Tensor:
        """Cross-entropy of the critic from its logits on prior draws (real) and on codes (fake): a scalar."""
        return functional.softplus(-on_prior).mean() + functional.softplus(on_codes).mean()

    @torch.no_grad()
    def codes_for_critic(self, batch: Batch, streams: Streams) -> Tensor:
        """The batch encoded again, (n, d_z), for the critic's own step."""
        with self.mixed():
            return self.encode(batch.x, streams).z

    def further_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """The critic's Adam, at its own rate."""
        return {"critic": self.adam(self.critic.parameters(), self.settings.critic_learning_rate)}

    def after_step(self, batch: Batch, streams: Streams) -> dict[str, Tensor]:
        """One step of the critic; its loss, without a weight, goes to the history."""
        on_prior = self.logits(self.prior.sample(len(batch.codes.z), streams["prior"]))
        if self.own["fresh_codes"]:
            on_codes = self.logits(self.codes_for_critic(batch, streams))
        else:
            on_codes = batch.kept["logits"] if "logits" in batch.kept else self.logits(batch.codes.z)
        loss = self.critic_loss(on_codes, on_prior)
        self.optimisers["critic"].zero_grad(set_to_none=True)
        weighted = self.settings.critic_loss_weight == "lambda" and self.lambda_weighs != "nothing"
        torch.autograd.backward(self.lambda_ * loss if weighted else loss, inputs=list(self.critic.parameters()))
        self.optimisers["critic"].step()
        return {"critic": loss.detach()}
