"""What a training step hands to a method: the codes of a batch, and the batch with its reconstruction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Codes:
    """Codes of n images. ``z``: (n, d_z). A Gaussian encoder also gives ``mean`` and ``log_variance``.

    Both are the encoder's: z is drawn with the floor and the factor that the settings add to its noise
    (``wae.methods.autoencoder.drawn_log_variance``).
    """

    z: Tensor
    mean: Tensor | None = None
    log_variance: Tensor | None = None

    @classmethod
    def cat(cls, parts: Sequence["Codes"]) -> "Codes":
        """The codes of several batches as those of one."""
        columns = [torch.cat(column) for column in zip(*(part.tensors() for part in parts), strict=True)]
        return cls(*columns)

    def map(self, function: Callable[[Tensor], Tensor]) -> "Codes":
        """``function`` of each tensor."""
        mean = None if self.mean is None else function(self.mean)
        log_variance = None if self.log_variance is None else function(self.log_variance)
        return Codes(function(self.z), mean, log_variance)

    def detached(self) -> "Codes":
        """The same values without their graph."""
        return self.map(Tensor.detach)

    def tensors(self) -> list[Tensor]:
        """z, and mean and log_variance where there are any."""
        return [tensor for tensor in (self.z, self.mean, self.log_variance) if tensor is not None]


@dataclass
class Batch:
    """A batch of n images on its way through a step.

    ``x`` (n, C, H, W), in the network's range. ``codes``: theirs, with their graph. ``output`` (n, C, H, W): the
    decoder's, before its sigmoid or tanh, in full precision. ``decoded`` (n, d_z): the codes that ``output`` was
    computed from, equal to ``codes.z``; a gradient of the output with respect to the codes is taken at ``decoded``.
    ``kept``: tensors that a penalty hands on to ``after_step``, with their graph, which lives as long.
    """

    x: Tensor
    codes: Codes
    output: Tensor
    decoded: Tensor
    kept: dict[str, Tensor] = field(default_factory=dict)

    def detached(self) -> "Batch":
        """The same values without their graph, but for what is kept."""
        return Batch(self.x, self.codes.detached(), self.output.detach(), self.decoded.detach(), self.kept)


def batch_of(codes: Codes) -> Batch:
    """A batch of which only the codes are known, for a penalty that looks at nothing else."""
    empty = codes.z.new_empty(len(codes.z), 0)
    return Batch(empty, codes, empty, codes.z)
