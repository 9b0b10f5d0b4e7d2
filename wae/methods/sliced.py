"""Sliced-Wasserstein autoencoder: the penalty is a distance of sorted one-dimensional projections."""

from typing import ClassVar

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line
from wae.mmd.sliced import sliced_w2_squared, unit_directions


class SlicedWAE(Method):
    """Autoencoder with the sliced-Wasserstein penalty (Kolouri et al. 2018, equation 13)."""

    title: ClassVar[str] = "SWAE"
    colour: ClassVar[str] = "#2f8f9d"
    marker: ClassVar[str] = "<"
    line: ClassVar[Line] = (0, (8, 2))
    paper: ClassVar[str] = "Kolouri et al. 2018, Sliced-Wasserstein Autoencoder"
    lambda_weighs: ClassVar[str] = "penalty"
    lambda_meaning: ClassVar[str] = "weight of the squared sliced 2-Wasserstein distance"

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """The squared sliced 2-Wasserstein distance of the codes (n, d_z) to n draws of the prior."""
        z = batch.codes.z
        prior = self.prior.sample(len(z), streams["prior"])
        directions = unit_directions(z.shape[1], self.settings.projections, streams["prior"], z)
        return sliced_w2_squared(z, prior, directions)
