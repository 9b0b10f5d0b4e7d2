"""Methods against each other: every pair in the primary and the secondary measures, and an aggregate over datasets."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wae.analysis.inference_rows import Aggregate, Contrast
from wae.analysis.results import Results
from wae.analysis.rows import Limit
from wae.analysis.scores import limit, one_score
from wae.analysis.statistics import (
    CONFIDENCE,
    MIN_SEEDS,
    compare,
    finite,
    probability_of_improvement,
    together,
)
from wae.analysis.words import about
from wae.core import reserved

SUBJECTS = ("prior", "reconstruction", "codes", "mixture")  # where a secondary measure names none: the first measured
BOOTSTRAPS = 1000
Cells = dict[str, dict[str, np.ndarray]]  # by dataset and method, one number per seed


def contrasts(results: Results) -> list[Contrast]:
    """All pairs of the main methods: the primary measure first, then the secondary ones in the config's order."""
    secondary = [_measure(results, name) for name in results.config.get("report", {}).get("secondary", [])]
    return [
        *primary_contrasts(results),
        *_corrected(results, list(dict.fromkeys(m for m in secondary if m is not None)), primary=False),
    ]


def primary_contrasts(results: Results) -> list[Contrast]:
    """All pairs of the main methods in the primary measure, on every dataset: the tests that are corrected together.

    A pair of which either method has fewer than MIN_SEEDS scores has no test and is no row.
    """
    return _corrected(results, [(results.distance, "prior")] if results.distance else [], primary=True)


def _measure(results: Results, name: str) -> tuple[str, str] | None:
    """(metric, subject) of METRIC or METRIC/SUBJECT; None where it was not measured."""
    metric, _, subject = name.partition("/")
    frame = results.metrics()
    measured = set(frame[frame["metric"] == metric]["subject"])
    if metric in reserved.OF_CODES:
        measured -= {"prior"}  # draws of the prior against others: no score of a method
    found = subject if subject in measured else next((s for s in SUBJECTS if s in measured and not subject), None)
    return None if found is None else (metric, found)


def _corrected(results: Results, measures: Sequence[tuple[str, str]], primary: bool) -> list[Contrast]:
    raw = []
    for metric, subject in measures:
        what = about(metric)
        for dataset in results.datasets:
            values = {m: results.seed_values(dataset, m, metric, subject) for m in results.main_methods}
            values = {m: v for m, v in values.items() if len(v) and not _limit(results, dataset, m, metric, subject)}
            found = compare(values, better=what.better or "lower", ratio=what.positive)
            raw += [
                Contrast(dataset, metric, subject, primary, comparison)
                for comparison in found
                if comparison.p is not None
            ]
    return [replace(c, comparison=one) for c, one in zip(raw, together([c.comparison for c in raw]), strict=True)]


def _limit(results: Results, dataset: str, method: str, metric: str, subject: str) -> bool:
    """Whether a score says only what the quantity is at least, or at most: then no difference of it is known."""
    score = one_score(results, dataset, method, metric, subject)
    return score is not None and limit(results, score) is not Limit.NONE


def aggregates(results: Results) -> list[Aggregate]:
    """A row per main method with MIN_SEEDS scores or more on every dataset, of two or more; scores must be positive."""
    metric = results.distance
    cells: Cells = {
        dataset: {m: finite(results.seed_values(dataset, m, str(metric), "prior")) for m in results.main_methods}
        for dataset in results.datasets
    }
    methods = [m for m in results.main_methods if all(len(found[m]) >= MIN_SEEDS for found in cells.values())]
    positive = all((found[m] > 0).all() for found in cells.values() for m in methods)
    if metric is None or len(cells) < 2 or len(methods) < 2 or not positive:
        return []
    better = about(metric).better or "lower"
    kept = {dataset: {m: found[m] for m in methods} for dataset, found in cells.items()}
    return aggregate(kept, better)


def aggregate(cells: Cells, better: str = "lower", seed: int = 0) -> list[Aggregate]:
    """The aggregate of positive scores over datasets (Agarwal et al. 2021): each bootstrap draws seeds within each cell
    and takes the geometric mean of a dataset again.
    """
    rng = np.random.default_rng(seed)
    methods = list(next(iter(cells.values())))
    point = _point(cells, better)
    drawn = np.array(
        [
            _point({d: {m: rng.choice(v, len(v)) for m, v in found.items()} for d, found in cells.items()}, better)
            for _ in range(BOOTSTRAPS)
        ]
    )  # (BOOTSTRAPS, methods, 2)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return [
        Aggregate(
            method, len(cells), sum(len(found[method]) for found in cells.values()),
            *map(float, (point[k, 0], low[k, 0], high[k, 0], point[k, 1], low[k, 1], high[k, 1])),
        )
        for k, method in enumerate(methods)
    ]  # fmt: skip


def _point(cells: Cells, better: str) -> np.ndarray:
    """(methods, 2): interquartile mean of the scaled scores, and mean probability of improvement."""
    logs = {d: {m: np.log(v) for m, v in found.items()} for d, found in cells.items()}
    centre = {d: np.mean([values.mean() for values in found.values()]) for d, found in logs.items()}
    rows = []
    for method in next(iter(cells.values())):
        scaled = np.concatenate([np.exp(found[method] - centre[d]) for d, found in logs.items()])
        chances = [
            probability_of_improvement(found[method], found[other], better)
            for found, other in itertools.product(cells.values(), next(iter(cells.values())))
            if other != method
        ]
        rows.append((interquartile_mean(scaled), np.mean(chances)))
    return np.array(rows)


def interquartile_mean(values: np.ndarray) -> float:
    """Mean of the middle half of ``values``; a value on the border of a quarter counts by the part inside."""
    ordered, count = np.sort(values), len(values)
    edges = np.arange(count + 1) / count
    weight = np.clip(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0, None)
    return float(weight @ ordered / weight.sum())
