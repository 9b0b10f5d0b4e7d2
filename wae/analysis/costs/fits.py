"""How cost grows with n, and where two costs meet: fits, crossovers and ratios of an experiment's timing.csv."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wae.analysis.costs.growth import growth
from wae.analysis.costs.power_laws import Curve, Z, curves, fit
from wae.analysis.costs.rows import CostRatio, Crossover, Fit, Meeting, TimingFits
from wae.analysis.runs import base_method, varied

PENALTY_PAIRS = (
    ("mmd_fused", "gan"),
    ("mmd_official", "gan"),
    ("mmd_official_kept", "gan"),
    ("mmd_random_features", "gan"),
    ("mmd_fused", "mmd_random_features"),
)
STEP_PAIRS = (("wae_mmd", "wae_gan"), ("wae_mmd_rff", "wae_gan"))
FAR = 100.0  # a crossover further than this many times the largest measured n is not named


def timing_fits(timing: pd.DataFrame) -> TimingFits:
    """Fits, crossovers and ratios of a wall-clock study (the rows of timing.csv)."""
    found = curves(timing)
    grown = [row for curve in found if curve.study == "penalty" and (row := growth(curve)) is not None]
    return TimingFits(fits(found), crossovers(found), ratios(found), grown)


def fits(found: Sequence[Curve]) -> list[Fit]:
    """A row for each curve of at least 3 sizes."""
    rows = []
    for curve in found:
        law = fit(curve)
        if law is not None:
            numbers = {name: getattr(law, name) for name in ("p", "p_low", "p_high", "n_min", "n_max", "points")}
            rows.append(Fit(**curve.labels, **numbers, c=math.exp(law.log_c)))
    return rows


def pairs(found: Sequence[Curve]) -> Iterator[tuple[Curve, Curve]]:
    """Pairs whose meeting is of interest: same study, dataset, latent dimension and variant."""
    for study, wanted in (("penalty", PENALTY_PAIRS), ("step", STEP_PAIRS)):
        group = [curve for curve in found if curve.study == study]
        for first, second in wanted:
            for a in group:
                for b in group:
                    names = (base_method(a.subject), base_method(b.subject)) == (first, second)
                    same = (a.dataset, a.latent_dim, varied(a.subject)) == (b.dataset, b.latent_dim, varied(b.subject))
                    if names and same:
                        yield a, b


def _labels(a: Curve, b: Curve) -> dict[str, Any]:
    width = b.critic_width if a.critic_width is None else a.critic_width
    shared = {"study": a.study, "dataset": a.dataset, "latent_dim": a.latent_dim, "critic_width": width}
    return {**shared, "a": a.subject, "b": b.subject}


def log_ratio(a: Curve, b: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes that both have, log(cost a / cost b) there, and its standard errors."""
    n, in_a, in_b = np.intersect1d(a.n, b.n, return_indices=True)
    return n, a.log_seconds[in_a] - b.log_seconds[in_b], np.hypot(a.errors[in_a], b.errors[in_b])


def crossovers(found: Sequence[Curve]) -> list[Crossover]:
    """For each pair the n up to which the first costs less, with 95% interval (see ``crossover``)."""
    return [crossover(a, b) for a, b in pairs(found)]


def crossover(a: Curve, b: Curve) -> Crossover:
    """Where cost a = cost b, a costing less below; None for what is not known.

    MEASURED: between two measured sizes, by a straight line in the logarithms; the interval is where the band of 95%
    about the ratio meets zero, or a measured size and the next where that was run but once, being over the time cap of
    the first. EXTRAPOLATED: a costs less at all measured sizes and the fitted laws meet further up (the interval from
    draws of both laws). ABOVE_GRID: the same without such a meeting within FAR times the largest size. BELOW_GRID: a
    costs more at all measured sizes.
    """

    def found(n: float | None, low: float | None, high: float | None, status: Meeting) -> Crossover:
        return Crossover(**_labels(a, b), n=n, low=low, high=high, status=status)

    n, ratio, errors = log_ratio(a, b)
    if len(n) == 0:
        return found(None, None, None, Meeting.NO_COMMON_SIZE)
    if (ratio > 0).all():
        return found(None, None, float(n[0]), Meeting.BELOW_GRID)
    over = _capped_ratio(a, b)
    meeting = last_rise(n, ratio)
    if meeting is not None:
        low, high = last_rise(n, ratio + Z * errors), last_rise(n, ratio - Z * errors)
        return found(meeting, low, over[0] if high is None and over is not None else high, Meeting.MEASURED)
    if over is not None:
        meeting = last_rise(np.array([n[-1], over[0]]), np.array([ratio[-1], over[1]]))
        return found(meeting, float(n[-1]), over[0], Meeting.MEASURED)
    return found(*_extrapolated(a, b, float(n[-1])))


def _capped_ratio(a: Curve, b: Curve) -> tuple[float, float] | None:
    """Size and log(cost a / cost b) where ``a`` was over the cap, ``b`` measured and cheaper; else None."""
    if a.capped is None or a.capped[0] not in b.n:
        return None
    size, log_seconds = a.capped
    ratio = float(log_seconds - b.log_seconds[b.n == size][0])
    return (size, ratio) if ratio > 0 else None


def last_rise(n: np.ndarray, ratio: np.ndarray) -> float | None:
    """The last n at which the ratio's broken line (over log n) comes up through zero; None if it does not."""
    for i in range(len(n) - 2, -1, -1):
        if ratio[i] <= 0 < ratio[i + 1]:
            share = -ratio[i] / (ratio[i + 1] - ratio[i])
            return float(np.exp(np.log(n[i]) + share * (np.log(n[i + 1]) - np.log(n[i]))))
    return None


def _extrapolated(a: Curve, b: Curve, largest: float) -> tuple[float | None, float | None, float | None, Meeting]:
    above = (None, largest, None, Meeting.ABOVE_GRID)
    law_a, law_b = fit(a), fit(b)
    if law_a is None or law_b is None:
        return above
    n = _meeting(law_b.log_c - law_a.log_c, law_a.p - law_b.p)
    if not largest <= n <= FAR * largest:
        return above
    generator = np.random.default_rng(0)
    draws_a, draws_b = law_a.draws(generator), law_b.draws(generator)
    drawn = [_meeting(b_c - a_c, a_p - b_p) for (a_c, a_p), (b_c, b_p) in zip(draws_a, draws_b, strict=True)]
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")  # an infinite draw stays infinite
    return n, max(float(low), largest), float(high) if math.isfinite(high) else None, Meeting.EXTRAPOLATED


def _meeting(lead: float, slope: float) -> float:
    """n with slope * log n = lead; infinite when the lines do not meet upwards."""
    if slope <= 0 or lead / slope > 700.0:
        return math.inf
    return math.exp(lead / slope)


def ratios(found: Sequence[Curve]) -> list[CostRatio]:
    """For each pair of training steps and each size: cost of the second over the first, with 95% interval."""
    rows = []
    for a, b in pairs(found):
        if a.study == "step":
            n, ratio, errors = log_ratio(b, a)
            for size, middle, error in zip(n.tolist(), ratio.tolist(), errors.tolist(), strict=True):
                low, high = math.exp(middle - Z * error), math.exp(middle + Z * error)
                rows.append(CostRatio(**_labels(a, b), n=int(size), ratio=math.exp(middle), low=low, high=high))
    return rows
