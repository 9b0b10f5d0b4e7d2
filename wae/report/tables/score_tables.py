"""The tables of scores: per dataset one for generation, one for reconstruction, one for the latent match."""

from collections.abc import Sequence

from wae.analysis.files import CITATION, SCORES
from wae.analysis.results import Results
from wae.analysis.rows import Bar, Score, Shortfall
from wae.analysis.runs import REAL_DATA, base_method
from wae.analysis.statistics import MIN_SEEDS
from wae.analysis.words import HIDDEN, SUBJECTS, about, bracketed, counted, position
from wae.core.files import csv_text
from wae.core.reserved import PREFIXES
from wae.report.names import slug
from wae.report.tables.columns import NO_METHODS, Column
from wae.report.tables.grids import FEW_IMAGES, MARKS, Cell, Grid, Head, superscript

LEAD = 9  # columns shown first, so that a table fits a screen 1,280 pixels wide
GROUPS = {
    "generation": ("Generation", ("prior",)),
    "other_samples": ("Mixture and interpolations", ("mixture", "interpolation")),
    "reconstruction": ("Reconstruction", ("reconstruction",)),
    "latent": ("Latent match", ("codes",)),
}
HELD_OUT = "Reconstructions, likelihoods and codes are of test images."  # said where the reference is the train split
LONG_COLUMNS = (
    *("dataset", "method", "metric", "subject", "unit", "better", "mean", "low", "high"),
    *("seeds_finished", "seeds_started", "samples", "draws", "label", "mark"),
)
FIRST = {"reconstruction": "sse", "latent": "latent_sw2_debiased"}  # sorts the table; the others' is the distance


def build(results: Results) -> list[Grid]:
    """One table per dataset and group of metrics that was measured."""
    scores = results.read(SCORES)
    reasons = results.read(CITATION)
    grids = (
        _build_one(results, [s for s in scores if s.dataset == dataset], reasons, dataset, group)
        for dataset in results.datasets
        for group in GROUPS
    )
    return [grid for grid in grids if grid is not None]


def _build_one(
    results: Results, scores: Sequence[Score], reasons: Sequence[Shortfall], dataset: str, group: str
) -> Grid | None:
    title, subjects = GROUPS[group]
    columns = _columns(results, scores, subjects, FIRST.get(group, results.distance))
    if not columns:
        return None
    fixed = list(dict.fromkeys(name for column in columns for name in column.scores if base_method(name) in NO_METHODS))
    methods = [*_ranked(results.methods, columns[0]), *fixed]
    descending = about(columns[0].metric).better == "higher"
    words = ", ".join(SUBJECTS[name] for name in subjects)
    against = "" if group == "latent" else f" Compared with the {results.reference} split."
    against += f" {HELD_OUT}" if results.reference == "train" else ""
    counts = any(score.rejections for column in columns for score in column.scores.values())
    tests = " A test's column counts the seeds that reject at the 5% level." if counts else ""
    limited = any(score.limit for column in columns for score in column.scores.values())
    tests += " ≥, ≤: only a limit, as the estimate of I(X; Z) is near its bound log N." if limited else ""
    return Grid(
        name=f"{slug(dataset)}_{group}",
        title=f"{title} on {dataset}",
        caption=f"{title} on {dataset}: {words}. Mean over training seeds [95% interval].{tests}{against}",
        section="scores",
        dataset=dataset,
        heads=(
            Head("Method"),
            Head("Seeds", "finished of started"),
            *(Head(heading(column), about(column.metric).definition) for column in columns),
        ),
        rows=tuple(_row(results, dataset, method, columns) for method in methods),
        reasons=tuple(reasons_in_words([r for r in reasons if r.dataset == dataset])),
        fixed=len(fixed),
        lead=LEAD if len(columns) + 2 > LEAD else 0,
        order=(2, "descending" if descending else "ascending"),
        key=MARKS if any(s.mark or s.few_images for column in columns for s in column.scores.values()) else "",
        long_csv=_long_csv(results, dataset, methods, columns),
    )


def _ranked(methods: Sequence[str], column: Column) -> list[str]:
    """The best mean in ``column`` first, those without one last."""
    sign = -1.0 if about(column.metric).better == "higher" else 1.0
    means = {method: score.mean for method, score in column.scores.items()}
    return sorted(methods, key=lambda method: (method not in means, sign * means.get(method, 0.0)))


def _columns(results: Results, scores: Sequence[Score], subjects: Sequence[str], first: str | None) -> list[Column]:
    """The measured (metric, subject) pairs as columns: metric ``first``, those that the config names, then the others.

    Of the others of reconstructions, errors of pixels come before distances of features.
    """
    pixels = first == FIRST["reconstruction"]
    named = results.config.get("report", {}).get("secondary", [])
    found: dict[tuple[str, str], dict[str, Score]] = {}
    for score in scores:
        real = score.method == REAL_DATA and "prior" in subjects
        if not score.metric.endswith(HIDDEN) and (score.subject in subjects or real):
            found.setdefault((score.metric, "prior" if real else score.subject), {})[score.method] = score
    pairs = [pair for pair in found if not {base_method(name) for name in found[pair]} <= NO_METHODS]
    pairs.sort(
        key=lambda p: (
            p[0] != first,
            _rank(p, named),
            pixels and p[0].startswith(PREFIXES),
            position(p[0]),
            p[0],
            subjects.index(p[1]),
        )
    )
    return [Column(metric, subject, found[metric, subject], len(subjects) > 1) for metric, subject in pairs]


def _rank(pair: tuple[str, str], named: Sequence[str]) -> int:
    """The place of a (metric, subject) among those that the config names, METRIC/SUBJECT or METRIC, or behind."""
    places = (place for place, name in enumerate(named) if name in (pair[0], "/".join(pair)))
    return next(places, len(named))


def heading(column: Column) -> str:
    """Title, subject where the title leaves it open, scale, unit and direction of a column."""
    scale = f"10{superscript(column.scale)}" if column.scale else ""
    unit = " ".join(part for part in (scale, about(column.metric).unit) if part)
    return " ".join(part for part in (column.title, bracketed(unit), column.arrow) if part)


def _row(results: Results, dataset: str, method: str, columns: list[Column]) -> tuple[Cell, ...]:
    finished, started = results.finished(dataset, method), results.started(dataset, method)
    seeds = Cell(f"{finished}/{started}", finished) if started else Cell("")
    cells = [_cell(results, dataset, method, column) for column in columns]
    return (Cell(results.title(method), head=True), seeds, *cells)


def _cell(results: Results, dataset: str, method: str, column: Column) -> Cell:
    found = column.scores.get(method)
    if found is None:
        return Cell("-")
    text = column.text(found) + (" †" if found.few_images else "")
    return Cell(text, found.mean, trace(results, dataset, method, column, found), found.mark)


def trace(results: Results, dataset: str, method: str, column: Column, found: Score) -> tuple[str, ...]:
    """Where a cell comes from: its name, each seed's value, sample counts, the file and the runs' folders."""
    lines = [f"{results.title(method)} on {dataset}: {column.title}"]
    if base_method(method) in NO_METHODS:
        lines.append(f"value {found.mean:.6g}")
    else:
        lines += [f"seed {seed}: {value:.6g}" for seed, value in found.by_seed.items()]
        missing = results.started(dataset, method) - len(found.by_seed)
        lines += [f"{missing} of {results.started(dataset, method)} seeds without a value"] if missing else []
    if found.low is not None and found.high is not None:
        lines.append(f"95% interval {found.low:.6g} to {found.high:.6g}")
    if found.samples is not None:
        draws = f", {found.draws} draws per seed" if found.draws > 1 else ""
        lines.append(
            f"from {found.samples:,} images{draws}" if column.subject != "codes" else f"from {found.samples:,} codes"
        )
    lines.append(results.source("metrics.csv"))
    if base_method(method) not in NO_METHODS:
        seeds = ",".join(map(str, found.by_seed))
        lines.append(f"runs {results.shown_path(results.folder / dataset / method)}/seed{{{seeds}}}")
    return tuple(lines)


def _long_csv(results: Results, dataset: str, methods: list[str], columns: list[Column]) -> str:
    rows: list[list[object]] = []
    for method in methods:
        counts = (results.finished(dataset, method), results.started(dataset, method))
        for column in columns:
            found = column.scores.get(method)
            if found is not None:
                what = about(column.metric)
                key = [dataset, method, column.metric, column.subject, what.unit, what.better or ""]
                label = "smoke" if found.few_images else found.limit.value
                numbers = [found.mean, found.low, found.high, *counts, found.samples, found.draws]
                rows.append([*key, *numbers, label, found.mark])
    return csv_text(LONG_COLUMNS, rows)


def reasons_in_words(shortfalls: Sequence[Shortfall]) -> list[str]:
    """Why numbers are not for citation, a phrase each."""
    said = []
    fewest = [s.seeds for s in shortfalls if s.bar is Bar.FEW_SEEDS and s.seeds is not None]
    if fewest:
        said.append(f"a method has {counted(min(fewest), 'finished seed')}, fewer than {MIN_SEEDS}")
    few = dict.fromkeys(s.dataset for s in shortfalls if s.bar is Bar.FEW_IMAGES)
    if few:
        said.append(f"the distances on {', '.join(few)} rest on {FEW_IMAGES}")
    bars = {s.bar for s in shortfalls}
    if Bar.UNKNOWN_COMMIT in bars:
        said.append("the commit of the sources is not known")
    if Bar.UNCOMMITTED in bars:
        said.append("the sources had changes that are not committed")
    return said
