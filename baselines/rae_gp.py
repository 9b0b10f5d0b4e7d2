"""The deterministic autoencoder whose decoder is kept smooth by a penalty on its slope."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from baselines.rae_l2 import half_squared_length
from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.core.settings import TrainingSettings
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line


class RAEGP(Method):
    """RAE-GP (Ghosh et al. 2020, section 3.1): a penalty on the codes' length and on the decoder's gradient.

    Loss: cost_weight * cost + lambda * (mean of |z|^2 / 2 + gradient_penalty * mean of |g|^2), where g (d_z) is the
    gradient at an image's code of the sum of its squared reconstructed pixels, as in the authors' code (the paper
    writes the decoder itself in place of that sum). As there, batch normalisation is in training mode, so that g also
    feels the batch. Codes follow no prior: samples come from a density fitted to them.

    The authors weigh both terms apart and take means over pixels and latents; against our sums their beta becomes
    lambda = beta * cost_weight * C * H * W * 2 / d_z, and gradient_penalty = their weight / (2 beta). Their pixels are
    in [0, 1]; with another ``pixel_range`` the squares differ.
    """

    title: ClassVar[str] = "RAE-GP"
    colour: ClassVar[str] = "#4f7d2a"
    marker: ClassVar[str] = "p"
    line: ClassVar[Line] = (0, (4, 1, 1, 1, 1, 1))
    paper: ClassVar[str] = "Ghosh et al. 2020, From Variational to Deterministic Autoencoders"
    lambda_weighs: ClassVar[str] = "penalty"
    lambda_meaning: ClassVar[str] = "weight of half the squared length of the codes and of the decoder's slope"
    encoders: ClassVar[tuple[str, ...]] = ("deterministic", "pixel_noise")
    priors: ClassVar[tuple[str, ...]] = ("normal",)
    options: ClassVar[dict[str, Any]] = {"gradient_penalty": 2.5e-4}  # theirs on MNIST: 0.5e-7 beside beta 1e-4

    @classmethod
    def check_settings(cls, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
        """UserError for ``compile``: torch's compiler has no second derivatives."""
        super().check_settings(settings, shape)
        if settings.compile:
            raise UserError("compile with RAE-GP, whose penalty needs second derivatives; set compile to false")

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """Half the squared length of the codes plus the weighted squared slope, averaged over the batch."""
        brightness = self.activate(batch.output).square().sum()
        (slope,) = torch.autograd.grad(brightness, batch.decoded, create_graph=True)  # (n, d_z)
        return half_squared_length(batch.codes.z) + self.own["gradient_penalty"] * slope.square().sum(1).mean()
