"""One seed per run, split by the name of the purpose into independent random streams."""

import hashlib
from collections.abc import Callable

import numpy as np
import torch

from wae.core.errors import unknown_name

PURPOSES = ("init", "order", "prior", "noise", "samples", "features", "pretraining", "evaluation")


def stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one purpose of one run, independent of the other purposes' (numpy's SeedSequence).

    Only the seed and the purpose's own name decide it: a further purpose, or another order of them, moves no stream.
    ``purpose`` is one of PURPOSES, which catches typing errors (UserError). Equal arguments give equal streams.
    """
    if purpose not in PURPOSES:
        raise unknown_name("random stream", purpose, PURPOSES)
    words = np.random.SeedSequence(seed, spawn_key=spawn_key(purpose)).generate_state(2, np.uint32)
    return torch.Generator(device).manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


def spawn_key(purpose: str) -> tuple[int, ...]:
    """The first 128 bits of the SHA-256 of the name, as four whole numbers."""
    digest = hashlib.sha256(purpose.encode()).digest()
    return tuple(np.frombuffer(digest[:16], "<u4").tolist())


class Streams:
    """The random streams that a training run draws from: ``streams["noise"]`` and so on."""

    def __init__(self, seed: int | Callable[[str], int], device: torch.device | str = "cpu") -> None:
        """``seed``: of all streams, or a function that gives the seed of each purpose."""
        seed_of = seed if callable(seed) else lambda purpose: seed
        # The data order is drawn on the CPU whatever the device, so that it is the same everywhere.
        self._generators = {
            purpose: stream(seed_of(purpose), purpose, "cpu" if purpose == "order" else device) for purpose in PURPOSES
        }

    def __getitem__(self, purpose: str) -> torch.Generator:
        if purpose not in self._generators:
            raise unknown_name("random stream", purpose, PURPOSES)
        return self._generators[purpose]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Each generator's state, for a checkpoint."""
        return {purpose: generator.get_state() for purpose, generator in self._generators.items()}

    def load_state_dict(self, states: dict[str, torch.Tensor]) -> None:
        """Restore what ``state_dict`` gave."""
        for purpose, state in states.items():
            self._generators[purpose].set_state(state.cpu())
