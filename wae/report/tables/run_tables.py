"""Tables of runs: which failed, and the settings in which they differ."""

import json
from typing import Any

import pandas as pd

from wae.analysis.results import Results
from wae.report.figures.style import seconds_label
from wae.report.page.protocol import common, settings_by_cell
from wae.report.tables.grids import Cell, Grid, Head
from wae.report.wording import describe, method_title


def build(results: Results) -> list[Grid]:
    """Failures, where there are any; training cost; settings."""
    made = [_failures(results), _cost(results), _settings(results), _lambdas(results), _metrics(results)]
    return [grid for grid in made if grid is not None]


def _failures(results: Results) -> Grid | None:
    bad = results.runs[results.runs["status"] != "finished"]
    if bad.empty:
        return None
    rows = []
    for run in bad.to_dict("records"):
        step = run["diverged_step"]
        what = f"diverged at step {step:.0f}" if pd.notna(step) else str(run["status"])
        path = results.run_path(run["dataset"], run["method"], run["seed"])
        rows.append(
            (
                Cell(run["dataset"], head=True),
                Cell(method_title(run["method"])),
                Cell(str(run["seed"]), run["seed"]),
                Cell(what),
                Cell(results.shown_path(path)),
            )
        )
    return Grid(
        name="failures",
        title="Runs that did not finish",
        caption="A run diverges when its loss is no finite number. A missing run was planned and has no result.",
        section="failures",
        heads=(Head("Dataset"), Head("Method"), Head("Seed"), Head("What happened"), Head("Folder")),
        rows=tuple(rows),
    )


def _cost(results: Results) -> Grid | None:
    rows = []
    for dataset in results.datasets:
        for method in results.methods:
            runs = results.runs[
                (results.runs["dataset"] == dataset)
                & (results.runs["method"] == method)
                & (results.runs["status"] == "finished")
            ]
            if runs.empty:
                continue
            seconds, rate = runs["seconds"].mean(), runs["images_per_second"].mean()
            trace = [
                f"seed {r['seed']}: {r['seconds']:.4g} s, {r['images_per_second']:.5g} images/s"
                for r in runs.to_dict("records")
            ]
            lines = (
                f"{method_title(method)} on {dataset}: training",
                *trace,
                f"file {results.shown_path(results.folder / 'runs.csv')}",
            )
            parameters = runs["parameters"].iloc[0]
            rows.append(
                (
                    Cell(dataset, head=True),
                    Cell(method_title(method)),
                    Cell(f"{parameters:,.0f}", float(parameters)),
                    Cell(f"{runs['epochs'].iloc[0]:.0f}", float(runs["epochs"].iloc[0])),
                    Cell(seconds_label(seconds), float(seconds), lines),
                    Cell(f"{rate:,.0f}", float(rate), lines),
                )
            )
    if not rows:
        return None
    return Grid(
        name="training_cost",
        title="Training time of the runs",
        caption=(
            "Means over finished seeds. Runs share the machine with each other: compare methods by the study's steps."
        ),
        section="timing",
        heads=(
            Head("Dataset"),
            Head("Method"),
            Head("Parameters"),
            Head("Epochs"),
            Head("Training time"),
            Head("Images per second"),
        ),
        rows=tuple(rows),
        source="runs.csv",
    )


def _settings(results: Results) -> Grid | None:
    cells = settings_by_cell(results)
    shared = common(results)
    varying = [key for key in (next(iter(cells.values())) if cells else {}) if key not in shared]
    if not varying:
        return None
    rows = tuple(
        (
            Cell(dataset, head=True),
            Cell(method_title(method)),
            *(_setting(settings.get(key)) for key in varying),
        )
        for (dataset, method), settings in cells.items()
    )
    return Grid(
        name="settings",
        title="Settings in which the runs differ",
        caption="All other settings are shared; the whole config stands under Provenance.",
        section="settings",
        heads=(Head("Dataset"), Head("Method"), *(Head(key) for key in varying)),
        rows=rows,
        source="plan.json",
    )


def _lambdas(results: Results) -> Grid | None:
    rows = []
    for entry in results.lambdas:
        paper = entry["paper_lambda"]
        rows.append(
            (
                Cell(entry["dataset"], head=True),
                Cell(method_title(entry["method"])),
                Cell(f"{entry['lambda_']:g}", float(entry["lambda_"])),
                Cell("-") if paper is None else Cell(f"{paper:.4g}", float(paper)),
            )
        )
    if not rows:
        return None
    return Grid(
        name="lambdas",
        title="Weights in the paper's units",
        caption=(
            "What λ would be at the paper's reconstruction term, 0.05 times the squared error of pixels in [−1, "
            "1], and "
            "at its kernels. A dash: the reconstruction term is no squared error, so that there is no translation."
        ),
        section="settings",
        heads=(Head("Dataset"), Head("Method"), Head("λ"), Head("λ in the paper's units")),
        rows=tuple(rows),
        source="anchors.json",
    )


def _metrics(results: Results) -> Grid | None:
    names = sorted(set(results.metrics["metric"]), key=lambda name: (describe(name).position, name))
    rows = []
    for name in names:
        about = describe(name)
        better = {"lower": "lower", "higher": "higher"}.get(about.better or "", "neither")
        if about.definition:
            rows.append(
                (
                    Cell(about.title, head=True),
                    Cell(name),
                    Cell(about.unit or "-"),
                    Cell(better),
                    Cell(about.definition),
                )
            )
    if not rows:
        return None
    return Grid(
        name="metrics",
        title="What each metric is",
        caption="The name is that of the column `metric` in metrics.csv.",
        section="metrics",
        heads=(Head("Metric"), Head("Name"), Head("Unit"), Head("Better"), Head("Definition")),
        rows=tuple(rows),
    )


def _setting(value: Any) -> Cell:
    if isinstance(value, bool) or value is None:
        return Cell(str(value))
    if isinstance(value, int | float):
        return Cell(f"{value:g}", value)
    return Cell(value if isinstance(value, str) else json.dumps(value))
