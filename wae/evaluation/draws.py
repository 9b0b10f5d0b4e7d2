"""The random generators of an evaluation."""

import numpy as np


def part_generator(seed: int, part: str) -> np.random.Generator:
    """A generator for one ``part`` of an evaluation, the same whatever else is computed."""
    return np.random.default_rng([seed, *f"evaluation/{part}".encode()])


def subset(n: int, limit: int, part: str) -> np.ndarray:
    """``limit`` of the indices below ``n``, in order, drawn at random; all of them where there are no more.

    The same for every run. Files are often sorted, by class say, so that the first ones do not stand for all.
    """
    return np.sort(part_generator(0, part).permutation(n)[:limit])
