"""Equal tuning: each method's own best weight, chosen on validation images, compared on test images."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from wae.analysis.runs import REAL_DATA, base_method, varied

KEY = "lambda_"


@dataclass(frozen=True)
class Tuned:
    """A method's sweep on one dataset.

    ``curve``: columns value, variant, validation (mean over seeds), seeds, unfinished; ``best``: the weight with the
    lowest mean on validation images, ``at_edge`` when that is the smallest or largest tried, so that a
    better one may lie outside.
    """

    dataset: str
    method: str
    curve: pd.DataFrame
    best: float
    variant: str
    at_edge: bool


def tune(metrics: pd.DataFrame, runs: pd.DataFrame, metric: str) -> list[Tuned]:
    """The sweep of each method over ``lambda_`` (run.vary in the config), from the rows of reference "validation".

    ``metrics`` and ``runs``: the tidy tables. A value of which any seed diverged or is missing cannot be
    chosen, as what is left of it would be picked by luck. Methods all of whose values failed are left out.
    """
    found = []
    rows = metrics[
        (metrics["metric"] == metric) & (metrics["subject"] == "prior") & (metrics["reference"] == "validation")
    ]
    planned = runs[runs["method"].map(lambda name: set(varied(name)) == {KEY})]
    for (dataset, base), group in planned.groupby([planned["dataset"], planned["method"].map(base_method)], sort=True):
        curve = []
        for variant, part in group.groupby("method", sort=False):
            scores = rows[(rows["dataset"] == dataset) & (rows["method"] == variant)].groupby("seed")["value"].mean()
            unfinished = int((part["status"] != "finished").sum()) + len(
                set(part[part["status"] == "finished"]["seed"]) - set(scores.dropna().index)
            )
            curve.append(
                {
                    "value": float(varied(str(variant))[KEY]),
                    "variant": variant,
                    "validation": float(scores.mean()) if len(scores) else np.nan,
                    "seeds": int(scores.count()),
                    "unfinished": unfinished,
                }
            )
        table = pd.DataFrame(curve).sort_values("value", ignore_index=True)
        eligible = table[(table["unfinished"] == 0) & table["validation"].notna()]
        if eligible.empty:
            continue
        best = eligible.sort_values("validation", kind="stable").iloc[0]
        value = float(best["value"])
        at_edge = len(table) > 1 and value in (table["value"].min(), table["value"].max())
        found.append(Tuned(str(dataset), str(base), table, value, str(best["variant"]), at_edge))
    return found


def both_comparisons(
    metrics: pd.DataFrame, tuned: list[Tuned], metric: str, paper: dict[str, float], reference: str = "test"
) -> pd.DataFrame:
    """Each method at the paper's weight and at its best, on images that chose nothing.

    ``paper``: weight by method. Columns: dataset, comparison ("paper" or "best"), method, value, variant, seed,
    score; a row a seed, mean over draws. A method whose paper value was not swept is left out of "paper".
    """
    rows = metrics[
        (metrics["metric"] == metric)
        & (metrics["subject"] == "prior")
        & (metrics["reference"] == reference)
        & (metrics["method"] != REAL_DATA)
    ]
    made = []
    for sweep in tuned:
        chosen = {"best": sweep.curve[sweep.curve["value"] == sweep.best]}
        if sweep.method in paper:
            chosen["paper"] = sweep.curve[np.isclose(sweep.curve["value"], paper[sweep.method])]
        for comparison, lines in chosen.items():
            for line in lines.itertuples():
                part = rows[(rows["dataset"] == sweep.dataset) & (rows["method"] == line.variant)]
                for seed, score in part.groupby("seed")["value"].mean().items():
                    made.append((sweep.dataset, comparison, sweep.method, line.value, line.variant, seed, score))
    columns = ["dataset", "comparison", "method", "value", "variant", "seed", "score"]
    return pd.DataFrame(made, columns=columns).sort_values([*columns[:3], "seed"], ignore_index=True)
