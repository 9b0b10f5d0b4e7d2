"""The plain autoencoder."""

from typing import ClassVar

from torch import Tensor

from wae.compute.seeds import Streams
from wae.methods.base import Method
from wae.methods.batch import Batch
from wae.methods.facts import Line


class AE(Method):
    """Autoencoder without a penalty on its codes: the floor of reconstruction, with no claim to generate."""

    title: ClassVar[str] = "AE"
    colour: ClassVar[str] = "#8c6d1f"
    marker: ClassVar[str] = "v"
    line: ClassVar[Line] = (0, (3, 1, 1, 1))
    paper: ClassVar[str] = "Hinton and Salakhutdinov 2006, Reducing the Dimensionality of Data"
    lambda_weighs: ClassVar[str] = "nothing"
    lambda_meaning: ClassVar[str] = "there is no penalty"

    def penalty(self, batch: Batch, streams: Streams) -> Tensor:
        """Zero, whatever lambda is."""
        return batch.codes.z.new_zeros(())
