"""The tables of scores: per dataset one for generation, one for reconstruction, one for the latent match."""

import csv
import io
from collections.abc import Iterable
from dataclasses import replace

from wae.analysis.results import Results
from wae.analysis.runs import REAL_DATA
from wae.report.names import slug
from wae.report.tables.grids import Cell, Grid, Head, superscript
from wae.report.tables.scores import FEWEST_SEEDS, Column, Score, marks, score
from wae.report.wording import PERFECT, SUBJECTS, bracketed, describe, method_title

GROUPS = {
    "generation": ("Generation", ("prior",)),
    "other_samples": ("Mixture and interpolations", ("mixture", "interpolation")),
    "reconstruction": ("Reconstruction", ("reconstruction",)),
    "latent": ("Latent match", ("codes",)),
}


def build(results: Results) -> list[Grid]:
    """One table a dataset and group of metrics that was measured."""
    grids = (_build_one(results, dataset, group) for dataset in results.datasets for group in GROUPS)
    return [grid for grid in grids if grid is not None]


def _build_one(results: Results, dataset: str, group: str) -> Grid | None:
    title, subjects = GROUPS[group]
    columns = [_column(results, dataset, *pair, len(subjects) > 1) for pair in _measured(results, dataset, subjects)]
    if not columns:
        return None
    fixed = [name for name in (REAL_DATA, PERFECT) if any(name in column.scores for column in columns)]
    methods = [*results.methods, *fixed]
    words = ", ".join(SUBJECTS[name] for name in subjects)
    against = "" if group == "latent" else f" Compared with the {results.reference} split."
    return Grid(
        name=f"{slug(dataset)}_{group}",
        title=f"{title} on {dataset}",
        caption=f"{title} on {dataset}: {words}. Mean over training seeds ± half of the 95% interval.{against}",
        section="scores",
        dataset=dataset,
        heads=(
            Head("Method"),
            Head("Seeds", "finished of started"),
            *(Head(heading(column), column.about.definition) for column in columns),
        ),
        rows=tuple(_row(results, dataset, method, columns) for method in methods),
        reasons=tuple(citation_reasons(results, dataset)),
        fixed=len(fixed),
        long_csv=_long_csv(results, dataset, methods, columns),
        source="metrics.csv",
    )


def _measured(results: Results, dataset: str, subjects: Iterable[str]) -> list[tuple[str, str]]:
    """(metric, subject) pairs measured on a dataset, the ranking distance first, then in the metrics' order."""
    frame = results.metrics
    frame = frame[(frame["dataset"] == dataset) & (frame["method"] != REAL_DATA)]
    order = list(subjects)
    pairs = {(m, s) for m, s in zip(frame["metric"], frame["subject"], strict=True) if s in order}
    shown = [(m, s) for m, s in pairs if describe(m).shown and not (m.startswith("latent_") and s == "prior")]
    return sorted(shown, key=lambda p: (p[0] != results.distance, describe(p[0]).position, p[0], order.index(p[1])))


def _column(results: Results, dataset: str, metric: str, subject: str, named: bool) -> Column:
    found = {method: score(results, dataset, method, metric, subject) for method in results.methods}
    scores = {method: value for method, value in found.items() if value is not None}
    about = describe(metric)
    for method, mark in marks(scores, about.better).items():
        scores[method] = replace(scores[method], mark=mark)
    real = score(results, dataset, REAL_DATA, metric, "data") if subject == "prior" else None
    if real is not None:
        scores[REAL_DATA] = replace(real, low=None, high=None)
    if subject == "codes":
        perfect = [score(results, dataset, method, metric, "prior") for method in results.methods]
        values = {number: value.mean for number, value in enumerate(perfect) if value is not None}
        if values:
            scores[PERFECT] = Score(sum(values.values()) / len(values), None, None, values)
    return Column(metric=metric, subject=subject, about=about, scores=scores, named=named)


def heading(column: Column) -> str:
    """Title, subject where the title leaves it open, scale, unit and direction of a column."""
    scale = f"10{superscript(column.scale)}" if column.scale else ""
    unit = " ".join(part for part in (scale, column.about.unit) if part)
    return " ".join(part for part in (column.title, bracketed(unit), column.arrow) if part)


def _row(results: Results, dataset: str, method: str, columns: list[Column]) -> tuple[Cell, ...]:
    finished, started = results.finished(dataset, method), results.started(dataset, method)
    seeds = Cell(f"{finished}/{started}", finished) if started else Cell("")
    cells = [_cell(results, dataset, method, column) for column in columns]
    return (Cell(method_title(method), head=True), seeds, *cells)


def _cell(results: Results, dataset: str, method: str, column: Column) -> Cell:
    found = column.scores.get(method)
    if found is None:
        return Cell("-")
    text = column.text(found) + (" (smoke)" if found.smoke else "")
    return Cell(text, found.mean, trace(results, dataset, method, column, found), found.mark)


def trace(results: Results, dataset: str, method: str, column: Column, found: Score) -> tuple[str, ...]:
    """Where a cell comes from: its name, each seed's value, sample counts, the file and the runs' folders."""
    lines = [f"{method_title(method)} on {dataset}: {column.title}"]
    if method in (REAL_DATA, PERFECT):
        lines.append(f"value {found.mean:.6g}")
    else:
        lines += [f"seed {seed}: {value:.6g}" for seed, value in found.by_seed.items()]
        missing = results.started(dataset, method) - len(found.by_seed)
        lines += [f"{missing} of {results.started(dataset, method)} seeds without a value"] if missing else []
    if found.low is not None and found.high is not None:
        lines.append(f"95% interval {found.low:.6g} to {found.high:.6g}")
    if found.samples is not None:
        draws = f", {found.draws} draws a seed" if found.draws > 1 else ""
        lines.append(
            f"from {found.samples:,} images{draws}" if column.subject != "codes" else f"from {found.samples:,} codes"
        )
    lines.append(f"file {results.shown_path(results.folder / 'metrics.csv')}")
    if method not in (REAL_DATA, PERFECT):
        seeds = ",".join(map(str, found.by_seed))
        lines.append(f"runs {results.shown_path(results.folder / dataset / method)}/seed{{{seeds}}}")
    return tuple(lines)


def _long_csv(results: Results, dataset: str, methods: list[str], columns: list[Column]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ("dataset", "method", "metric", "subject", "unit", "better", "mean", "low", "high")
    writer.writerow([*names, "seeds_finished", "seeds_started", "samples", "draws", "label", "mark"])
    for method in methods:
        counts = (results.finished(dataset, method), results.started(dataset, method))
        for column in columns:
            found = column.scores.get(method)
            if found is not None:
                about = column.about
                numbers = ["" if v is None else repr(v) for v in (found.mean, found.low, found.high)]
                key = [dataset, method, column.metric, column.subject, about.unit, about.better or ""]
                samples = "" if found.samples is None else found.samples
                label = "smoke" if found.smoke else ""
                writer.writerow([*key, *numbers, *counts, samples, found.draws, label, found.mark])
    return out.getvalue()


def citation_reasons(results: Results, dataset: str | None = None) -> list[str]:
    """Why the numbers of a dataset (of any, for None) are not for citation; empty when they meet the bar."""
    datasets = results.datasets if dataset is None else [dataset]
    reasons = []
    fewest = min((results.finished(d, m) for d in datasets for m in results.methods), default=0)
    if fewest < FEWEST_SEEDS:
        reasons.append(
            f"a method has {fewest} finished {'seed' if fewest == 1 else 'seeds'}, fewer than {FEWEST_SEEDS}"
        )
    frame = results.metrics
    distances = frame[
        frame["dataset"].isin(datasets) & frame["metric"].isin([results.distance]) & (frame["subject"] == "prior")
    ]
    if (distances["label"] == "smoke").any():
        few = ", ".join(dict.fromkeys(distances[distances["label"] == "smoke"]["dataset"]))
        reasons.append(f"the distances on {few} rest on fewer than 2,048 images on one side")
    clean = results.manifest.get("clean_tree")
    if clean is None:
        reasons.append("the commit of the sources is not known")
    elif not clean:
        reasons.append("the sources had changes that are not committed")
    return reasons
