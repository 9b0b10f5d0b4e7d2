"""The Cramer-Wold distance of a sample to the standard normal law, in the closed form that its authors train on."""

import math

import torch
from torch import Tensor


def cramer_wold_to_normal(z: Tensor) -> Tensor:
    """Squared Cramer-Wold distance, times 2 sqrt(pi), of codes ``z`` (n, d_z) to N(0, I): a scalar.

    The distance is the mean over all directions of the squared L2 distance between the densities of the projected
    sample and of the projected law, both smoothed by N(0, gamma) with Silverman's gamma = (4 / (3 n))^(2/5). With
    1F1(1/2; d/2; -s) taken as (1 + 4 s / (2 d - 3))^(-1/2) it is (Knop et al. 2020, section 3)

        mean_ij (gamma + |z_i - z_j|^2 / (2 d - 3))^(-1/2) + (1 + gamma)^(-1/2)
        - 2 mean_i (gamma + 1/2 + |z_i|^2 / (2 d - 3))^(-1/2).

    The approximation moves the value by up to 0.04 at d_z = 8, 0.015 at 20 and 0.005 at 64 (tests/mmd): a perfect match
    of 400 codes has 0.046, 0.021 and 0.010 in place of 0.005. Its authors use it from 8 on in one of their codes, from
    20 on in the other. ValueError for d_z below 2, where 2 d - 3 is negative.
    """
    n, d = z.shape
    if d < 2:
        raise ValueError(f"d_z is {d}, the closed form needs at least 2")
    gamma, scale = (4.0 / (3.0 * n)) ** 0.4, 1.0 / (2.0 * d - 3.0)
    squares = z.square().sum(1)
    pairs = (squares[:, None] + squares - 2.0 * (z @ z.T)).clamp_min(0.0)
    within = (gamma + scale * pairs).rsqrt().mean()
    across = (gamma + 0.5 + scale * squares).rsqrt().mean()
    return within + 1.0 / math.sqrt(1.0 + gamma) - 2.0 * across


def log_cramer_wold(z: Tensor) -> Tensor:
    """log of ``cramer_wold_to_normal`` + 1e-7, which keeps it finite for a perfect match."""
    return torch.log(cramer_wold_to_normal(z).clamp_min(0.0) + 1e-7)
