"""The seed lottery: how much of a score each random stream decides, alone and together with the others."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from wae.analysis.inference_rows import CrossedRow, StreamRow
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.statistics import CONFIDENCE, MIN_SEEDS

ALL, REST = "all", "rest"


def streams(results: Results) -> list[StreamRow]:
    """A row for each stream that was varied alone, for all together and for the rest, by dataset and method."""
    rows = []
    for dataset in results.datasets:
        for method in results.main_methods:
            names = {
                varied(name)["seed_stream"]: name
                for name in results.methods
                if name.partition("@")[0] == method and set(varied(name)) == {"seed_stream"}
            }
            if names:
                rows += _rows(results, dataset, method, names)
    return rows


def _rows(results: Results, dataset: str, method: str, names: dict[str, str]) -> list[StreamRow]:
    found = {
        stream: results.seed_values(dataset, name, str(results.distance), "prior")
        for stream, name in {ALL: method, **names}.items()
    }
    found = {stream: values[np.isfinite(values)] for stream, values in found.items()}
    known = {stream: values for stream, values in found.items() if len(values) >= MIN_SEEDS}
    total = float(np.var(known[ALL], ddof=1)) if ALL in known else None
    made = [_row(dataset, method, stream, values.to_numpy(float), total) for stream, values in found.items()]
    if total and set(names) <= known.keys():
        share = 1 - math.fsum(row.share or 0.0 for row in made if row.stream != ALL)
        low, high = rest_interval(pd.concat(known, axis=1).to_numpy(float))
        made.append(StreamRow(dataset, method, REST, 0, None, None, None, None, None, share, low, high))
    return made


def rest_interval(scores: np.ndarray) -> tuple[float | None, float | None]:
    """95% interval of the rest: 1 less the sum of the streams' own variances over the variance when all vary.

    ``scores``: (seeds, 1 + streams); the first column has all streams varied, each other one varied alone; NaN where a
    run is lacking. A jackknife over seeds of the ratio's logarithm (Arvesen and Schmitz 1970), which takes a seed from
    all columns at once: equal seeds share streams, so that the columns' variances are not independent. Student's t with
    the fewest scores of a column less one. (None, None) where a variance is 0.
    """
    seeds = len(scores)
    left_out = np.where(np.eye(seeds, dtype=bool)[:, :, None], math.nan, scores)  # (left out, seeds, 1 + streams)
    ratio, without = float(_log_ratio(scores)), _log_ratio(left_out)
    if not (math.isfinite(ratio) and np.isfinite(without).all()):
        return None, None
    error = math.sqrt((seeds - 1) / seeds * float(((without - without.mean()) ** 2).sum()))
    freedom = int(np.isfinite(scores).sum(0).min()) - 1
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return 1 - math.exp(ratio + half), 1 - math.exp(ratio - half)


def _log_ratio(scores: np.ndarray) -> np.ndarray:
    """(...) from scores (..., seeds, 1 + streams); not finite where a variance is 0."""
    variances = np.nanvar(scores, axis=-2, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(variances[..., 1:].sum(-1) / variances[..., 0]))


def _row(dataset: str, method: str, stream: str, values: np.ndarray, total: float | None) -> StreamRow:
    count = len(values)
    mean = float(values.mean()) if count else None
    if count < MIN_SEEDS or mean is None:
        return StreamRow(dataset, method, stream, count, mean, None, None, None, None, None)
    sd, freedom = float(values.std(ddof=1)), count - 1
    tail = (1 - CONFIDENCE) / 2
    low, high = (sd * math.sqrt(freedom / stats.chi2.ppf(p, freedom)) for p in (1 - tail, tail))
    variation = sd / mean if mean > 0 else None
    return StreamRow(dataset, method, stream, count, mean, sd, low, high, variation, sd**2 / total if total else None)


def crossed(results: Results) -> list[CrossedRow]:
    """A row for each stream whose seeds were crossed with ``held_seed``, by dataset and method.

    That is where variants set ``seed_stream`` and ``held_seed`` and nothing else, three values or more of each, and
    every combination has a score.
    """
    found = []
    for dataset in results.datasets:
        grids: dict[tuple[str, str], list[pd.Series[float]]] = {}
        for name in results.methods:
            setting = varied(name)
            if set(setting) == {"seed_stream", "held_seed"}:
                values = results.seed_values(dataset, name, str(results.distance), "prior")
                grids.setdefault((base_method(name), setting["seed_stream"]), []).append(values)
        for (method, stream), columns in grids.items():
            whole = len({tuple(column.index) for column in columns}) == 1
            if whole and min(len(columns), len(columns[0])) >= MIN_SEEDS:
                row = split_variance(np.stack([column.to_numpy(float) for column in columns], axis=1))
                if row is not None:
                    found.append(CrossedRow(dataset, method, stream, len(columns[0]), len(columns), *row))
    return found


def split_variance(scores: np.ndarray) -> tuple[float | None, float, float, float, float, float] | None:
    """Variation, shares and p-values of ``CrossedRow`` from scores (a, b): stream's seeds by the others' seeds.

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
    return (math.sqrt(total) / float(mean) if mean > 0 else None, shares[0], shares[1], shares[2], *tests)
