"""The plain autoencoder."""

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.methods.batch import Batch


class AE(Method):
    """Autoencoder without a penalty on its codes: the floor of reconstruction, with no claim to generate."""

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """Zero, whatever lambda is."""
        return batch.codes.z.new_zeros(())
