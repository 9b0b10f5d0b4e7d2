"""How a cost grows with n: seconds = a + b n + c n^2, and the share of each term at the largest n measured."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from wae.analysis.costs.power_laws import Curve
from wae.analysis.costs.rows import Growth

DRAWS = 300
LEAST = 0.01  # relative error of a point at least: what no clock of this suite resolves better


def growth(curve: Curve, seed: int = 0) -> Growth | None:
    """The fit of ``curve`` over all its sizes, at least 5 (None for fewer).

    Least squares of relative errors, with a, b, c not below 0. A share's standard error is that over fits to simulated
    costs: the fitted ones with each point's own error, and with more where the points lie further from the fit.
    """
    if len(curve.n) < 5:
        return None
    seconds, errors = np.exp(curve.log_seconds), np.maximum(curve.errors, LEAST)
    terms = _fit(curve.n, seconds, errors)
    fitted = _powers(curve.n) @ terms
    freedom = len(curve.n) - 3
    distance = fitted / seconds - 1
    spread = errors * max(1.0, math.sqrt(float(np.sum((distance / errors) ** 2)) / freedom))
    rng = np.random.default_rng(seed)
    drawn = np.array([
        _shares(curve.n, _fit(curve.n, fitted * np.exp(spread * rng.standard_normal(len(fitted))), spread))
        for _ in range(DRAWS)
    ])  # fmt: skip
    shares = _shares(curve.n, terms)
    return Growth(
        **curve.labels,
        terms=_numbers(terms),
        shares=_numbers(shares),
        errors=_numbers(drawn.std(0, ddof=1)),
        freedom=freedom,
        misfit=float(np.sqrt(np.mean(distance**2))),
        n_min=int(curve.n[0]),
        n_max=int(curve.n[-1]),
        points=len(curve.n),
    )


def share_interval(found: Growth, power: int, tests: int = 1) -> tuple[float, float]:
    """95% interval of the share of the term n^``power`` at the largest n, at 5% over all of ``tests`` (Bonferroni)."""
    half = float(stats.t.ppf(1 - 0.025 / tests, found.freedom)) * found.errors[power]
    return max(found.shares[power] - half, 0.0), min(found.shares[power] + half, 1.0)


def _powers(n: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(n)), n, n**2])


def _fit(n: np.ndarray, seconds: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """(a, b, c): non-negative least squares of (fit / seconds - 1) / errors, each column scaled to one."""
    design = _powers(n) / (seconds * errors)[:, None]
    scale = np.linalg.norm(design, axis=0)
    return np.asarray(optimize.nnls(design / scale, 1 / errors)[0] / scale)


def _shares(n: np.ndarray, terms: np.ndarray) -> np.ndarray:
    parts = terms * np.array([1.0, n[-1], n[-1] ** 2])
    return np.asarray(parts / parts.sum())


def _numbers(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third
