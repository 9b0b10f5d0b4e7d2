"""Has code drawn from a global random generator, which no seed of a run sets."""

import numpy as np
import torch

from wae.core.errors import UserError

States = dict[str, bytes]


def global_states(device: torch.device) -> States:
    """The states of torch's global generators for the processor and for ``device``, and of NumPy's."""
    _, keys, *rest = np.random.get_state()
    states = {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "NumPy": np.asarray(keys).tobytes() + str(rest).encode(),
    }
    if device.type == "cuda":
        states["torch"] += torch.cuda.get_rng_state(device).numpy().tobytes()
    return states


def check_no_draws(name: str, before: States, device: torch.device) -> None:
    """UserError if a global generator has moved since ``before``; ``name``: whose code ran."""
    moved = [library for library, state in global_states(device).items() if state != before[library]]
    if moved:
        raise UserError(
            f"{name}, or a network, prior or cost of its own, drew from {moved[0]}'s global generator in its first "
            "step, which no seed of the run sets; draw from streams['noise'] or streams['prior'], and in networks take "
            "wae.models.layers.Dropout"
        )
