"""Divergences between Gaussians against sampling, other formulas and numerical derivatives."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from wae.analysis.claims import divergences as d
from wae.core.scales import IMQ_SCALES


def _moved(x: np.ndarray, family: str, t: float) -> np.ndarray:
    """Draws of P made draws of Q."""
    if family == "shrunk":
        return t * x
    y = x.copy()
    y[:, 0] = t + (0.0 if family == "lower-dimensional" else y[:, 0])
    return y


@pytest.mark.parametrize("family", d.PARAMETERS)
def test_mmd_is_the_mean_over_draws(family: str) -> None:
    rng = np.random.default_rng(0)
    dimension, t, n = 3, 0.7, 200_000
    x, other_x = rng.standard_normal((2, n, dimension))
    y, other_y = _moved(x, family, t), _moved(other_x, family, t)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        squared = np.square(a - b).sum(1)
        return sum(2 * dimension * s / (2 * dimension * s + squared) for s in IMQ_SCALES)  # type: ignore[return-value]

    # y and x come from one draw each, which changes no mean here and makes the difference steady.
    values = kernel(x, other_x) + kernel(y, other_y) - kernel(x, other_y) - kernel(y, other_x)
    error = values.std() / math.sqrt(n)
    assert d.mmd2(family, dimension, t) == pytest.approx(values.mean(), abs=4 * error)
    assert error < 0.02 * d.mmd2(family, dimension, t)


@pytest.mark.parametrize("family", d.PARAMETERS)
@pytest.mark.parametrize("dimension", [2, 5])
def test_sliced_distance_is_the_mean_over_directions(family: str, dimension: int) -> None:
    rng = np.random.default_rng(1)
    t = 0.6
    u = rng.standard_normal((200_000, dimension))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    mean = u[:, 0] * t if family != "shrunk" else 0.0 * u[:, 0]
    deviation = {"shifted": 1.0, "shrunk": t, "lower-dimensional": np.sqrt(1 - u[:, 0] ** 2)}[family]
    squared = np.mean(mean**2 + (1 - deviation) ** 2)
    assert d.sw2(family, dimension, t) == pytest.approx(math.sqrt(squared), rel=5e-3)


def test_js_of_shifted_gaussians_is_the_integral() -> None:
    for t in (0.5, 3.0, 9.0):
        p, q = stats.norm(0, 1).pdf, stats.norm(t, 1).pdf

        def integrand(x: float, p=p, q=q) -> float:  # type: ignore[no-untyped-def]
            m = (p(x) + q(x)) / 2
            return sum(f(x) * math.log(f(x) / m) / 2 for f in (p, q) if f(x) > 0)

        value = integrate.quad(integrand, -12, t + 12, points=[t / 2], limit=500)[0]
        assert d.js("shifted", 4, t) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("dimension", [1, 3, 20])
def test_js_of_shrunk_gaussians_is_the_mean_over_draws(dimension: int) -> None:
    rng = np.random.default_rng(2)
    t, n = 0.6, 200_000
    p, q = rng.standard_normal((n, dimension)), t * rng.standard_normal((n, dimension))

    def log_ratio(x: np.ndarray) -> np.ndarray:  # log q / p
        squared = np.square(x).sum(1)
        return -squared / (2 * t**2) - dimension * math.log(t) + squared / 2

    in_p = np.mean(math.log(2) - np.logaddexp(0, log_ratio(p)))
    in_q = np.mean(math.log(2) - np.logaddexp(0, -log_ratio(q)))
    assert d.js("shrunk", dimension, t) == pytest.approx((in_p + in_q) / 2, abs=4e-3)


def test_kl_is_that_of_two_normals() -> None:
    assert d.kl("shifted", 5, 3.0) == pytest.approx(4.5)
    sample = 0.5 * np.random.default_rng(3).standard_normal(400_000)
    ratio = stats.norm(0, 0.5).logpdf(sample) - stats.norm(0, 1).logpdf(sample)
    assert d.kl("shrunk", 4, 0.5) == pytest.approx(4 * ratio.mean(), rel=0.01)
    assert d.kl("lower-dimensional", 5, 0.0) == math.inf


def test_w2_is_that_of_gaussians() -> None:
    assert d.w2("shifted", 7, 2.5) == pytest.approx(2.5)
    assert d.w2("shrunk", 9, 0.25) == pytest.approx(3 * 0.75)
    assert d.w2("lower-dimensional", 7, 2.0) == pytest.approx(math.sqrt(5))


@pytest.mark.parametrize("name", d.DIVERGENCES)
@pytest.mark.parametrize("family", d.PARAMETERS)
def test_gradients_are_the_slopes_of_the_values(family: str, name: str) -> None:
    t, step = 0.6, 1e-5
    found = d.evaluate(family, 8, t, name)
    if found["value"] is None:
        assert (family, name) == ("lower-dimensional", "kl")
        assert found["gradient"] is None
        return
    above, below = (d.evaluate(family, 8, t + s, name)["value"] for s in (step, -step))
    assert above is not None
    assert below is not None
    assert found["gradient"] == pytest.approx(abs(above - below) / (2 * step), rel=1e-5, abs=1e-9)


def test_equal_distributions_are_at_distance_zero() -> None:
    for name in ("kl", "js", "mmd2", "w2", "sw2"):
        assert d._FUNCTIONS[name]("shrunk", 8, 1.0) == pytest.approx(0.0, abs=1e-10)
        assert d._FUNCTIONS[name]("shifted", 8, 0.0) == pytest.approx(0.0, abs=1e-10)


def test_the_study_has_every_combination_and_a_small_error() -> None:
    study = d.study()
    parameters = sum(len(values) for values in d.PARAMETERS.values())
    assert len(study["rows"]) == parameters * len(d.DIMENSIONS) * len(d.DIVERGENCES)
    assert study["quadrature_error"] < 1e-6


def test_power_tells_departures_from_none() -> None:
    rows = d.power_study(dimensions=(2,), n=60, repeats=12, permutations=39)
    power = {row["departure"]: row["power"] for row in rows}
    assert power["none"] <= 0.25
    assert power["collapsed"] == 1.0
    assert all(row["low"] <= row["power"] <= row["high"] for row in rows)


def test_wilson_interval_is_scipys() -> None:
    for successes in (0, 3, 30):
        expected = stats.binomtest(successes, 30).proportion_ci(0.95, method="wilson")
        assert d.wilson(successes, 30) == pytest.approx((expected.low, expected.high), abs=1e-9)
