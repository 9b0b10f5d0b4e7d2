"""WAE-MMD whose penalty is estimated by random Fourier features: an O(n) MMD to set against the O(n) GAN."""

from typing import ClassVar

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line
from wae.mmd.random_features import random_feature_mmd


class RandomFeatureWAE(Method):
    """WAE-MMD with ``random_features`` frequencies, drawn again each step, in place of the pairwise kernels.

    The estimate has the exact penalty as its mean over the frequencies (Rahimi and Recht 2007).
    """

    title: ClassVar[str] = "WAE-MMD (random features)"
    colour: ClassVar[str] = "#b04a4a"
    marker: ClassVar[str] = ">"
    line: ClassVar[Line] = (0, (2, 2))
    paper: ClassVar[str] = "Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines"
    lambda_weighs: ClassVar[str] = "mmd"  # in the mean
    lambda_meaning: ClassVar[str] = "weight of the estimated squared MMD, summed over the scales of the kernel"

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """The estimated MMD^2 of the codes (n, d_z) to n draws of the prior, summed over the kernel's scales."""
        s, z = self.settings, batch.codes.z
        prior = self.prior.sample(len(z), streams["prior"])
        return random_feature_mmd(
            z,
            prior,
            kernel=s.kernel,
            scales=s.kernel_scales,
            base=self.prior.kernel_base,
            features=s.random_features,
            generator=streams["prior"],
        )
