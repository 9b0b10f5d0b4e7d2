"""The seed lottery: how far a score moves where one random stream has another seed, and whether the streams add up."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from wae.analysis.inference_rows import CrossedRow, StreamRow
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.statistics import CONFIDENCE, MIN_SEEDS
from wae.analysis.words import about
from wae.core.seed_streams import SEED_STREAMS

ALL, SUM = "all", "sum"


def streams(results: Results) -> list[StreamRow]:
    """A row for all streams together, for each that was varied alone, and for their sum, by dataset and method."""
    found = []
    for dataset in results.datasets:
        for method in results.main_methods:
            names = {
                varied(name)["seed_stream"]: name
                for name in results.lottery
                if base_method(name) == method and set(varied(name)) == {"seed_stream"}
            }
            names = {stream: name for stream, name in names.items() if stream in SEED_STREAMS}
            if names:
                columns = {key: _scores(results, dataset, name) for key, name in {ALL: method, **names}.items()}
                found += _rows(dataset, method, pd.DataFrame(columns), about(results.distance).positive)
    return found


def _scores(results: Results, dataset: str, method: str) -> "pd.Series[float]":
    """The ranking distance by seed, its logarithm where it is positive by definition; NaN where there is none."""
    values = results.seed_values(dataset, method, str(results.distance), "prior")
    if about(results.distance).positive:
        return values.where(values > 0).apply(np.log)
    return values.where(np.isfinite(values))


def _rows(dataset: str, method: str, scores: pd.DataFrame, log: bool) -> list[StreamRow]:
    """``scores``: by seed, a column ALL and one of each stream."""
    made = []
    for stream in scores.columns:
        known = scores[[ALL] if stream == ALL else [ALL, stream]].dropna().to_numpy(float)
        if len(known) < MIN_SEEDS:
            made.append(StreamRow(dataset, method, stream, len(known), log))
        elif stream == ALL:
            sd = float(known.std(ddof=1))
            limits = sd_interval(sd, len(known) - 1)
            made.append(StreamRow(dataset, method, stream, len(known), log, *limits, 1.0 if sd else None))
        else:
            sd = math.sqrt(total_effect(known))
            shares = summed_share(known)
            made.append(StreamRow(dataset, method, stream, len(known), log, *sd_interval(sd, len(known)), *shares))
    whole = scores.dropna().to_numpy(float)
    if set(scores.columns) == {ALL, *SEED_STREAMS} and len(whole) >= MIN_SEEDS:
        made.append(StreamRow(dataset, method, SUM, len(whole), log, None, None, None, *summed_share(whole)))
    return made


def total_effect(scores: np.ndarray) -> float:
    """Sum over streams of their total effects' variances, from scores (seeds, 1 + streams).

    The first column has the runs of the method itself; in each other column one stream alone has another seed. A
    stream's total effect is the variance of the score over its seeds, those of all other streams fixed, in the mean
    over the latter: what the stream does by itself and all its interactions. Jansen (1999): half the mean square of the
    differences.
    """
    return float(((scores[:, 1:] - scores[:, :1]) ** 2).sum()) / (2 * len(scores))


def summed_share(scores: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """``total_effect`` as a share of the variance when all streams vary, and its 95% interval.

    The variance is the mean of the columns'. A jackknife over seeds of the share's logarithm (Arvesen and Schmitz
    1970), which leaves a seed out of all columns at once; Student's t with the seeds less one. None where there is no
    variance, or no interval where a share is 0.
    """
    seeds, share = len(scores), _share(scores)
    if not math.isfinite(share):
        return None, None, None
    without = np.array([_share(np.delete(scores, seed, axis=0)) for seed in range(seeds)])
    if share == 0 or not (np.isfinite(without) & (without > 0)).all():
        return share, None, None
    logs = np.log(without)
    error = math.sqrt((seeds - 1) / seeds * float(((logs - logs.mean()) ** 2).sum()))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1)) * error
    return share, share * math.exp(-half), share * math.exp(half)


def _share(scores: np.ndarray) -> float:
    # Over the seeds all streams vary in every column, so that each estimates the same variance.
    variance = float(scores.var(axis=0, ddof=1).mean())
    return total_effect(scores) / variance if variance > 0 else math.nan


def sd_interval(sd: float, freedom: int) -> tuple[float, float, float]:
    """``sd`` with its 95% interval where scores are normal: ``freedom`` times the variance follows chi-square."""
    tail = (1 - CONFIDENCE) / 2
    low, high = (sd * math.sqrt(freedom / float(stats.chi2.ppf(p, freedom))) for p in (1 - tail, tail))
    return sd, low, high


def crossed(results: Results) -> list[CrossedRow]:
    """A row for each stream whose seeds were crossed with ``held_seed``, by dataset and method.

    That is where variants set ``seed_stream`` and ``held_seed`` and nothing else, three values or more of each, and
    every combination has a score.
    """
    found = []
    for dataset in results.datasets:
        grids: dict[tuple[str, str], list[pd.Series[float]]] = {}
        for name in results.lottery:
            setting = varied(name)
            both = set(setting) == {"seed_stream", "held_seed"}
            if both and setting["seed_stream"] in SEED_STREAMS and setting["held_seed"].isdigit():  # None: paired
                column = _scores(results, dataset, name).dropna()
                grids.setdefault((base_method(name), setting["seed_stream"]), []).append(column)
        for (method, stream), columns in grids.items():
            whole = len({tuple(column.index) for column in columns}) == 1
            if whole and min(len(columns), len(columns[0])) >= MIN_SEEDS:
                row = split_variance(np.stack([column.to_numpy(float) for column in columns], axis=1))
                if row is not None:
                    log = about(results.distance).positive
                    found.append(CrossedRow(dataset, method, stream, len(columns[0]), len(columns), log, *row))
    return found


def split_variance(scores: np.ndarray) -> tuple[float, float, float, float, float, float] | None:
    """sd, shares and p-values of ``CrossedRow`` from scores (a, b): the stream's seeds by the seeds of all others.

    None where no score is another than the rest, or one is not finite.
    """
    a, b = scores.shape
    if not np.isfinite(scores).all() or np.ptp(scores) == 0:
        return None
    rows, columns, mean = scores.mean(1, keepdims=True), scores.mean(0, keepdims=True), scores.mean()
    of_rows = b * float(((rows - mean) ** 2).sum()) / (a - 1)
    of_columns = a * float(((columns - mean) ** 2).sum()) / (b - 1)
    freedom = (a - 1) * (b - 1)
    rest = float(((scores - rows - columns + mean) ** 2).sum()) / freedom
    parts = [(of_rows - rest) / b, (of_columns - rest) / a, rest]
    total = math.fsum(parts)
    if total <= 0:
        return None
    tests = [
        float(stats.f.sf(of_rows / rest, a - 1, freedom)) if rest else 0.0,
        float(stats.f.sf(of_columns / rest, b - 1, freedom)) if rest else 0.0,
    ]
    shares = [part / total for part in parts]
    return (math.sqrt(total), shares[0], shares[1], shares[2], *tests)
