"""Where the error of a score comes from, what the experiment could have told apart, and what the gap is made of."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from wae.analysis.contrasts import primary_contrasts
from wae.analysis.results import Results
from wae.analysis.rows import BudgetRow, GapRow, Source
from wae.analysis.statistics import SIGNIFICANCE
from wae.analysis.words import about

POWER = 0.8  # with which a difference is called detectable; of less a comparison is too noisy


@dataclass(frozen=True)
class Budget:
    """Standard deviations of one score of one method, each by its source.

    ``seed``: of training again, with the sampling of images taken out; ``draw``: of drawing one more sample
    set; ``half``: of another reference of the same size. ``error``: standard error of the reported value by
    source, the same three names; the reference's is common to all methods, so it hardly moves a difference.
    ``dominant``: the source of the largest error. ``detectable``: the smallest difference between two
    methods like this one that a test would find with 80% power; where the test is on logarithms, the smallest factor
    (above 1) between their geometric means. NaN where a source was not repeated.
    """

    seeds: int
    draws: int
    seed: float
    draw: float
    half: float
    error: dict[Source, float]
    dominant: Source | None
    detectable: float


def error_budget(values: np.ndarray, halves: np.ndarray, comparisons: int = 1, ratio: bool = False) -> Budget:
    """Budget from ``values`` (seeds, draws) and ``halves`` (seeds, H): one run's scores against H random halves.

    One-way analysis of variance with random effects: the draws' variance is the mean variance within a seed;
    the seeds' is that of the seed means less the draws' share of it, not below 0. The spread over random
    halves of n reference images estimates that over fresh references of n images: a half's mean strays from
    the whole's by s^2 / (n / 2) * (1 - 1/2) = s^2 / n in variance. NaN rows (diverged seeds) are left out.
    ``comparisons``: pairs that Holm's correction counts, for ``detectable``; ``ratio``: whether they are tested on the
    logarithms of the seeds' means, which must be positive then.
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
        Source.SEED: seed / math.sqrt(seeds) if seeds else math.nan,
        Source.DRAW: draw / math.sqrt(seeds * draws) if seeds else math.nan,
        Source.HALF: half,
    }
    known = {source: value for source, value in error.items() if math.isfinite(value)}
    dominant = max(known, key=lambda source: known[source]) if known else None
    tested = np.log(values.mean(1)) if ratio else values.mean(1)
    spread = float(tested.std(ddof=1)) if seeds > 1 else math.nan
    detectable = detectable_difference(spread, seeds, comparisons)
    detectable = float(np.exp(detectable)) if ratio else detectable
    return Budget(seeds, draws, seed, draw, half, error, dominant, detectable)


def detectable_difference(
    sd: float, seeds: int, comparisons: int = 1, power: float = POWER, others: int | None = None
) -> float:
    """Smallest difference of two means that a two-sided t-test with ``seeds`` runs each finds with ``power``.

    ``sd``: of one method's scores over seeds, the same for both; the significance level is divided by ``comparisons``
    (Holm's first step); ``others``: runs of the other, where they are not as many. By the noncentral t distribution.
    NaN for fewer than 3 seeds, as then there is no test.
    """
    others = seeds if others is None else others
    if min(seeds, others) < 3 or not math.isfinite(sd):
        return math.nan
    if sd == 0:
        return 0.0
    freedom = seeds + others - 2
    limit = float(stats.t.ppf(1 - SIGNIFICANCE / comparisons / 2, freedom))
    shift = optimize.brentq(lambda x: power_at(x, limit, freedom) - power, 0.0, _certain(limit))
    return float(shift * sd * math.sqrt(1.0 / seeds + 1.0 / others))


def power_at(shift: float, limit: float, freedom: float) -> float:
    """Probability that |t| exceeds ``limit`` where the true difference is ``shift`` >= 0 standard errors."""
    shift = min(shift, _certain(limit))
    # scipy gives NaN for the far lower tail once it is smaller than its arithmetic resolves.
    return float(stats.nct.sf(limit, freedom, shift) + np.nan_to_num(stats.nct.cdf(-limit, freedom, shift)))


def _certain(limit: float) -> float:
    """A shift that is found with a probability of almost 1, at any degrees of freedom from 2."""
    return 10.0 * limit + 10.0


def budget_rows(results: Results) -> list[BudgetRow]:
    """The budget of the ranking distance of prior samples: a row per dataset and method, in the results' order.

    ``detectable`` is corrected for the pairs of main methods that are tested together, over all datasets, and on the
    scale of their test; a variant's is that of a main method with its spread.
    """
    metric, rows = results.distance, []
    if metric is None:
        return []
    comparisons = max(len(primary_contrasts(results)), 1)
    for dataset in results.datasets:
        by_method = {m: drawn for m in results.methods if (drawn := _by_seed(results, dataset, m, metric)).size}
        ratio = about(metric).positive and all((values.mean(1) > 0).all() for values in by_method.values())
        for method, values in by_method.items():
            found = error_budget(values, _by_seed(results, dataset, method, f"{metric}_half"), comparisons, ratio)
            rows.append(_row(dataset, method, float(values.mean()), found, ratio))
    return rows


def _row(dataset: str, method: str, mean: float, found: Budget, ratio: bool) -> BudgetRow:
    numbers = {
        "sd_seed": found.seed,
        "sd_draw": found.draw,
        "sd_half": found.half,
        **{f"error_{source}": value for source, value in found.error.items()},
        "detectable": found.detectable,
    }
    numbers |= {"variation": found.seed / mean} if mean > 0 else {}
    finite = {name: float(value) if math.isfinite(value) else None for name, value in numbers.items()}
    return BudgetRow(
        dataset=dataset,
        method=method,
        mean=mean,
        seeds=found.seeds,
        draws=found.draws,
        dominant=found.dominant,
        ratio=ratio,
        **finite,
    )


def _by_seed(results: Results, dataset: str, method: str, metric: str) -> np.ndarray:
    """(seeds, draws) of one metric of prior samples; seeds that lack a draw are left out."""
    rows = pd.DataFrame(results.rows(dataset, method, metric, "prior"))
    if rows.empty:
        return np.empty((0, 0))
    return np.asarray(rows.pivot_table(index="seed", columns="draw", values="value").dropna().to_numpy(dtype=float))


def gap_rows(results: Results) -> list[GapRow]:
    """What the ranking distance of prior samples is made of: a row per dataset and method, means over seeds.

    None for a measure of which lower is not better: its steps would be no losses. The three steps: decoder
    (reconstruction - floor: what the networks lose), density (mixture - reconstruction: what a fitted density of the
    codes loses), hole (prior - mixture: where codes and prior do not match). A step can be negative. Reconstructions
    are of the reference images themselves, so their distance is a little low.
    """
    rows = []
    for dataset in results.datasets:
        metric = results.distance_on(dataset)
        if metric is None or about(metric).better != "lower":
            continue
        floor = results.real_value(dataset, metric)
        for method in results.methods:
            reconstruction, mixture, prior = (
                _mean(results, dataset, method, metric, subject) for subject in ("reconstruction", "mixture", "prior")
            )
            if reconstruction is not None or mixture is not None or prior is not None:
                steps = (_step(floor, reconstruction), _step(reconstruction, mixture), _step(mixture, prior))
                rows.append(GapRow(dataset, method, floor, reconstruction, mixture, prior, *steps))
    return rows


def _mean(results: Results, dataset: str, method: str, metric: str, subject: str) -> float | None:
    values = results.seed_values(dataset, method, metric, subject)
    return float(values.mean()) if len(values) else None


def _step(below: float | None, above: float | None) -> float | None:
    return None if below is None or above is None else above - below
