import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Uniform

from tests.shared.models import training
from wae.models.priors import build_prior


@pytest.mark.parametrize(("name", "base"), [("normal", 2 * 6 * 2.25), ("uniform", 6 * 2.25), ("sphere", 2 * 2.25)])
def test_kernel_base_is_the_authors_times_the_squared_scale(name: str, base: float) -> None:
    assert build_prior(training(prior=name, latent_dim=6, sigma_z=1.5)).kernel_base == pytest.approx(base)


@pytest.mark.parametrize("name", ["normal", "uniform", "sphere"])
def test_samples_have_the_moments_and_the_support(name: str) -> None:
    prior = build_prior(training(prior=name, latent_dim=3, sigma_z=2.0))
    z = prior.sample(100_000, torch.Generator().manual_seed(0))
    again = prior.sample(100_000, torch.Generator().manual_seed(0))
    assert torch.equal(z, again)
    variance = {"normal": 4.0, "uniform": 4.0 / 3.0, "sphere": 4.0 / 3.0}[name]
    torch.testing.assert_close(z.mean(0), torch.zeros(3), atol=0.03, rtol=0)
    torch.testing.assert_close(z.T.cov(), variance * torch.eye(3), atol=0.05, rtol=0)
    if name == "uniform":
        assert z.abs().max() <= 2.0
        assert (z.abs() < 1.0).float().mean() == pytest.approx(0.5, abs=0.01)
    if name == "sphere":
        torch.testing.assert_close(z.norm(dim=1), torch.full((100_000,), 2.0))


@pytest.mark.parametrize("name", ["normal", "uniform", "sphere"])
def test_projection_reaches_the_support_and_passes_gradients(name: str) -> None:
    prior = build_prior(training(prior=name, latent_dim=3, sigma_z=2.0))
    z = torch.tensor([[3.0, -4.0, 0.0], [0.1, 0.2, -0.3]], requires_grad=True)
    projected = prior.project(z)
    if name == "normal":
        assert projected is z
    elif name == "uniform":
        torch.testing.assert_close(projected, 2.0 * torch.tanh(z))
    else:
        torch.testing.assert_close(projected[0], torch.tensor([1.2, -1.6, 0.0]))
        torch.testing.assert_close(projected.norm(dim=1), torch.tensor([2.0, 2.0]))
    projected[:, 0].sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0


def test_normal_log_density_is_torch_distributions() -> None:
    prior = build_prior(training(latent_dim=5, sigma_z=0.7))
    z = torch.randn(10, 5, dtype=torch.float64)
    reference = MultivariateNormal(torch.zeros(5, dtype=torch.float64), 0.49 * torch.eye(5, dtype=torch.float64))
    torch.testing.assert_close(prior.log_density(z), reference.log_prob(z))


def test_uniform_and_sphere_log_density() -> None:
    uniform = build_prior(training(prior="uniform", latent_dim=2, sigma_z=3.0))
    z = torch.tensor([[1.0, -2.0], [1.0, 4.0]])
    box = Independent(Uniform(-3.0 * torch.ones(2), 3.0 * torch.ones(2), validate_args=False), 1)
    torch.testing.assert_close(uniform.log_density(z)[0], box.log_prob(z[0]))
    assert uniform.log_density(z)[1] == -math.inf
    sphere = build_prior(training(prior="sphere", latent_dim=3, sigma_z=2.0))
    assert float(sphere.log_density(torch.ones(1, 3))) == pytest.approx(-math.log(4 * math.pi * 4.0), rel=1e-6)
