"""Lambda in the paper's units."""

import math
from typing import Any

import numpy as np
import pytest

from baselines.vae import VAE
from wae.analysis.published import lambda_units
from wae.core.scales import IMQ_SCALES
from wae.core.settings import TrainingSettings
from wae.methods.base import Method
from wae.methods.wae_mmd import WAEMMD
from wae.methods.wae_mmd_rff import RandomFeatureWAE

PAPER = lambda_units.Units(0.05, "minus_one_one", scales=IMQ_SCALES, latent_dim=64)


def squared_error(images: np.ndarray, others: np.ndarray, units: lambda_units.Units) -> float:
    """The weighted squared error of two sets of images in [0, 1], as a code with ``units`` would have it."""
    scale = 1.0 if units.pixel_range == "zero_one" else 2.0
    return units.cost_weight * float(((scale * images - scale * others) ** 2).sum())


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (PAPER, 10.0),
        (lambda_units.Units(0.05, "zero_one", scales=IMQ_SCALES, latent_dim=64), 40.0),
        (lambda_units.Units(1 / 12_288, "minus_one_one", scales=IMQ_SCALES, latent_dim=64), 6144.0),
        (lambda_units.Units(1.0, "zero_one", scales=IMQ_SCALES, latent_dim=64), 2.0),
    ],
)
def test_worked_cases(units: lambda_units.Units, expected: float) -> None:
    found = lambda_units.paper_lambda(10.0, units)
    assert found == pytest.approx(expected)
    a, b = np.random.default_rng(0).random((2, 12_288))
    ratio = squared_error(a, b, units) / squared_error(a, b, PAPER)
    assert 10.0 / ratio == pytest.approx(found)  # the same balance of the two terms
    assert f"{expected:,.0f}" in str(lambda_units.__doc__)


def test_strength_is_the_slope_of_the_mmd_between_shifted_gaussians() -> None:
    rng = np.random.default_rng(0)
    d, sigma, shift, base, scale = 6, 1.3, 0.4, 2.0, 0.5
    c = base * scale * d * sigma**2
    pairs = rng.normal(size=(400_000, d)) * sigma * math.sqrt(2)  # differences of independent draws
    moved = pairs + np.array([shift] + [0.0] * (d - 1))
    for kernel in ("imq", "rbf"):
        values = [
            (c / (c + (x**2).sum(1)) if kernel == "imq" else np.exp(-(x**2).sum(1) / c)).mean() for x in (pairs, moved)
        ]
        slope = 2.0 * (values[0] - values[1]) / shift**2
        assert lambda_units.mmd_strength(kernel, [scale], base, d, sigma) == pytest.approx(slope, rel=0.05)


def test_kernels_and_divisors_count() -> None:
    one_kernel = lambda_units.Units(0.05, "minus_one_one", scales=(1.0,), latent_dim=8)
    assert 0.0 < lambda_units.penalty_ratio(one_kernel) < 1.0
    twice = lambda_units.Units(0.05, "minus_one_one", scales=IMQ_SCALES, latent_dim=8, penalty_factor=1 / 100)
    assert lambda_units.paper_lambda(10.0, twice) == pytest.approx(0.1)
    wide = lambda_units.Units(0.05, "minus_one_one", scales=IMQ_SCALES, base=8.0, latent_dim=64)
    assert lambda_units.penalty_ratio(wide) == pytest.approx(0.88, abs=0.005)
    assert lambda_units.paper_lambda(3.0, lambda_units.Units(0.05, "minus_one_one")) == 3.0


def test_units_of_our_runs() -> None:
    def ours(**changes: Any) -> lambda_units.Units | None:
        values = {"implementation": "wae.methods.wae_mmd:WAEMMD"} | changes
        return lambda_units.units_of(TrainingSettings(**values).model_dump(), {})

    mmd = ours(latent_dim=64, pixel_range="minus_one_one")
    assert mmd is not None
    assert lambda_units.paper_lambda(10.0, mmd) == pytest.approx(10.0)
    gan = ours(implementation="wae.methods.wae_gan:WAEGAN")
    assert gan is not None
    assert lambda_units.paper_lambda(1.0, gan) == pytest.approx(4.0)
    assert ours(cost="l1") is None
    assert ours(implementation="wae.methods.wae_mmd_rff:RandomFeatureWAE") == ours()
    assert ours(implementation="baselines.vae:VAE", likelihood="bernoulli") is None
    gaussian = ours(implementation="baselines.vae:VAE", likelihood="gaussian", cost_weight=0.5)
    assert gaussian is not None
    assert lambda_units.paper_lambda(1.0, gaussian) == pytest.approx(0.4)
    with_rbf = ours(kernel="rbf", kernel_scales=[1.0], latent_dim=8)
    assert with_rbf is not None
    assert lambda_units.penalty_ratio(with_rbf) == pytest.approx(
        lambda_units.mmd_strength("rbf", [1.0], 2.0, 8, 1.0) / lambda_units.mmd_strength("imq", IMQ_SCALES, 2.0, 8, 1.0)
    )


@pytest.mark.parametrize("parent", [WAEMMD, RandomFeatureWAE, VAE])
def test_units_follow_what_a_class_declares_not_its_name(parent: type[Method]) -> None:
    """``parent``: of somebody's own class."""
    own = type("Mine", (parent,), {})
    training = TrainingSettings(implementation="mine:Mine", likelihood="bernoulli").model_dump()
    found = lambda_units.units_of(training, own.facts().document())
    house = training | {"implementation": f"{parent.__module__}:{parent.__name__}"}
    assert found == lambda_units.units_of(house, {})
    assert (found is None) == (parent is VAE)
    assert lambda_units.units_of(training, {}) not in (found, None)
