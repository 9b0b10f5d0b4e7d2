"""Tables of methods against each other, over datasets, and of which randomness decides."""

from wae.analysis.deciding import MOST_SEEDS
from wae.analysis.files import AGGREGATES, CONTRASTS, CROSSED, DECIDING, LOTTERY
from wae.analysis.results import Results
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
        unit = " times" if c.ratio else ""
        rows.append(
            (
                Cell(found.dataset, head=True),
                Cell(what),
                Cell("primary" if found.primary else "secondary"),
                Cell(results.title(c.first)),
                Cell(results.title(c.second)),
                Cell(number(c.estimate, 3) + spread(c.low, c.high, 3) + unit, c.estimate, trace),
                Cell(number(c.effect, 2), c.effect),
                Cell(number(c.p_holm, 2), c.p_holm),
                Cell(told),
            )
        )
    if not rows:
        return None
    heads = ("Dataset", "Measure", "Rank", "First", "Second", "First to second", "g", "p", "First has")
    return Grid(
        name="contrasts",
        title="Methods against each other",
        caption=(
            "Ratio of geometric means, or difference, [95% interval]; Hedges' g; Welch's test over training seeds. "
            "Holm's correction is over all lines of the primary measure, and over all lines of the secondary ones."
        ),
        section="scores",
        heads=tuple(map(Head, heads)),
        rows=tuple(rows),
        source=CONTRASTS.name,
    )


def _aggregates(results: Results) -> Grid | None:
    rows = [
        (
            Cell(results.title(row.method), head=True),
            Cell(f"{row.runs}", row.runs),
            Cell(number(row.mean, 3) + spread(row.low, row.high, 3), row.mean),
            Cell(number(row.improvement, 2) + spread(row.improvement_low, row.improvement_high, 2), row.improvement),
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
        source=AGGREGATES.name,
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
        unit = " times" if c.ratio else ""
        needed = f"over {MOST_SEEDS:,}" if found.needed is None else f"{found.needed:,}"
        rows.append(
            (
                Cell(found.dataset, head=True),
                Cell(results.title(c.first)),
                Cell(results.title(c.second)),
                Cell(number(c.estimate, 3) + spread(c.low, c.high, 3) + unit, c.estimate, trace),
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
        source=DECIDING.name,
    )


STREAMS = {
    "all": "all of them",
    "first_weights": "first weights",
    "data_order": "order of the data",
    "training_draws": "draws of prior and noise in training",
    "samples": "samples and other draws of the evaluation",
    "rest": "interaction: all, less each alone",
}


def _streams(results: Results) -> Grid | None:
    rows = []
    for row in results.read(LOTTERY):
        trace = (f"{results.title(row.method)} on {row.dataset}: {STREAMS[row.stream]}", results.source(LOTTERY.name))
        sd = Cell("-") if row.sd is None else Cell(number(row.sd, 3) + spread(row.low, row.high, 3), row.sd, trace)
        limits = "" if row.share_low is None else f" [{_percent(row.share_low)}, {_percent(row.share_high)}]"
        shares = [
            Cell("-") if share is None else Cell(_percent(share) + within, share, trace)
            for share, within in ((row.variation, ""), (row.share, limits))
        ]
        title = Cell(results.title(row.method))
        seeds = Cell("-") if row.stream == "rest" else Cell(f"{row.seeds}", row.seeds)
        rows.append((Cell(row.dataset, head=True), title, Cell(STREAMS[row.stream]), seeds, sd, *shares))
    if not rows:
        return None
    return Grid(
        name="seed_streams",
        title=f"Which randomness decides the {in_words(results.distance)}",
        caption=(
            "The seed decides the stream named alone, the others are held. Standard deviation over seeds [95% "
            "interval], as a share of the mean, and its variance as a share of that when all vary. The interaction is "
            "what the shares lack of 100% [95% interval, jackknife over seeds]; only an interval without 0 shows one."
        ),
        section="budget",
        heads=tuple(map(Head, ("Dataset", "Method", "Varied", "Seeds", "sd", "of the mean", "of the variance"))),
        rows=tuple(rows),
        source=LOTTERY.name,
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{number(100 * share, 3)}%"


def _crossed(results: Results) -> Grid | None:
    rows = []
    for row in results.read(CROSSED):
        title = results.title(row.method)
        trace = (
            f"{title} on {row.dataset}: {STREAMS[row.stream]} crossed with the others",
            results.source(CROSSED.name),
        )
        shares = [
            Cell("-") if share is None else Cell(_percent(share), share, trace)
            for share in (row.variation, row.stream_share, row.others_share, row.interaction_share)
        ]
        tests = [Cell(number(p, 2), p, trace) for p in (row.stream_p, row.others_p)]
        size = Cell(f"{row.seeds} × {row.held_seeds}", float(row.seeds * row.held_seeds))
        rows.append((Cell(row.dataset, head=True), Cell(title), Cell(STREAMS[row.stream]), size, *shares, *tests))
    if not rows:
        return None
    heads = ("Dataset", "Method", "Stream", "Seeds", "sd of the mean", "the stream", "the others", "interaction")
    return Grid(
        name="seed_cross",
        title=f"Do streams act alone on the {in_words(results.distance)}?",
        caption=(
            "Each seed of the stream with each seed of all others, one run each: shares of the variance (two-way "
            "analysis with random effects; an estimate below zero is as good as none), and p-values of F tests against "
            "the interaction."
        ),
        section="budget",
        heads=(*map(Head, heads), Head("p, the stream"), Head("p, the others")),
        rows=tuple(rows),
        source=CROSSED.name,
    )
