"""Tables of scores, as CSV, Markdown and LaTeX, and as objects for the page."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from wae.analysis.runs import REAL_DATA, base_method
from wae.files import write_json, write_text
from wae.report.names import slug
from wae.report.results import Results
from wae.report.scores import FEWEST_SEEDS, SMOKE_SAMPLES, Column, Score, marks, score
from wae.report.wording import SUBJECTS, describe, method_title
from wae.report.writers import csv_text, markdown_text, tex_text

GROUPS = {
    "generation": ("Generation", ("prior", "mixture", "interpolation")),
    "reconstruction": ("Reconstruction", ("reconstruction",)),
    "latent": ("Latent match", ("codes",)),
}
CURVES = ("_curve",)  # metrics of figures, one value a sample count


@dataclass(frozen=True)
class Row:
    """A method's line. ``finished`` of ``started`` seeds; ``scores`` by column, None where not measured."""

    method: str
    title: str
    finished: int
    started: int
    scores: tuple[Score | None, ...]


@dataclass(frozen=True)
class Table:
    """Scores of one dataset. ``reasons``: why it is not for citation (empty when it meets its bar)."""

    name: str
    title: str
    caption: str
    dataset: str
    group: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    reasons: tuple[str, ...] = field(default=())


def tables(experiment_dir: Path, out_dir: Path) -> None:
    """Write every table of the experiment into ``out_dir`` as NAME.csv, NAME.md and NAME.tex, and index.json."""
    results = Results(Path(experiment_dir))
    out_dir = Path(out_dir)
    index = []
    for table in build(results):
        for suffix, write in (("csv", csv_text), ("md", markdown_text), ("tex", tex_text)):
            write_text(out_dir / f"{table.name}.{suffix}", write(table))
        index.append({"name": table.name, "title": table.title, "caption": table.caption, "dataset": table.dataset})
    write_json(out_dir / "index.json", index)


def build(results: Results) -> list[Table]:
    """The score tables: one a dataset and group of metrics that was measured."""
    made = []
    for dataset in results.datasets:
        for group in GROUPS:
            table = _build_one(results, dataset, group)
            if table.columns:
                made.append(table)
    return made


def _build_one(results: Results, dataset: str, group: str) -> Table:
    title, subjects = GROUPS[group]
    columns = tuple(
        _column(results, dataset, metric, subject) for metric, subject in _measured(results, dataset, subjects)
    )
    rows = []
    for method in results.methods:
        rows.append(
            Row(
                method=method,
                title=method_title(method),
                finished=results.finished(dataset, method),
                started=results.started(dataset, method),
                scores=tuple(column.scores.get(method) for column in columns),
            )
        )
    real = tuple(_real(results, dataset, column) for column in columns)
    if any(real):
        rows.append(Row(REAL_DATA, method_title(REAL_DATA), 0, 0, real))
    return Table(
        name=f"{slug(dataset)}_{group}",
        title=f"{dataset}: {title.lower()}",
        caption=_caption(results, dataset, group),
        dataset=dataset,
        group=group,
        columns=columns,
        rows=tuple(rows),
        reasons=tuple(citation_reasons(results, dataset)),
    )


def _measured(results: Results, dataset: str, subjects: Iterable[str]) -> list[tuple[str, str]]:
    """(metric, subject) pairs measured on a dataset, the ranking distance first, then by name."""
    frame = results.metrics
    frame = frame[(frame["dataset"] == dataset) & (frame["method"] != REAL_DATA)]
    found = set(zip(frame["metric"], frame["subject"], strict=True))
    order = list(subjects)
    pairs = [(m, s) for m, s in found if s in order and not m.endswith(CURVES)]
    return sorted(pairs, key=lambda pair: (pair[0] != results.distance, pair[0], order.index(pair[1])))


def _column(results: Results, dataset: str, metric: str, subject: str) -> Column:
    scores = {}
    for method in results.methods:
        found = score(results, dataset, method, metric, subject)
        if found is not None:
            scores[method] = found
    about = describe(metric)
    for method, mark in marks(scores, about.better).items():
        scores[method] = replace(scores[method], mark=mark)
    return Column(metric=metric, subject=subject, about=about, scores=scores)


def _real(results: Results, dataset: str, column: Column) -> Score | None:
    if column.metric.startswith(("fid_", "kid_")) and column.subject != "prior":
        return None
    found = score(results, dataset, REAL_DATA, column.metric, "data")
    return None if found is None else replace(found, low=None, high=None)


def _caption(results: Results, dataset: str, group: str) -> str:
    subjects = ", ".join(SUBJECTS[name] for name in GROUPS[group][1])
    return (
        f"{GROUPS[group][0]} on {dataset}: mean over training seeds ± half of the 95% interval, of {subjects}; "
        f"compared with the {results.reference} split."
    )


def citation_reasons(results: Results, dataset: str) -> list[str]:
    """Why the tables of a dataset are not for citation; empty when they meet the bar."""
    reasons = []
    fewest = min((results.finished(dataset, method) for method in results.methods), default=0)
    if fewest < FEWEST_SEEDS:
        reasons.append(f"a method has {fewest} finished {'seed' if fewest == 1 else 'seeds'}, fewer than {FEWEST_SEEDS}")
    frame = results.metrics
    distances = frame[(frame["dataset"] == dataset) & frame["metric"].isin([results.distance])]
    samples = distances[distances["subject"] == "prior"]["samples"].max()
    if samples < SMOKE_SAMPLES:
        reasons.append(f"distances from {samples:.0f} samples, fewer than {SMOKE_SAMPLES:,}")
    clean = results.manifest.get("clean_tree")
    if clean is False:
        reasons.append("the source tree had uncommitted changes")
    elif clean is None:
        reasons.append("the commit of the sources is not known")
    return reasons


def is_variant(method: str) -> bool:
    """Whether a method's name sets something."""
    return base_method(method) != method
