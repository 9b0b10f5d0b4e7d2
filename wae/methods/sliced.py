"""Sliced-Wasserstein autoencoder: the penalty is a distance of sorted one-dimensional projections."""

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.mmd.sliced import sliced_w2_squared, unit_directions


class SlicedWAE(Method):
    """Autoencoder with the sliced-Wasserstein penalty (Kolouri et al. 2018, equation 13)."""

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """The squared sliced 2-Wasserstein distance of the codes (n, d_z) to n draws of the prior."""
        z = batch.codes.z
        prior = self.prior.sample(len(z), streams["prior"])
        directions = unit_directions(z.shape[1], self.settings.projections, streams["prior"], z)
        return sliced_w2_squared(z, prior, directions)
