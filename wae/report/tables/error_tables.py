"""Tables and sentences on the error of the distances: budget, gap decomposition, and equal tuning."""

import math
from typing import Any

import pandas as pd

from wae.analysis.budget import budget_table, gap_decomposition
from wae.analysis.ranking import rankings
from wae.analysis.results import Results
from wae.analysis.tuning import Tuned, both_comparisons, tune
from wae.report.tables.grids import Cell, Grid, Head
from wae.report.wording import in_words, method_title

SOURCES = {"seed": "training seeds", "draw": "sample draws", "half": "the choice of reference images"}
PAPER_LAMBDA = {"vae": 1.0, "wae_mmd": 10.0, "wae_gan": 10.0}  # MNIST, Tolstikhin et al. 2018, in the authors' code


def build(results: Results) -> list[Grid]:
    """The tables that the scores allow."""
    made = [_budget(results), _gap(results), _sweep(results), _both(results)]
    return [grid for grid in made if grid is not None]


def sentences(results: Results) -> list[str]:
    """What dominates the error, what difference could have been seen, and how far the ranking can be trusted."""
    if results.distance is None:
        return []
    table = budget_table(results.metrics, results.distance, results.reference)
    table = table[table["method"].isin(results.main_methods)]
    said = []
    for dataset in results.datasets:
        rows = table[table["dataset"] == dataset]
        if rows.empty:
            continue
        leading = rows["dominant"].mode()
        source = (
            f"{SOURCES[leading.iloc[0]]} dominate"
            if len(leading) and leading.iloc[0]
            else "no source was repeated to judge"
        )
        source = source.replace("images dominate", "images dominates")
        detectable = rows["detectable"].max()
        seen = (
            "too few seeds were run for any test"
            if pd.isna(detectable)
            else f"a difference of {detectable:.3g} between two methods would be found with 80% power"
        )
        said.append(f"On {dataset} {source} the error of the {in_words(results.distance)}; {seen}.")
        said += _stability(results, dataset)
    return said


def _stability(results: Results, dataset: str) -> list[str]:
    """Whether the ranking is the same by each distance, sample count and reference."""
    frame = results.metrics[results.metrics["dataset"] == dataset]
    found = rankings(frame[frame["metric"].str.startswith(("fid_", "kid_"))], results.main_methods)
    if not found or len(found[0].stability.ranks) < 2 or len(results.main_methods) < 2:
        return []
    stability = found[0].stability
    order = ", ".join(method_title(results.main_methods[i]) for i in stability.order)
    same = "the same by all of them" if stability.same_order else "not the same by all of them"
    return [
        f"Ranked by {len(stability.ranks)} combinations of distance, sample count and reference, the order on "
        f"{dataset} is {same} (mean Kendall's tau {stability.agreement:.2f}); by mean rank: {order}."
    ]


def _number(value: Any) -> Cell:
    if value is None or not math.isfinite(value):
        return Cell("-")
    return Cell(f"{value:.3g}".replace("-", "−"), float(value))


def _rows(results: Results, table: pd.DataFrame, columns: list[str]) -> tuple[tuple[Cell, ...], ...]:
    rows = []
    for dataset in results.datasets:
        for method in results.methods:
            for row in table[(table["dataset"] == dataset) & (table["method"] == method)].to_dict("records"):
                cells = [_number(row[column]) for column in columns]
                trace = (
                    f"{method_title(method)} on {dataset}",
                    f"computed from file {results.shown_path(results.folder / 'metrics.csv')}",
                    f"runs {results.shown_path(results.folder / dataset / method)}/",
                )
                traced = [Cell(c.text, c.value, trace) if c.value is not None else c for c in cells]
                rows.append((Cell(dataset, head=True), Cell(method_title(method)), *traced))
    return tuple(rows)


def _budget(results: Results) -> Grid | None:
    if results.distance is None:
        return None
    table = budget_table(results.metrics, results.distance, results.reference)
    columns = ["mean", "sd_seed", "sd_draw", "sd_half", "error_seed", "error_draw", "error_half", "detectable"]
    rows = _rows(results, table, columns)
    if not rows:
        return None
    heads = (
        Head("Dataset"),
        Head("Method"),
        Head("mean"),
        Head("sd: seeds", "training again with another seed, sampling taken out"),
        Head("sd: draws", "drawing other samples"),
        Head("sd: halves", "another half of the reference images"),
        Head("error: seeds", "share of the standard error of the mean"),
        Head("error: draws", "share of the standard error of the mean"),
        Head("error: reference", "common to all methods: it hardly moves a difference"),
        Head("detectable", "smallest difference between two such methods that a corrected test finds with 80% power"),
    )
    return Grid(
        name="error_budget",
        title=f"Error budget of the {in_words(results.distance)}",
        caption=(
            "Standard deviations by source, what each adds to the standard error of the reported mean, and the "
            "smallest "
            "difference that this experiment could have found with 80% power after correction."
        ),
        section="budget",
        heads=heads,
        rows=rows,
        source="metrics.csv",
    )


def _gap(results: Results) -> Grid | None:
    if results.distance is None:
        return None
    table = gap_decomposition(results.metrics, results.distance, results.reference)
    columns = ["floor", "reconstruction", "mixture", "prior", "decoder", "density", "hole"]
    rows = _rows(results, table, columns)
    if not rows:
        return None
    heads = (
        *(Head("Dataset"), Head("Method"), Head("real data"), Head("reconstructions"), Head("mixture"), Head("prior")),
        Head("step: decoder", "reconstructions less real data"),
        Head("step: density", "mixture less reconstructions"),
        Head("step: hole in the prior", "prior less mixture"),
    )
    return Grid(
        name="gap_decomposition",
        title=f"What the {in_words(results.distance)} is made of",
        caption="Means over seeds; a step can be negative.",
        section="budget",
        heads=heads,
        rows=rows,
        source="metrics.csv",
    )


def _tuned(results: Results) -> list[Tuned]:
    if results.distance is None or results.reference != "validation":
        return []
    return tune(results.metrics, results.runs, results.distance)


def _sweep(results: Results) -> Grid | None:
    rows = []
    for found in _tuned(results):
        for line in found.curve.to_dict("records"):
            chosen = line["variant"] == found.variant
            edge = ", at the edge of the sweep" if chosen and found.at_edge else ""
            trace = (
                f"{method_title(line['variant'])} on {found.dataset}: validation images",
                f"{line['seeds']} seeds, {line['unfinished']} unfinished",
                f"file {results.shown_path(results.folder / 'metrics.csv')}",
            )
            score = _number(line["validation"])
            rows.append(
                (
                    Cell(found.dataset, head=True),
                    Cell(method_title(found.method)),
                    Cell(f"{line['value']:g}", float(line["value"])),
                    Cell(score.text, score.value, trace, "best" if chosen else ""),
                    Cell(f"{line['seeds']}", int(line["seeds"])),
                    Cell(f"chosen{edge}" if chosen else "-"),
                )
            )
    if not rows:
        return None
    return Grid(
        name="lambda_sweep",
        title="Each method's own weight, chosen on validation images",
        caption="Mean over seeds; a weight with an unfinished seed cannot be chosen. The test split chose nothing.",
        section="sweep",
        heads=tuple(map(Head, ("Dataset", "Method", "λ", f"{in_words(str(results.distance))} ↓", "Seeds", "Choice"))),
        rows=tuple(rows),
        source="metrics.csv",
    )


def _both(results: Results) -> Grid | None:
    tuned = _tuned(results)
    if not tuned or results.distance is None:
        return None
    table = both_comparisons(results.metrics, tuned, results.distance, PAPER_LAMBDA, "test")
    rows = []
    for (dataset, comparison, method), part in table.groupby(["dataset", "comparison", "method"], sort=False):
        mean, low, high = results.interval(part["score"])
        half = "" if low is None or high is None else f" ± {(high - low) / 2:.2g}"
        seeds = "; ".join(f"seed {s}: {v:.5g}" for s, v in zip(part["seed"], part["score"], strict=True))
        trace = (f"{method_title(str(method))} on {dataset}: test images", seeds)
        title = {"paper": "the paper's weight", "best": "its best weight"}[str(comparison)]
        rows.append(
            (
                Cell(str(dataset), head=True),
                Cell(title),
                Cell(method_title(str(method))),
                Cell(f"{part['value'].iloc[0]:g}", float(part["value"].iloc[0])),
                Cell(f"{mean:.4g}{half}", mean, trace),
            )
        )
    if not rows:
        return None
    return Grid(
        name="lambda_comparisons",
        title="Both comparisons: at the paper's weights and at each method's best",
        caption="On test images, which chose nothing. Mean over seeds ± half of the 95% interval.",
        section="sweep",
        heads=tuple(map(Head, ("Dataset", "At", "Method", "λ", f"{in_words(results.distance)} ↓"))),
        rows=tuple(rows),
        source="metrics.csv",
    )
