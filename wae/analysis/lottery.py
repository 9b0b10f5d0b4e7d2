"""The seed lottery: how much of a score each random stream decides, the others held."""

import math

import numpy as np
from scipy import stats

from wae.analysis.inference_rows import StreamRow
from wae.analysis.results import Results
from wae.analysis.runs import varied
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
    metric, found = results.distance, {}
    for stream, name in {ALL: method, **names}.items():
        values = results.seed_values(dataset, name, str(metric), "prior").to_numpy(float)
        found[stream] = values[np.isfinite(values)]
    known = {stream: values for stream, values in found.items() if len(values) >= MIN_SEEDS}
    total = float(np.var(known[ALL], ddof=1)) if ALL in known else None
    made = [_row(dataset, method, stream, values, total) for stream, values in found.items()]
    if total and set(names) <= known.keys():
        share = 1 - math.fsum(row.share or 0.0 for row in made if row.stream != ALL)
        made.append(StreamRow(dataset, method, REST, 0, None, None, None, None, None, share))
    return made


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
