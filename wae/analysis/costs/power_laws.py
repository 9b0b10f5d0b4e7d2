"""Costs against n as curves, and the power law c * n^p of their larger half."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

Z = 1.959964  # half-width of a 95% interval, in standard errors
DRAWS = 4000
LEAST_ROUNDS = 6  # fewer give no 95% interval of a median


@dataclass(frozen=True)
class Curve:
    """One thing's cost: sizes n, ascending, log seconds, and their standard errors (from the medians' intervals).

    ``capped``: the size that was over the time cap, and the log seconds of its run or its few rounds.
    """

    study: str
    dataset: str
    subject: str
    latent_dim: int
    critic_width: int | None
    n: np.ndarray
    log_seconds: np.ndarray
    errors: np.ndarray
    capped: tuple[float, float] | None = None

    @property
    def labels(self) -> dict[str, Any]:
        """What identifies the curve in timing_fits.json."""
        names = ("study", "dataset", "subject", "latent_dim", "critic_width")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class PowerLaw:
    """log seconds = ``log_c`` + ``p`` log n, with 95% interval of p, from ``points`` sizes n_min to n_max."""

    log_c: float
    p: float
    p_low: float
    p_high: float
    n_min: int
    n_max: int
    points: int
    covariance: np.ndarray = field(repr=False, compare=False)  # of (log_c, p)
    freedom: int = 1

    def draws(self, generator: np.random.Generator) -> np.ndarray:
        """(DRAWS, 2) values of (log_c, p) as uncertain as the fit is: Student's t with its degrees of freedom."""
        normal = generator.multivariate_normal(np.zeros(2), self.covariance, DRAWS, method="eigh")
        spread = np.sqrt(generator.chisquare(self.freedom, DRAWS) / self.freedom)
        return np.array([self.log_c, self.p]) + normal / spread[:, None]


def measured(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows of timing.csv have a time with a 95% interval: status "ok", LEAST_ROUNDS or more."""
    return (table["status"] == "ok") & (table["rounds"] >= LEAST_ROUNDS)


def curves(table: pd.DataFrame) -> list[Curve]:
    """The whole costs (part "total") that were measured, in LEAST_ROUNDS or more: a curve for each thing timed."""
    whole = table[(table["part"] == "total") & (measured(table) | (table["status"] == "over_cap"))]
    made = []
    keys = ["study", "dataset", "subject", "latent_dim", "critic_width"]
    for labels, group in whole.groupby(keys, dropna=False, sort=False):
        values: Any = labels
        study, dataset, subject, latent_dim, width = values
        part, over = (group[group["status"] == status].sort_values("n") for status in ("ok", "over_cap"))
        over = over.dropna(subset=["seconds"])
        if part.empty:
            continue
        log_seconds, low, high = (np.log(part[name].to_numpy(float)) for name in ("seconds", "low", "high"))
        made.append(
            Curve(
                str(study),
                str(dataset),
                str(subject),
                int(latent_dim),
                None if pd.isna(width) else int(width),
                part["n"].to_numpy(float),
                log_seconds,
                (high - low) / (2.0 * Z),
                None if over.empty else (float(over["n"].iloc[0]), math.log(over["seconds"].iloc[0])),
            )
        )
    return made


def fit(curve: Curve) -> PowerLaw | None:
    """Least squares in the logarithms over the larger half of the sizes (at least 3; None for fewer).

    The interval of p is the wider of two: Student's t on the residuals, which sees curvature and scatter, and the one
    that follows from the intervals of the medians alone, which holds where few points happen to lie on a line.
    """
    count = max(3, math.ceil(len(curve.n) / 2))
    if len(curve.n) < 3:
        return None
    x, y, errors = np.log(curve.n[-count:]), curve.log_seconds[-count:], curve.errors[-count:]
    design = np.column_stack([np.ones(count), x])
    solve = np.linalg.pinv(design)  # (2, points): estimates as sums over points
    log_c, p = solve @ y
    residuals = y - design @ (log_c, p)
    scatter = solve @ solve.T * float(residuals @ residuals) / (count - 2)
    noise = solve @ np.diag(errors**2) @ solve.T
    quantile = float(stats.t.ppf(0.975, count - 2))
    by_scatter = quantile * math.sqrt(scatter[1, 1]) >= Z * math.sqrt(noise[1, 1])
    covariance, freedom, quantile = (scatter, count - 2, quantile) if by_scatter else (noise, 10**6, Z)
    half = quantile * math.sqrt(covariance[1, 1])
    return PowerLaw(
        float(log_c),
        float(p),
        float(p - half),
        float(p + half),
        int(curve.n[-count]),
        int(curve.n[-1]),
        count,
        covariance,
        freedom,
    )
