"""Divergences between P = N(0, I) and a Gaussian Q that moves away from it: value and gradient, without sampling.

Three families in d dimensions: "shifted", Q = N(t e1, I); "shrunk", Q = N(0, t^2 I); "lower-dimensional",
Q = N(t e1, I - e1 e1'), which lives on a hyperplane at distance t, so that P and Q are mutually singular.

Closed forms where there are any, else one-dimensional quadrature whose error is checked by halving the nodes.
Gradients are with respect to t, by the complex step (Squire and Trapp 1998), exact to rounding (1e-13). All are
functions of one real number, so that "gradient norm" is the absolute value of the derivative.
"""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from wae.core.files import write_json
from wae.core.scales import IMQ_SCALES
from wae.mmd.two_sample import two_sample_test

DIMENSIONS = (2, 8, 64)
PARAMETERS = {
    "shifted": (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    "shrunk": (0.9, 0.7, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625),
    "lower-dimensional": (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
}
DIVERGENCES = ("kl", "js", "mmd2", "sw2", "w2")
_NODES = 600
_STEP = 1e-30  # of the complex derivative: it has no cancellation, so that it can be this small

Number = Any  # a float, or a complex number while a derivative is taken


def write_divergences(path: str | Path) -> None:
    """Write divergences.json: the rows of ``study`` and the "power" of the MMD test."""
    write_json(path, study() | {"power": power_study()})


def study() -> dict[str, Any]:
    """Values and gradients of all divergences: {"rows": [...], "quadrature_error": ...}, ready for JSON.

    A row: family, dimension, parameter, divergence, value and gradient (None where infinite or undefined).
    """
    rows = [
        {"family": family, "dimension": dimension, "parameter": parameter, "divergence": name}
        | evaluate(family, dimension, parameter, name)
        for family, parameters in PARAMETERS.items()
        for dimension in DIMENSIONS
        for parameter in parameters
        for name in DIVERGENCES
    ]
    return {"rows": rows, "quadrature_error": quadrature_error()}


def evaluate(family: str, dimension: int, parameter: float, name: str) -> dict[str, float | None]:
    """{"value", "gradient"} of one divergence at one parameter; None for infinity and for no derivative."""
    function = _FUNCTIONS[name]
    value = function(family, dimension, parameter)
    if not math.isfinite(np.real(value)):
        return {"value": None, "gradient": None}
    derivative = np.imag(function(family, dimension, complex(parameter, _STEP))) / _STEP
    return {"value": float(np.real(value)), "gradient": abs(float(derivative))}


def kl(family: str, d: int, t: Number) -> Number:
    """KL(Q || P) in nats; infinite for singular Q."""
    if family == "shifted":
        return t**2 / 2
    if family == "shrunk":
        return d * (t**2 - 1 - 2 * np.log(t)) / 2
    return math.inf


def js(family: str, d: int, t: Number, nodes: int = _NODES) -> Number:
    """Jensen-Shannon divergence in nats, at most log 2, which singular pairs have."""
    if family == "shifted":
        return _js_shifted(t, nodes)
    if family == "shrunk":
        return _js_shrunk(d, t, nodes)
    return math.log(2.0) + 0 * t


def w2(family: str, d: int, t: Number) -> Number:
    """2-Wasserstein distance (Dowson and Landau 1982)."""
    if family == "shifted":
        return np.sqrt(t**2)
    if family == "shrunk":
        return math.sqrt(d) * (1 - t)
    return np.sqrt(t**2 + 1)


def sw2(family: str, d: int, t: Number) -> Number:
    """Sliced 2-Wasserstein distance: root of the mean of the squared distances along all directions."""
    if family == "shifted":
        return np.sqrt(t**2 / d)
    if family == "shrunk":
        return 1 - t
    # Along a direction u the standard deviation is sqrt(1 - u1^2), with u1^2 ~ Beta(1/2, (d - 1)/2).
    mean_deviation = math.exp(special.betaln(0.5, d / 2) - special.betaln(0.5, (d - 1) / 2))
    return np.sqrt(t**2 / d + 2 - 1 / d - 2 * mean_deviation)


def mmd2(family: str, d: int, t: Number, nodes: int = _NODES) -> Number:
    """MMD^2 with the WAE paper's kernel: seven inverse multiquadratics of bases 2 d times their scales."""
    variance = {"shifted": 1.0, "shrunk": t**2, "lower-dimensional": 1.0}[family]
    mean = 0.0 if family == "shrunk" else t
    first = 0.0 if family == "lower-dimensional" else variance
    total = 0.0
    for scale in IMQ_SCALES:
        base = 2.0 * d * scale
        within_p = _mean_kernel(base, 0.0, 2.0, 2.0, d, nodes)
        within_q = _mean_kernel(base, 0.0, 2 * first, 2 * variance, d, nodes)
        between = _mean_kernel(base, mean, 1 + first, 1 + variance, d, nodes)
        total = total + within_p + within_q - 2 * between
    return total


def _mean_kernel(base: float, mean: Number, first: Number, other: Number, d: int, nodes: int) -> Number:
    """E base / (base + |x|^2) for x ~ N(mean e1, diag(first, other, ..., other)).

    base / (base + r^2) is the mean of exp(-s r^2 / base) over s ~ Exp(1), and that mean is Gaussian.
    """
    s, weight = _exponential_nodes(nodes)
    shrink_first = 1 + 2 * s * first / base
    shrink_other = 1 + 2 * s * other / base
    exponent = -s * mean**2 / (base * shrink_first) - np.log(shrink_first) / 2 - (d - 1) * np.log(shrink_other) / 2
    return np.sum(weight * np.exp(exponent))


@cache
def _legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(nodes)


@cache
def _exponential_nodes(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the mean over s ~ Exp(1): Gauss-Legendre in log s from e^-40 to e^5."""
    x, weight = _legendre(nodes)
    low, high = -40.0, 5.0
    logarithm = (high - low) / 2 * x + (high + low) / 2
    s = np.exp(logarithm)
    return s, weight * (high - low) / 2 * s * np.exp(-s)


def _js_shifted(t: Number, nodes: int) -> Number:
    """Both are standard normal but along e1: a one-dimensional integral, split at the middle between the means."""
    x, weight = _legendre(nodes)
    centre = np.real(t) / 2
    half = centre + 12.0
    total = 0.0
    for low, high in ((centre - half, centre), (centre, centre + half)):
        point = (high - low) / 2 * x + (high + low) / 2
        log_p = -(point**2) / 2 - math.log(2 * math.pi) / 2
        log_q = -((point - t) ** 2) / 2 - math.log(2 * math.pi) / 2
        total = total + np.sum(weight * (high - low) / 2 * _js_integrand(log_p, log_q))
    return total


def _js_shrunk(d: int, t: Number, nodes: int) -> Number:
    """Both depend on the radius alone: an integral over log r, with the sphere's area in the density."""
    x, weight = _legendre(nodes)
    low, high = math.log(np.real(t)) - 60.0 / d - 1.0, math.log(math.sqrt(d) + 14.0)
    radius = np.exp((high - low) / 2 * x + (high + low) / 2)
    area = math.log(2.0) - d / 2 * math.log(2.0) - special.gammaln(d / 2) + d * np.log(radius)
    log_p = area - radius**2 / 2
    log_q = area - radius**2 / (2 * t**2) - d * np.log(t)
    return np.sum(weight * (high - low) / 2 * _js_integrand(log_p, log_q))


def _js_integrand(log_p: np.ndarray, log_q: np.ndarray) -> Number:
    """(p log(p / m) + q log(q / m)) / 2 with m = (p + q) / 2, from log-densities that may be complex."""
    difference = log_q - log_p
    # log(1 + exp(d)) without overflow: the larger of the two is taken out of the sum.
    outer = np.real(difference) > 0
    small = np.exp(np.where(outer, -difference, difference))
    softplus = np.where(outer, difference, 0.0) + np.log1p(small)
    ratio_p = math.log(2.0) - softplus
    ratio_q = math.log(2.0) + difference - softplus
    return (np.exp(log_p) * ratio_p + np.exp(log_q) * ratio_q) / 2


_FUNCTIONS: dict[str, Callable[..., Number]] = {"kl": kl, "js": js, "mmd2": mmd2, "sw2": sw2, "w2": w2}


def quadrature_error() -> float:
    """Largest absolute change of JS and MMD^2 over all rows when the number of nodes is halved."""
    changes = [
        abs(np.real(function(family, d, t, _NODES) - function(family, d, t, _NODES // 2)))
        for function in (js, mmd2)
        for family, parameters in PARAMETERS.items()
        for d in DIMENSIONS
        for t in parameters
    ]
    return float(max(changes))


def power_study(
    dimensions: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128),
    n: int = 200,
    repeats: int = 30,
    permutations: int = 59,
    level: float = 0.05,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Power of the MMD two-sample test of N(0, I) against known departures, by dimension.

    Departures: "none" (the test's size), "narrow" (every standard deviation 0.8), "collapsed" (one dimension is
    constant), "shifted" (the mean moved by 0.5 along one axis). A row: dimension, departure, n, repeats,
    power, low, high (95% Wilson interval). What a test that accepts says depends on this power.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for dimension in dimensions:
        for departure in ("none", "narrow", "collapsed", "shifted"):
            found = 0
            for _ in range(repeats):
                codes, prior = rng.standard_normal((n, dimension)), rng.standard_normal((n, dimension))
                moved = _departed(codes, departure)
                test = two_sample_test(moved, prior, base=2.0 * dimension, permutations=permutations, rng=rng)
                found += test.p <= level
            low, high = wilson(found, repeats)
            row = {"dimension": dimension, "departure": departure, "n": n, "repeats": repeats}
            rows.append(row | {"power": found / repeats, "low": low, "high": high})
    return rows


def _departed(codes: np.ndarray, departure: str) -> np.ndarray:
    codes = codes.copy()
    if departure == "narrow":
        codes *= 0.8
    elif departure == "collapsed":
        codes[:, 0] = 0.0
    elif departure == "shifted":
        codes[:, 0] += 0.5
    return codes


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95% Wilson score interval of a share."""
    z = 1.959963984540054
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0)
