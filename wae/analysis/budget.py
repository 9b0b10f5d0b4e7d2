"""Where the error of a score comes from, what the experiment could have told apart, and what the gap is made of."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from wae.analysis.runs import REAL_DATA


@dataclass(frozen=True)
class Budget:
    """Standard deviations of one score of one method, each by its source.

    ``seed``: of training again, with the sampling of images taken out; ``draw``: of drawing one more sample
    set; ``half``: of another reference of the same size. ``error``: standard error of the reported value by
    source, the same three names; the reference's is common to all methods, so it hardly moves a difference.
    ``dominant``: the source of the largest error. ``detectable``: the smallest difference between two
    methods like this one that a test would find with 80% power. NaN where a source was not repeated.
    """

    seeds: int
    draws: int
    seed: float
    draw: float
    half: float
    error: dict[str, float]
    dominant: str
    detectable: float


def error_budget(values: np.ndarray, halves: np.ndarray, comparisons: int = 1) -> Budget:
    """Budget from ``values`` (seeds, draws) and ``halves`` (seeds, H): one run's scores against H random halves.

    One-way analysis of variance with random effects: the draws' variance is the mean variance within a seed;
    the seeds' is that of the seed means less the draws' share of it, not below 0. The spread over random
    halves of n reference images estimates that over fresh references of n images: a half's mean strays from
    the whole's by s^2 / (n / 2) * (1 - 1/2) = s^2 / n in variance. NaN rows (diverged seeds) are left out.
    ``comparisons``: pairs that the Holm correction will count, for ``detectable``.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values).all(1)]
    seeds, draws = values.shape
    draw = float(math.sqrt(values.var(axis=1, ddof=1).mean())) if seeds and draws > 1 else math.nan
    total = float(values.mean(1).var(ddof=1)) if seeds > 1 else math.nan
    share = draw**2 / draws if math.isfinite(draw) else 0.0
    seed = math.sqrt(max(total - share, 0.0)) if math.isfinite(total) else math.nan
    halves = np.asarray(halves, dtype=float).reshape(len(halves), -1) if np.size(halves) else np.empty((0, 0))
    halves = halves[np.isfinite(halves).all(1)] if halves.size else halves
    half = float(math.sqrt(halves.var(axis=1, ddof=1).mean())) if halves.size and halves.shape[1] > 1 else math.nan
    error = {
        "seed": seed / math.sqrt(seeds) if seeds else math.nan,
        "draw": draw / math.sqrt(seeds * draws) if seeds else math.nan,
        "half": half,
    }
    known = {source: value for source, value in error.items() if math.isfinite(value)}
    dominant = max(known, key=lambda source: known[source]) if known else ""
    spread = math.sqrt(total) if math.isfinite(total) else math.nan
    return Budget(seeds, draws, seed, draw, half, error, dominant, detectable_difference(spread, seeds, comparisons))


def detectable_difference(
    sd: float, seeds: int, comparisons: int = 1, level: float = 0.05, power: float = 0.8
) -> float:
    """Smallest difference of two means that a two-sided t-test with ``seeds`` runs each finds with ``power``.

    ``sd``: of one method's scores over seeds, the same for both; the level is divided by ``comparisons``
    (Holm's first step). By the noncentral t distribution. NaN for fewer than 3 seeds, as then there is no test.
    """
    if seeds < 3 or not math.isfinite(sd):
        return math.nan
    if sd == 0:
        return 0.0
    freedom = 2 * seeds - 2
    limit = stats.t.ppf(1 - level / comparisons / 2, freedom)

    def lacking(shift: float) -> float:
        # scipy gives NaN for the far lower tail once it is smaller than its arithmetic resolves.
        found = stats.nct.sf(limit, freedom, shift) + np.nan_to_num(stats.nct.cdf(-limit, freedom, shift))
        return float(found) - power

    shift = optimize.brentq(lacking, 0.0, 10.0 * limit + 10.0)
    return float(shift * sd * math.sqrt(2.0 / seeds))


def budget_table(metrics: pd.DataFrame, metric: str, reference: str = "test") -> pd.DataFrame:
    """The budget of ``metric`` (a Frechet distance) of prior samples, a row a dataset and method.

    ``metrics``: the tidy table (wae.analysis.runs.load_metrics). Columns: dataset, method, mean, seeds, draws,
    sd_seed, sd_draw, sd_half, error_seed, error_draw, error_half, dominant, detectable.
    """
    rows = []
    chosen = metrics[(metrics["subject"] == "prior") & (metrics["reference"] == reference)]
    for dataset, group in chosen.groupby("dataset", sort=True):
        methods = sorted(set(group["method"]) - {REAL_DATA})
        pairs = max(1, len(methods) * (len(methods) - 1) // 2)
        for method in methods:
            values = _by_seed(group, method, metric)
            if values.size == 0:
                continue
            halves = _by_seed(group, method, f"{metric}_half")
            found = error_budget(values, halves, pairs)
            rows.append(
                {"dataset": dataset, "method": method, "mean": float(values.mean()), "seeds": found.seeds,
                 "draws": found.draws, "sd_seed": found.seed, "sd_draw": found.draw, "sd_half": found.half,
                 **{f"error_{source}": value for source, value in found.error.items()},
                 "dominant": found.dominant, "detectable": found.detectable}
            )  # fmt: skip
    columns = ["dataset", "method", "mean", "seeds", "draws", "sd_seed", "sd_draw", "sd_half", "error_seed",
               "error_draw", "error_half", "dominant", "detectable"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _by_seed(rows: pd.DataFrame, method: str, metric: str) -> np.ndarray:
    """(seeds, draws) of one metric; seeds that lack a draw are left out."""
    found = rows[(rows["method"] == method) & (rows["metric"] == metric)]
    if found.empty:
        return np.empty((0, 0))
    table = found.pivot_table(index="seed", columns="draw", values="value")
    return np.asarray(table.dropna().to_numpy(dtype=float))


STEPS = ("data", "reconstruction", "mixture", "prior")  # from the floor upwards


def gap_decomposition(metrics: pd.DataFrame, metric: str, reference: str = "test") -> pd.DataFrame:
    """What the distance of prior samples is made of, a row a dataset and method, means over seeds.

    Columns: dataset, method, floor (real data), reconstruction, mixture, prior, and the three steps between
    them: decoder (reconstruction - floor: what the networks lose), density (mixture - reconstruction: what a
    fitted density of the codes loses), hole (prior - mixture: where codes and prior do not match). A step can
    be negative. NaN where a part was not measured. Reconstructions are of the reference images themselves, so
    their distance is a little low.
    """
    chosen = metrics[(metrics["metric"] == metric) & (metrics["reference"] == reference)]
    means = chosen.groupby(["dataset", "method", "subject"])["value"].mean()
    rows = []
    for dataset in sorted(set(chosen["dataset"])):
        floor = float(means.get((dataset, REAL_DATA, "data"), math.nan))
        for method in sorted(set(chosen[chosen["dataset"] == dataset]["method"]) - {REAL_DATA}):
            parts = {step: float(means.get((dataset, method, step), math.nan)) for step in STEPS[1:]}
            rows.append(
                {"dataset": dataset, "method": method, "floor": floor, **parts,
                 "decoder": parts["reconstruction"] - floor,
                 "density": parts["mixture"] - parts["reconstruction"],
                 "hole": parts["prior"] - parts["mixture"]}
            )  # fmt: skip
    columns = ["dataset", "method", "floor", *STEPS[1:], "decoder", "density", "hole"]
    return pd.DataFrame(rows, columns=columns)
