"""How far the ranking of methods hangs on what is measured: the metric, the sample count, the reference split."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wae.analysis.metrics import describe
from wae.analysis.runs import REAL_DATA
from wae.analysis.statistics import RankStability, rank_stability


@dataclass(frozen=True)
class Ranking:
    """One dataset's methods under several conditions.

    ``conditions``: (metric, reference, samples) each; ``means``: (conditions, methods), over seeds and draws;
    ``stability``: ranks and their agreement, over the conditions that every method has.
    """

    dataset: str
    methods: list[str]
    conditions: list[tuple[str, str, int]]
    means: np.ndarray
    stability: RankStability


def rankings(metrics: pd.DataFrame, methods: Iterable[str] | None = None) -> list[Ranking]:
    """Each dataset's rankings by every distance of prior samples: each metric of features, reference and count.

    ``metrics``: the tidy table. Metrics without a better direction and those against half a reference are
    left out. ``methods`` in this order; by default all of the table, sorted.
    """
    rows = metrics[(metrics["subject"] == "prior") & (metrics["method"] != REAL_DATA)]
    rows = rows[rows["metric"].str.startswith(("fid_", "kid_", "precision_", "recall_"))]
    rows = rows[~rows["metric"].str.endswith("_half")]
    made = []
    for dataset, group in rows.groupby("dataset", sort=True):
        names = list(methods) if methods is not None else sorted(set(group["method"]))
        table = group.pivot_table(
            index=["metric", "reference", "samples"], columns="method", values="value", aggfunc="mean"
        ).reindex(columns=names)
        conditions = [(str(metric), str(reference), int(samples)) for metric, reference, samples in table.index]
        ways = [found.better if (found := describe(metric)) and found.better else "lower" for metric, *_ in conditions]
        means = table.to_numpy(dtype=float)
        made.append(Ranking(str(dataset), names, conditions, means, rank_stability(means, ways)))
    return made
