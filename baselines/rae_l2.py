"""The L2-regularised deterministic autoencoder."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line


class RAEL2(Method):
    """RAE-L2 (Ghosh et al. 2020, equation 8): a penalty on the codes' length and decay of the decoder's weights.

    Loss: cost_weight * cost + lambda * mean of |z|^2 / 2 + decoder_decay * sum of squared weights, of which the last
    is in Adam's gradient alone and not in the history's ``loss``. As in the authors' code the decay takes the
    transposed convolutions' kernels (all linear weights of a decoder without any).
    Codes follow no prior: samples come from a density fitted to them.

    The authors take means over pixels and latents; against our sums their beta becomes lambda =
    beta * cost_weight * C * H * W * 2 / d_z and their decay decoder_decay = decay * cost_weight * C * H * W.
    """

    title: ClassVar[str] = "RAE-L2"
    colour: ClassVar[str] = "#7a7a7a"
    marker: ClassVar[str] = "X"
    line: ClassVar[Line] = (0, (5, 1, 1, 1, 1, 1))
    paper: ClassVar[str] = "Ghosh et al. 2020, From Variational to Deterministic Autoencoders"
    lambda_weighs: ClassVar[str] = "penalty"
    lambda_meaning: ClassVar[str] = "weight of half the squared length of the codes"
    encoders: ClassVar[tuple[str, ...]] = ("deterministic", "pixel_noise")
    priors: ClassVar[tuple[str, ...]] = ("normal",)
    options: ClassVar[dict[str, Any]] = {"decoder_decay": 5.12e-6}

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """Half the squared length of the codes (n, d_z), averaged over the batch."""
        return half_squared_length(batch.codes.z)

    def decayed(self) -> list[Tensor]:
        """The decoder's weights that decay."""
        layers = list(self.decoder.modules())
        kernels: list[Tensor] = [layer.weight for layer in layers if isinstance(layer, nn.ConvTranspose2d)]
        return kernels or [layer.weight for layer in layers if isinstance(layer, nn.Linear)]

    def build_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """One Adam; torch's weight_decay w adds w * weight to the gradient, so twice the decay is set."""
        decayed = self.decayed()
        chosen = {id(parameter) for parameter in decayed}
        others = [parameter for parameter in self.parameters() if id(parameter) not in chosen]
        groups = [{"params": others}, {"params": decayed, "weight_decay": 2.0 * self.own["decoder_decay"]}]
        return {"autoencoder": self.adam(groups, self.settings.learning_rate)}


def half_squared_length(z: Tensor) -> Tensor:
    """|z|^2 / 2 of codes (n, d_z), averaged over the batch: a scalar."""
    return 0.5 * z.square().sum(1).mean()
