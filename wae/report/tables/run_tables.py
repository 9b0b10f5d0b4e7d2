"""Tables of runs: which failed, and the settings in which they differ."""

import json
from typing import Any

import pandas as pd

from wae.analysis.files import COURSES, PUBLISHED, REACHING
from wae.analysis.reaching import at_once
from wae.analysis.results import Results
from wae.analysis.words import about, in_words, number, position, seconds
from wae.report.tables.grids import Cell, Grid, Head


def build(results: Results) -> list[Grid]:
    """Failures, where there are any; training cost; settings."""
    made = [
        *(_failures(results), _reaching(results), _cost(results), _settings(results), _lambdas(results)),
        _metrics(results),
    ]
    return [grid for grid in made if grid is not None]


def _failures(results: Results) -> Grid | None:
    bad = results.runs()[results.runs()["status"] != "finished"]
    if bad.empty:
        return None
    rows = []
    for run in bad.to_dict("records"):
        step = run["diverged_step"]
        what = f"diverged at step {step:.0f}" if pd.notna(step) else str(run["status"])
        path = results.run_folder(run["dataset"], run["method"], run["seed"]).path
        rows.append(
            (
                Cell(run["dataset"], head=True),
                Cell(results.title(run["method"])),
                Cell(str(run["seed"]), run["seed"]),
                Cell(what),
                Cell(results.shown_path(path)),
            )
        )
    return Grid(
        name="failures",
        title="Runs that did not finish",
        caption=(
            "A run diverges when its loss, or another number of its history, is not finite. A missing run was planned "
            "and has no result."
        ),
        section="failures",
        heads=(Head("Dataset"), Head("Method"), Head("Seed"), Head("What happened"), Head("Folder")),
        rows=tuple(rows),
    )


def _reaching(results: Results) -> Grid | None:
    rows = []
    for row in results.read(REACHING):
        title = results.title(row.method)
        reached = [time for time in row.by_seed.values() if time is not None]
        limits = at_once(results, row)
        times = [
            f"seed {seed}: {'at most ' * (seed in limits)}{'never' if time is None else seconds(time)}"
            for seed, time in row.by_seed.items()
        ]
        lines = (
            f"{title} on {row.dataset}: training until {number(row.target)}",
            *times,
            results.source(REACHING.name),
        )
        shown = "-" if row.seconds is None else seconds(row.seconds)
        if row.seconds is not None and limits:
            shown = f"≤ {shown}"
        elif row.seconds is not None and row.low is not None and row.high is not None:
            shown += f" [{seconds(row.low)}, {seconds(row.high)}]"
        rows.append(
            (
                Cell(row.dataset, head=True),
                Cell(title),
                Cell(number(row.target), row.target),
                Cell(f"{len(reached)} of {len(row.by_seed)}", float(len(reached))),
                Cell(shown, row.seconds, lines, low=None if limits else row.low, high=None if limits else row.high),
            )
        )
    if not rows:
        return None
    return Grid(
        name="time_to_distance",
        title="Training time to a given distance",
        caption=(
            f"{in_words(results.distance)} of up to 2,048 prior samples, at the epochs whose weights were kept, so "
            "that it does not compare with tables of more samples; the distance is the geometric mean at which the "
            "worst method with a penalty on the codes ends, so that about half of that method's seeds get "
            "there by the end. Between kept epochs it is read off a power law. Mean over seeds and its 95% interval, "
            "where all seeds get there; ≤: some are there at the first kept epoch already, so that their time, and "
            "the mean, is a limit only."
        ),
        section="timing",
        heads=tuple(map(Head, ("Dataset", "Method", "Distance", "Seeds that get there", "Training time"))),
        rows=tuple(rows),
    )


def not_along_training(results: Results) -> str:
    """Why quality against time is left out where weights along training have another distance than the one that ranks.

    "" where it is not. They are scored in one extractor's features alone (wae.evaluation.trajectory).
    """
    frame = results.trajectories()
    found = list(dict.fromkeys(frame[frame["subject"] == "prior"]["metric"]))
    if not found or results.distance is None or results.distance in found:
        return ""
    return (
        '"Quality against time" and "Training time to a given distance" are left out: weights kept along training are '
        f"scored by the {in_words(found[0])} alone, and methods are ranked by the {in_words(results.distance)}."
    )


def _cost(results: Results) -> Grid | None:
    rows = []
    for cost in results.read(COURSES).costs:
        title = results.title(cost.method)
        seeds = [
            f"seed {seed}: {spent:.4g} s" + ("" if rate is None else f", {rate:.5g} images/s")
            for seed, (spent, rate) in cost.by_seed.items()
        ]
        lines = (f"{title} on {cost.dataset}: training", *seeds, results.source("runs.csv"))
        rate = cost.images_per_second
        rows.append(
            (
                Cell(cost.dataset, head=True),
                Cell(title),
                Cell(f"{cost.parameters:,}", float(cost.parameters)),
                Cell(f"{cost.epochs}", float(cost.epochs)),
                Cell(seconds(cost.seconds), cost.seconds, lines),
                Cell("-") if rate is None else Cell(f"{rate:,.0f}", rate, lines),
            )
        )
    if not rows:
        return None
    return Grid(
        name="training_cost",
        title="Training time of the runs",
        caption="Means over finished seeds. Runs may have shared the machine with each other"
        + ("." if results.timing().empty else ": compare methods by the study's steps."),
        section="timing",
        heads=tuple(map(Head, ("Dataset", "Method", "Parameters", "Epochs", "Training time", "Images per second"))),
        rows=tuple(rows),
    )


def _settings(results: Results) -> Grid | None:
    cells = results.cells
    varying = [key for key in (next(iter(cells.values())) if cells else {}) if key not in results.common]
    if not varying:
        return None
    rows = tuple(
        (
            Cell(dataset, head=True),
            Cell(results.title(method)),
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
    )


def _lambdas(results: Results) -> Grid | None:
    rows = [
        (
            Cell(row.dataset, head=True),
            Cell(results.title(row.method)),
            Cell(f"{row.lambda_:g}", row.lambda_),
            Cell(number(row.paper_lambda), row.paper_lambda),
        )
        for row in results.read(PUBLISHED).lambdas
    ]
    if not rows:
        return None
    return Grid(
        name="lambdas",
        title="Weights in the paper's units",
        caption=(
            "What λ would be at the paper's reconstruction term, 0.05 times the squared error of pixels in [−1, 1], "
            "and at its kernels. A dash: the reconstruction term is no squared error, so that there is no translation."
        ),
        section="settings",
        heads=(Head("Dataset"), Head("Method"), Head("λ"), Head("λ in the paper's units")),
        rows=tuple(rows),
    )


def _metrics(results: Results) -> Grid | None:
    names = sorted(set(results.metrics()["metric"]), key=lambda name: (position(name), name))
    rows = []
    for name in names:
        what = about(name)
        if what.definition:
            better = Cell(what.better or "neither")
            rows.append(
                (Cell(what.title, head=True), Cell(name), Cell(what.unit or "-"), better, Cell(what.definition))
            )
    if not rows:
        return None
    return Grid(
        name="metric_definitions",
        title="What each metric is",
        caption="The name is that of the column `metric` in metrics.csv.",
        section="metrics",
        heads=tuple(map(Head, ("Metric", "Name", "Unit", "Better", "Definition"))),
        rows=tuple(rows),
    )


def _setting(value: Any) -> Cell:
    if isinstance(value, bool) or value is None:
        return Cell(str(value))
    if isinstance(value, int | float):
        return Cell(f"{value:g}", value)
    return Cell(value if isinstance(value, str) else json.dumps(value))
