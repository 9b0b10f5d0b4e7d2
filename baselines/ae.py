"""The plain autoencoder."""

from torch import Tensor

from wae.methods.method import Codes, Method
from wae.seeds import Streams


class AE(Method):
    """Autoencoder without a penalty on its codes: the floor of reconstruction, with no claim to generate."""

    def penalty(self, codes: Codes, streams: Streams) -> Tensor:
        """Zero, whatever lambda is."""
        return codes.z.new_zeros(())
