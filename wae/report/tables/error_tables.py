"""Tables on the error of the distances: budget, gap, agreement of measures, and equal tuning."""

from dataclasses import asdict, replace

from wae.analysis.files import AGREEMENT, BUDGET, GAP, TUNING
from wae.analysis.results import Results
from wae.analysis.rows import BudgetRow, Condition, GapRow
from wae.analysis.words import SUBJECTS, arrow, counted, in_words, number, spread
from wae.report.tables.grids import Cell, Grid, Head


def build(results: Results) -> list[Grid]:
    """The tables that the scores allow."""
    made = [_budget(results), _gap(results), _agreement(results), _sweep(results), _both(results)]
    return [grid for grid in made if grid is not None]


def condition_title(condition: Condition) -> str:
    """A measure and what it is taken of."""
    return f"{in_words(condition.metric)} of {SUBJECTS[condition.subject]}"


def _cell(value: float | None, trace: tuple[str, ...]) -> Cell:
    return Cell("-") if value is None else Cell(number(value, 3), value, trace)


def _rows(results: Results, rows: list[BudgetRow] | list[GapRow], columns: list[str]) -> tuple[tuple[Cell, ...], ...]:
    made = []
    for row in rows:
        trace = (
            f"{results.title(row.method)} on {row.dataset}",
            results.source("metrics.csv"),
            f"runs {results.shown_path(results.folder / row.dataset / row.method)}/",
        )
        cells = [_cell(asdict(row)[column], trace) for column in columns]
        if isinstance(row, BudgetRow) and row.ratio and row.detectable is not None:
            cells[-1] = replace(cells[-1], text=f"{cells[-1].text} times")
        made.append((Cell(row.dataset, head=True), Cell(results.title(row.method)), *cells))
    return tuple(made)


def _budget(results: Results) -> Grid | None:
    found = results.read(BUDGET)
    if not found:
        return None
    columns = ["mean", "sd_seed", "sd_draw", "sd_half", "error_seed", "error_draw", "error_half", "detectable"]
    heads = (
        Head("Dataset"),
        Head("Method"),
        Head("mean"),
        Head("sd: seeds", "training again with another seed, sampling taken out"),
        Head("sd: draws", "drawing other samples"),
        Head("sd: halves", "another half of the reference images"),
        Head("error: seeds", "standard error of the mean by this source alone"),
        Head("error: draws", "standard error of the mean by this source alone"),
        Head("error: reference", "common to all methods: it hardly changes a difference"),
        Head(
            "detectable",
            "smallest difference between two such methods, or factor (times), that a corrected test finds with 80% "
            "power",
        ),
    )
    return Grid(
        name="error_budget",
        title=f"Error budget of the {in_words(results.distance)}",
        caption=(
            "Standard deviations by source, the standard error of the reported mean by each source alone, and the "
            "smallest difference that this experiment could have found with 80% power, corrected for all pairs of "
            "methods without variants on all datasets; a factor (times) where methods are compared by ratios."
        ),
        section="budget",
        heads=heads,
        rows=_rows(results, found, columns),
    )


def _gap(results: Results) -> Grid | None:
    found = results.read(GAP)
    if not found:
        return None
    columns = ["floor", "reconstruction", "mixture", "prior", "decoder", "density", "hole"]
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
        rows=_rows(results, found, columns),
    )


def _agreement(results: Results) -> Grid | None:
    rows, methods = [], results.main_methods
    for found in results.read(AGREEMENT):
        for ranking in found.rankings:
            ranks = [ranking.ranks.get(method) for method in methods]
            cells = [Cell("-") if rank is None else Cell(f"{rank:g}", rank) for rank in ranks]
            tau = Cell("-") if ranking.tau is None else Cell(f"{ranking.tau:.2f}".replace("-", "−"), ranking.tau)
            title = Cell(condition_title(ranking.condition))
            rows.append((Cell(found.dataset, head=True), title, *cells, tau))
    if not rows:
        return None
    heads = ("Dataset", "Measure", *map(results.title, methods))
    return Grid(
        name="agreement",
        title="Do the measures agree?",
        caption=(
            "Rank of each method by the mean over seeds, 1 is best; the first line of a dataset is the primary "
            "measure. Sharpness ranks by nearness to real images. Tau: Kendall's, with the primary ranking; 1 is the "
            "same order, −1 the reverse."
        ),
        section="budget",
        heads=(*map(Head, heads), Head("tau", "Kendall's tau-b with the ranking by the primary measure")),
        rows=tuple(rows),
    )


def _sweep(results: Results) -> Grid | None:
    rows = []
    for row in results.read(TUNING).tried:
        trace = (
            f"{results.title(row.variant)} on {row.dataset}: validation images",
            f"{counted(row.seeds, 'seed')}, {row.unfinished} unfinished",
            results.source("metrics.csv"),
        )
        choice = "has an unfinished seed" if row.unfinished else "-"
        if row.chosen:
            choice = "chosen, at the edge of the sweep" if row.at_edge else "chosen"
        rows.append(
            (
                Cell(row.dataset, head=True),
                Cell(results.title(row.method)),
                Cell(f"{row.weight:g}", row.weight),
                Cell(number(row.validation, 3), row.validation, trace, "best" if row.chosen else ""),
                Cell(f"{row.seeds}", row.seeds),
                Cell(choice),
            )
        )
    if not rows:
        return None
    return Grid(
        name="lambda_sweep",
        title="Each method's own weight, chosen on validation images",
        caption="Mean over seeds; a weight with an unfinished seed cannot be chosen. The test split chose nothing.",
        section="sweep",
        heads=tuple(map(Head, ("Dataset", "Method", "λ", _headed(results), "Seeds", "Choice"))),
        rows=tuple(rows),
    )


def _headed(results: Results) -> str:
    return f"{in_words(results.distance)} {arrow(results.distance)}".rstrip()


def _both(results: Results) -> Grid | None:
    rows = []
    for row in results.read(TUNING).compared:
        seeds = "; ".join(f"seed {seed}: {value:.5g}" for seed, value in row.by_seed.items())
        trace = (f"{results.title(row.method)} on {row.dataset}: test images", seeds)
        rows.append(
            (
                Cell(row.dataset, head=True),
                Cell("its best weight" if row.best else "the paper's weight"),
                Cell(results.title(row.method)),
                Cell(f"{row.weight:g}", row.weight),
                Cell(number(row.mean) + spread(row.low, row.high, 3), row.mean, trace, low=row.low, high=row.high),
                Cell(f"{len(row.by_seed)}/{results.started(row.dataset, row.variant)}", len(row.by_seed)),
            )
        )
    if not rows:
        return None
    return Grid(
        name="lambda_comparisons",
        title="Both comparisons: at the paper's weights and at each method's best",
        caption="On test images, which chose nothing. Mean over seeds [95% interval].",
        section="sweep",
        heads=tuple(map(Head, ("Dataset", "At", "Method", "λ", _headed(results), "Seeds"))),
        rows=tuple(rows),
    )
