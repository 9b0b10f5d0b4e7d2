"""Sliced-Wasserstein autoencoder: the penalty is a distance of sorted one-dimensional projections."""

import torch
from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Codes, Method


class SlicedWAE(Method):
    """Autoencoder with the sliced-Wasserstein penalty (Kolouri et al. 2018, equation 13)."""

    def penalty(self, codes: Codes, streams: Streams) -> Tensor:
        """The squared sliced 2-Wasserstein distance of the codes (n, d_z) to n draws of the prior."""
        prior = self.prior.sample(len(codes.z), streams["prior"])
        return sliced_wasserstein(codes.z, prior, self.settings.projections, streams["prior"])


def sliced_wasserstein(z: Tensor, z_prior: Tensor, projections: int, generator: torch.Generator) -> Tensor:
    """Mean over random unit directions of W2^2 between the projections of two samples (n, d_z): a scalar.

    In one dimension the best coupling pairs the sorted values, so that a direction costs O(n log n).
    """
    directions = torch.randn(z.shape[1], projections, generator=generator, device=z.device)
    directions = torch.nn.functional.normalize(directions, dim=0)  # (d_z, projections)
    ours = (z @ directions).sort(dim=0).values  # (n, projections)
    theirs = (z_prior @ directions).sort(dim=0).values
    return (ours - theirs).square().mean()
