"""Sliced-Wasserstein autoencoder: the penalty is a distance of sorted one-dimensional projections."""

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Codes, Method
from wae.mmd.sliced import sliced_w2_squared, unit_directions


class SlicedWAE(Method):
    """Autoencoder with the sliced-Wasserstein penalty (Kolouri et al. 2018, equation 13)."""

    def penalty(self, codes: Codes, streams: Streams) -> Tensor:
        """The squared sliced 2-Wasserstein distance of the codes (n, d_z) to n draws of the prior."""
        prior = self.prior.sample(len(codes.z), streams["prior"])
        directions = unit_directions(codes.z.shape[1], self.settings.projections, streams["prior"], codes.z)
        return sliced_w2_squared(codes.z, prior, directions)
