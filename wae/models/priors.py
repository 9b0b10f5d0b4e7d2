"""The prior P_Z on codes: its samples, support, density and the kernel scale that suits it."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from wae.core.errors import UserError
from wae.core.plugins import load_class
from wae.core.settings import TrainingSettings


class Prior(nn.Module, ABC):
    """Base of the priors on codes of ``dim`` numbers at scale ``sigma`` (``pz_scale`` of the authors' code).

    A prior may have parameters, which the autoencoder's optimiser steps on the loss, and buffers.
    """

    def __init__(self, dim: int, sigma: float) -> None:
        super().__init__()
        self.dim = dim
        self.sigma = sigma

    spherical: ClassVar[bool] = False  # whether codes are interpolated on great circles, as suits its draws
    # Whether ``project`` leaves what lies on the support where it is: then codes between others, and draws of a mixture
    # fitted to codes, are brought there by it.
    projects: ClassVar[bool] = False

    @property
    def kernel_base(self) -> float:
        """C of the kernels, about the mean squared distance of two draws, 2 d_z sigma^2; scales multiply it."""
        return 2.0 * self.dim * self.sigma**2

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` draws, (n, d_z), on the generator's device; differentiable in the prior's parameters, if any."""

    def project(self, z: Tensor) -> Tensor:
        """Codes (n, d_z) brought onto the prior's support, differentiably."""
        return z

    def log_density(self, z: Tensor) -> Tensor:
        """log p(z) of each code in nats, (n, d_z) to (n,); UserError where the prior defines none."""
        raise UserError(
            f"{type(self).__name__} defines no log_density, which critic_prior_trick and kl: sampled need; define it"
        )


class Normal(Prior):
    """N(0, sigma^2 I). Two draws lie 2 d_z sigma^2 apart (squared, in the mean), which is the kernel base."""

    spherical: ClassVar[bool] = True

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, self.dim, generator=generator, device=generator.device) * self.sigma

    def log_density(self, z: Tensor) -> Tensor:
        normaliser = 0.5 * self.dim * math.log(2.0 * math.pi * self.sigma**2)
        return -z.square().sum(1) / (2.0 * self.sigma**2) - normaliser


class Uniform(Prior):
    """Uniform on the cube [-sigma, sigma]^d_z; codes reach its inside by sigma * tanh.

    Kernel base d_z sigma^2 as in the authors' code (the mean squared distance is 2/3 of it).
    """

    @property
    def kernel_base(self) -> float:
        return self.dim * self.sigma**2

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        draws = torch.rand(n, self.dim, generator=generator, device=generator.device)
        return draws.mul_(2.0).sub_(1.0).mul_(self.sigma)

    def project(self, z: Tensor) -> Tensor:
        return self.sigma * torch.tanh(z)

    def log_density(self, z: Tensor) -> Tensor:
        inside = (z.abs() <= self.sigma).all(1)
        value = torch.full_like(z[:, 0], -self.dim * math.log(2.0 * self.sigma))
        return value.masked_fill(~inside, -math.inf)


class Sphere(Prior):
    """Uniform on the sphere of radius sigma in d_z dimensions; codes are scaled to that length.

    Kernel base 2 sigma^2, the mean squared distance of two draws. The density is that of the surface, and
    the same everywhere on it.
    """

    spherical: ClassVar[bool] = True
    projects: ClassVar[bool] = True

    @property
    def kernel_base(self) -> float:
        return 2.0 * self.sigma**2

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.project(torch.randn(n, self.dim, generator=generator, device=generator.device))

    def project(self, z: Tensor) -> Tensor:
        return self.sigma * torch.nn.functional.normalize(z, dim=1)

    def log_density(self, z: Tensor) -> Tensor:
        half = 0.5 * self.dim
        area = math.log(2.0) + half * math.log(math.pi) - math.lgamma(half) + (self.dim - 1) * math.log(self.sigma)
        return torch.full_like(z[:, 0], -area)


PRIORS: dict[str, type[Prior]] = {"normal": Normal, "uniform": Uniform, "sphere": Sphere}


def build_prior(settings: TrainingSettings) -> Prior:
    """The prior that ``settings`` names, by name or as ``package.module:Class``, at its latent dimension and scale."""
    kind = PRIORS.get(settings.prior) or load_class(settings.prior, Prior)
    prior: Prior = kind(settings.latent_dim, settings.sigma_z)
    return prior
