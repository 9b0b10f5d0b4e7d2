"""WAE-MMD: the penalty is the squared maximum mean discrepancy of codes and prior."""

from typing import ClassVar

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line
from wae.mmd.estimators import mmd_penalty


class WAEMMD(Method):
    """Wasserstein autoencoder with the MMD penalty (Tolstikhin et al. 2018, algorithm 2).

    Each batch of n codes meets n fresh draws of the prior; the estimate may be negative and is not clipped.
    """

    title: ClassVar[str] = "WAE-MMD"
    colour: ClassVar[str] = "#0072b2"
    marker: ClassVar[str] = "s"
    line: ClassVar[Line] = "--"
    paper: ClassVar[str] = "Tolstikhin et al. 2018, Wasserstein Auto-Encoders"
    lambda_weighs: ClassVar[str] = "mmd"
    lambda_meaning: ClassVar[str] = "weight of the squared MMD, summed over the scales of the kernel"

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """The estimated MMD^2 of the codes (n, d_z) to the prior, summed over the kernel's scales."""
        s, z = self.settings, batch.codes.z
        prior = self.prior.sample(len(z), streams["prior"])
        return mmd_penalty(z, prior, kernel=s.kernel, scales=s.kernel_scales, base=self.prior.kernel_base)
