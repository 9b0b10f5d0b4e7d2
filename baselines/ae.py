"""The plain autoencoder."""

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Codes, Method


class AE(Method):
    """Autoencoder without a penalty on its codes: the floor of reconstruction, with no claim to generate."""

    def penalty(self, codes: Codes, streams: Streams) -> Tensor:
        """Zero, whatever lambda is."""
        return codes.z.new_zeros(())
