"""The tables of ``wae compare``: what differs in the origin of two folders, and in their scores."""

from collections import Counter
from collections.abc import Sequence

from wae.analysis.folders import Outcome, ScorePair
from wae.analysis.origins import Difference
from wae.analysis.statistics import MIN_SEEDS, Interval
from wae.analysis.words import SHORT_SUBJECTS, about, counted, in_words, method_title, number, spread
from wae.report.tables.grids import Cell, Grid, Head

LONG = 160  # characters of a fact that are shown


def origins(found: Sequence[Difference]) -> Grid:
    """One row per fact that the folders state in two ways."""
    rows = [
        (Cell(d.name, head=True), *(Cell("-" if value is None else _short(value)) for value in (d.first, d.second)))
        for d in found
    ]
    caption = "What the manifests, configs and data of the two folders state in two ways; what they share is left out."
    heads = (Head("Fact"), Head("First"), Head("Second"))
    return Grid("origins", "What differs in origin", caption, "origins", heads, tuple(rows))


def scores(pairs: Sequence[ScorePair], only_different: bool = False) -> list[Grid]:
    """The primary scores and the others, a row each, those that differ first, or these alone; no empty table."""
    caption = (
        "Means over seeds. Change: the second over the first, as a ratio (×) of geometric means for scores that are "
        "positive by definition, else as a difference, with its 95% interval. p: two-sided t-test (Welch's; of each "
        "network's own change where both folders scored the same networks), corrected by Holm over all tested scores "
        "of this table. Scores with the same bits in every seed are not tested."
    )
    heads = tuple(map(Head, ("Dataset", "Method", "Score", "Result", "First", "Second", "Change", "p")))
    grids = []
    for name, title, primary in (("primary", "Primary measure", True), ("others", "Other scores", False)):
        chosen = [
            pair
            for pair in sorted(pairs, key=lambda pair: list(Outcome).index(pair.outcome))
            if pair.primary is primary and (pair.outcome is Outcome.DIFFERENT or not only_different)
        ]
        if chosen:
            grids.append(Grid(f"scores_{name}", title, caption, "scores", heads, tuple(map(_row, chosen))))
    return grids


def summary(pairs: Sequence[ScorePair]) -> str:
    """The counts in one sentence, and what they do not say."""
    counts = Counter(pair.outcome for pair in pairs)
    words = {
        Outcome.DIFFERENT: "different beyond noise",
        Outcome.UNDECIDED: "without a difference found",
        Outcome.SAME_BITS: "with the same bits",
        Outcome.FEW: f"not tested (fewer than {MIN_SEEDS} seeds)",
        Outcome.COUNTS: "on other image counts",
        Outcome.FIRST: "in the first alone",
        Outcome.SECOND: "in the second alone",
    }
    said = ", ".join(f"{counts[outcome]} {text}" for outcome, text in words.items() if counts[outcome])
    text = f"{counted(len(pairs), 'score')}: {said}." if pairs else "The folders hold no scores."
    if counts[Outcome.UNDECIDED]:
        text += (
            " That none was found does not make two scores equal: the interval of the change says how large it may be."
        )
    return text


def _row(pair: ScorePair) -> tuple[Cell, ...]:
    known, change = about(pair.metric), pair.comparison
    of = SHORT_SUBJECTS.get(pair.subject, "")
    name = f"{in_words(pair.metric)}, {of}" if of else in_words(pair.metric)
    told, p = pair.outcome.value, Cell("-")
    moved = Cell("-")
    if change is not None:
        sign = "× " if change.ratio else ""
        text = f"{sign}{number(change.estimate, 3)}{spread(change.low, change.high, 3)}"
        moved = Cell(text, change.estimate, low=change.low, high=change.high)
        p = Cell("-" if change.p_holm is None else _p(change.p_holm), change.p_holm)
        if pair.outcome is Outcome.DIFFERENT:
            way = "higher" if change.higher else "lower"
            told = way if known.better is None else f"{way}, {'better' if way == known.better else 'worse'}"
    return (
        *(Cell(pair.dataset, head=True), Cell(pair.title or method_title(pair.method)), Cell(name), Cell(told)),
        *(_mean(pair.first), _mean(pair.second), moved, p),
    )


def _mean(found: Interval | None) -> Cell:
    return Cell("-") if found is None else Cell(number(found.mean), found.mean)


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}…"
