"""The Cramer-Wold distance: its closed form against the integral that defines it."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import hyp1f1

from tests.shared.models import method
from wae.compute.seeds import Streams
from wae.methods.batch import Codes, batch_of
from wae.mmd.cramer_wold import cramer_wold_to_normal, log_cramer_wold


def density(x: np.ndarray, mean: np.ndarray | float, variance: float) -> np.ndarray:
    return np.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def by_integration(z: np.ndarray, directions: np.ndarray, gamma: float) -> float:
    """Mean over ``directions`` (k, d) of the squared L2 distance of smoothed densities, by the trapezoidal rule."""
    x = np.linspace(-25.0, 25.0, 4001)
    total = 0.0
    for direction in directions:
        sample = density(x, (z @ direction)[:, None], gamma).mean(0)
        total += np.trapezoid((sample - density(x, 0.0, 1.0 + gamma)) ** 2, x)
    return float(total / len(directions))


def exact(z: np.ndarray, gamma: float) -> float:
    """The same over all directions, with Kummer's function in place of its approximation."""
    d = z.shape[1]

    def kernel(squared: np.ndarray, variance: float) -> np.ndarray:  # of two Gaussians whose variances add up to it
        values = hyp1f1(0.5, d / 2, -squared / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        return np.asarray(values)

    pairs = ((z[:, None] - z) ** 2).sum(2)
    within, across = kernel(pairs, 2 * gamma).mean(), kernel((z**2).sum(1), 1 + 2 * gamma).mean()
    return float(within + 1 / math.sqrt(2 * math.pi * (2 + 2 * gamma)) - 2 * across)


def codes(n: int, d: int, scale: float, shift: float) -> np.ndarray:
    return scale * np.random.default_rng(n + d).standard_normal((n, d)) + shift


def test_kummers_form_is_the_integral_over_the_circle() -> None:
    z, gamma = codes(9, 2, 1.5, 0.4), 0.3
    angles = 2 * np.pi * np.arange(64) / 64  # the integrand is smooth and periodic: the rule is exact to rounding
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    assert exact(z, gamma) == pytest.approx(by_integration(z, circle, gamma), rel=1e-6)


@pytest.mark.parametrize(("d", "tolerance"), [(8, 0.041), (20, 0.0155), (64, 0.0048)])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (2.0, 0.0), (0.4, 0.0), (1.0, 1.0)])
def test_the_closed_form_is_the_distance_up_to_its_approximation(
    d: int, tolerance: float, scale: float, shift: float
) -> None:
    for n in (60, 400):
        z = codes(n, d, scale, shift)
        expected = 2 * math.sqrt(math.pi) * exact(z, (4 / (3 * n)) ** 0.4)
        assert float(cramer_wold_to_normal(torch.from_numpy(z))) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (2.0, 0.0), (0.4, 0.0), (1.0, 1.0)])
def test_the_closed_form_of_two_dimensions_is_exact(scale: float, shift: float) -> None:
    for n in (60, 400):
        z = codes(n, 2, scale, shift)
        expected = 2 * math.sqrt(math.pi) * exact(z, (4 / (3 * n)) ** 0.4)
        assert float(cramer_wold_to_normal(torch.from_numpy(z))) == pytest.approx(expected, rel=1e-9)
    z = torch.from_numpy(codes(7, 2, scale, shift)).requires_grad_()
    assert torch.autograd.gradcheck(cramer_wold_to_normal, (z,))


def test_the_law_itself_is_nearest() -> None:
    near = float(cramer_wold_to_normal(torch.from_numpy(codes(1000, 64, 1.0, 0.0))))
    for scale, shift in ((1.3, 0.0), (0.8, 0.0), (1.0, 0.3)):
        assert float(cramer_wold_to_normal(torch.from_numpy(codes(1000, 64, scale, shift)))) > 1.5 * near


@pytest.mark.parametrize("d", [1, 3, 7])
def test_other_numbers_of_dimensions_have_no_closed_form(d: int) -> None:
    with pytest.raises(ValueError, match=f"d_z is {d}, the closed form holds at 2 and from 8 on"):
        cramer_wold_to_normal(torch.zeros(3, d))


def test_the_methods_penalty_is_the_log_in_units_of_the_prior() -> None:
    z = torch.from_numpy(codes(30, 8, 1.2, 0.1))
    made = method("cwae", latent_dim=8, sigma_z=2.0)
    found = made.penalty(batch_of(Codes(2.0 * z)), Streams(0))
    assert float(found) == pytest.approx(math.log(float(cramer_wold_to_normal(z)) + 1e-7), rel=1e-9)
    for d in (2, 8):
        same = torch.zeros(2, d, requires_grad=True)
        log_cramer_wold(same).backward()
        assert same.grad is not None
        assert same.grad.isfinite().all()


def test_the_mean_over_directions_is_kummers_function() -> None:
    d, s = 7, 2.3  # of exp(-s u^2), u one coordinate of a unit vector
    weight = quad(lambda u: (1 - u * u) ** ((d - 3) / 2), -1, 1)[0]
    mean = quad(lambda u: math.exp(-s * u * u) * (1 - u * u) ** ((d - 3) / 2), -1, 1)[0] / weight
    assert hyp1f1(0.5, d / 2, -s) == pytest.approx(mean, rel=1e-10)
