"""Tables of methods against each other, over datasets, and of what each random stream moves."""

from functools import partial

from wae.analysis.deciding import MOST_SEEDS
from wae.analysis.files import AGGREGATES, CONTRASTS, CROSSED, DECIDING, LOTTERY
from wae.analysis.inference_rows import CrossedRow, StreamRow
from wae.analysis.results import Results
from wae.analysis.statistics import Comparison
from wae.analysis.words import SUBJECTS, counted, in_words, number, spread
from wae.report.tables.grids import Cell, Grid, Head


def build(results: Results) -> list[Grid]:
    """The tables that the scores allow."""
    made = [_contrasts(results), _aggregates(results), _deciding(results), _streams(results), _crossed(results)]
    return [grid for grid in made if grid is not None]


def _contrasts(results: Results) -> Grid | None:
    rows = []
    for found in results.read(CONTRASTS):
        c = found.comparison
        if c.p_holm is None:
            continue
        what = f"{in_words(found.metric)}, {SUBJECTS[found.subject]}"
        trace = (
            f"{results.title(c.first)} and {results.title(c.second)} on {found.dataset}",
            results.source("metrics.csv"),
        )
        told = "less" if c.lower else "more" if c.higher else "not told apart"
        rows.append(
            (
                Cell(found.dataset, head=True),
                Cell(what),
                Cell("primary" if found.primary else "secondary"),
                Cell(results.title(c.first)),
                Cell(results.title(c.second)),
                _estimate(c, trace),
                Cell(number(c.effect, 2), c.effect),
                Cell(number(c.p_holm, 2), c.p_holm),
                Cell(told),
            )
        )
    if not rows:
        return None
    heads = ("Dataset", "Measure", "Rank", "First", "Second", "First to second", "g", "p (Holm)", "First has")
    return Grid(
        name="contrasts",
        title="Methods against each other",
        caption=(
            "Ratio of geometric means, or difference, [95% interval, not corrected]; Hedges' g; Welch's test over "
            "training seeds. Holm's correction is over all lines of the primary measure, and over all lines of the "
            "secondary ones."
        ),
        section="scores",
        heads=tuple(map(Head, heads)),
        rows=tuple(rows),
    )


def _estimate(found: Comparison, trace: tuple[str, ...]) -> Cell:
    text = number(found.estimate, 3) + spread(found.low, found.high, 3) + (" times" if found.ratio else "")
    return Cell(text, found.estimate, trace, low=found.low, high=found.high)


def _aggregates(results: Results) -> Grid | None:
    rows = [
        (
            Cell(results.title(row.method), head=True),
            Cell(f"{row.runs}", row.runs),
            Cell(number(row.mean, 3) + spread(row.low, row.high, 3), row.mean, low=row.low, high=row.high),
            Cell(
                number(row.improvement, 2) + spread(row.improvement_low, row.improvement_high, 2),
                row.improvement,
                low=row.improvement_low,
                high=row.improvement_high,
            ),
        )
        for row in results.read(AGGREGATES)
    ]
    if not rows:
        return None
    return Grid(
        name="aggregate",
        title=f"All datasets together, in {in_words(results.distance)}",
        caption=(
            "Interquartile mean over all runs of the score as a ratio to the geometric mean of all methods on that "
            "dataset, and the probability that a run is better than one of another method; 95% intervals of a "
            "bootstrap over seeds within each dataset and method."
        ),
        section="scores",
        heads=(Head("Method"), Head("Runs"), Head("Interquartile mean"), Head("Probability of improvement")),
        rows=tuple(rows),
    )


def _deciding(results: Results) -> Grid | None:
    rows = []
    for found in results.read(DECIDING):
        c = found.comparison
        trace = (
            f"{results.title(c.first)} and {results.title(c.second)} on {found.dataset}",
            f"corrected for {counted(found.comparisons, 'pair')}",
            results.source(DECIDING.name),
        )
        needed = f"over {MOST_SEEDS:,}" if found.needed is None else f"{found.needed:,}"
        rows.append(
            (
                Cell(found.dataset, head=True),
                Cell(results.title(c.first)),
                Cell(results.title(c.second)),
                _estimate(c, trace),
                Cell(number(c.p_holm, 2), c.p_holm),
                Cell(f"{c.seeds}", c.seeds),
                Cell(needed, found.needed, trace),
            )
        )
    if not rows:
        return None
    heads = ("Dataset", "First", "Second", "First to second", "p", "Seeds")
    return Grid(
        name="seeds_to_decide",
        title=f"How many seeds would decide the {in_words(results.distance)}",
        caption=(
            "Fewest seeds per method with which Welch's test would find a difference with 80% power, corrected for all "
            "pairs of this table, if the difference and the spreads found so far were the true ones. The difference "
            "is itself uncertain: see its 95% interval."
        ),
        section="budget",
        heads=(*map(Head, heads), Head("Seeds to decide", "seeds per method in all, with those of this experiment")),
        rows=tuple(rows),
    )


STREAMS = {
    "all": "all",
    "first_weights": "first weights",
    "data_order": "order of the data",
    "training_draws": "draws in training",
    "samples": "draws of the evaluation",
    "sum": "sum of those alone",
}
LOG_SD = "standard deviation of the natural logarithm: 5% is a factor of about 1.05"
FIXED = "The data and its splits, the feature extractor and the reference images are the same in all runs."


def _streams(results: Results) -> Grid | None:
    found = results.read(LOTTERY)
    rows = []
    for row in found:
        trace = (f"{results.title(row.method)} on {row.dataset}: {STREAMS[row.stream]}", results.source(LOTTERY.name))
        share = Cell("-")
        if row.share is not None:
            within = "" if row.share_low is None else f" [{_percent(row.share_low)}, {_percent(row.share_high)}]"
            share = Cell(_percent(row.share) + within, row.share, trace, low=row.share_low, high=row.share_high)
        title, seeds = Cell(results.title(row.method)), Cell(f"{row.seeds}", row.seeds)
        cells = (Cell(row.dataset, head=True), title, Cell(STREAMS[row.stream]), seeds, _sd(row, trace), share)
        rows.append(cells)
    if not rows:
        return None
    return Grid(
        name="seed_streams",
        title=f"How far each random stream alone moves the {in_words(results.distance)}",
        caption=(
            "Each run beside one of the same seed in which the named stream alone has another seed. Standard "
            "deviation [95% interval, for normal scores or log scores], and its square as a share of the variance "
            "when all streams vary, which is the mean of that of the runs compared [95% interval, jackknife over "
            "seeds]. Streams that add up give a sum of 100%. A sum well above 100% says that they interact: changing "
            "one alone moves the score nearly as far as changing all. An interval that holds 100% does not show that "
            "they add up. Intervals are for each method by itself. Of the evaluation's draws only samples from the "
            f"prior enter this score. {FIXED}"
        ),
        section="budget",
        heads=(
            *map(Head, ("Dataset", "Method", "Other seed for", "Seeds")),
            _sd_head(found[0]),
            Head("variance, of that when all vary"),
        ),
        rows=tuple(rows),
    )


def _sd_head(row: StreamRow | CrossedRow) -> Head:
    return Head("relative sd", LOG_SD) if row.log else Head("sd", "standard deviation, in the unit of the score")


def _sd(row: StreamRow | CrossedRow, trace: tuple[str, ...]) -> Cell:
    if row.sd is None:
        return Cell("-")
    said = _percent if row.log else partial(number, digits=3)
    low, high = (row.low, row.high) if isinstance(row, StreamRow) else (None, None)
    within = "" if low is None else f" [{said(low)}, {said(high)}]"
    return Cell(said(row.sd) + within, row.sd, trace, low=low, high=high)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{number(100 * share, 3)}%"


def _crossed(results: Results) -> Grid | None:
    found = results.read(CROSSED)
    rows = []
    for row in found:
        title = results.title(row.method)
        trace = (
            f"{title} on {row.dataset}: {STREAMS[row.stream]} crossed with the others",
            results.source(CROSSED.name),
        )
        shares = [
            Cell(_percent(share), share, trace) for share in (row.stream_share, row.others_share, row.interaction_share)
        ]
        tests = [Cell(number(p, 2), p, trace) for p in (row.stream_p, row.others_p)]
        size = Cell(f"{row.seeds} × {row.held_seeds}", float(row.seeds * row.held_seeds))
        first = (Cell(row.dataset, head=True), Cell(title), Cell(STREAMS[row.stream]), size, _sd(row, trace))
        rows.append((*first, *shares, *tests))
    if not rows:
        return None
    return Grid(
        name="seed_cross",
        title=f"One random stream crossed with all others, in {in_words(results.distance)}",
        caption=(
            "Each seed of the stream with each seed of all others, one run each: standard deviation, shares of the "
            "variance (two-way analysis with random effects; an estimate below zero is as good as none), and p-values "
            f"of F tests against the interaction. {FIXED}"
        ),
        section="budget",
        heads=(
            *map(Head, ("Dataset", "Method", "Stream", "Seeds")),
            _sd_head(found[0]),
            *map(Head, ("the stream", "the others", "interaction", "p, the stream", "p, the others")),
        ),
        rows=tuple(rows),
    )
