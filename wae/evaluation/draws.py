"""The random generators of an evaluation."""

import numpy as np


def part_generator(seed: int, part: str) -> np.random.Generator:
    """A generator for one ``part`` of an evaluation, the same whatever else is computed."""
    return np.random.default_rng([seed, *f"evaluation/{part}".encode()])
