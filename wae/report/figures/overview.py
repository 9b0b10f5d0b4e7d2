"""The first screen's figures: each method's quality, and the time that its training took, with every seed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wae.analysis.files import COURSES, SCORES
from wae.analysis.metrics import Metric
from wae.analysis.results import Results
from wae.analysis.words import about, axis_title, in_words, number, seconds
from wae.report.figures.plots import Plot
from wae.report.figures.style import INK, Look, canvas, log_axis, look, plain_ticks, time_axis

WIDTH = 5.0  # inches: readable both half as wide as a large screen and on a small one
ROW = 0.2  # inches


@dataclass(frozen=True)
class Row:
    """A method's mean, its interval if there is one, and its seeds."""

    look: Look
    mean: float
    by_seed: Mapping[int, float]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Block:
    """The rows of a dataset, best first; ``real``: the value of real data, if it is known."""

    dataset: str
    rows: list[Row]
    real: float | None = None


def plots(results: Results) -> Iterable[Plot]:
    """Quality by the primary measure, and training time; the methods in the same order in both."""
    quality = _quality(results)
    if quality:
        title = in_words(results.distance)
        yield Plot(
            name="overview_quality",
            section="overview",
            title=f"{title} of samples to real images",
            caption="A mark is a seed, the bar their mean with its 95% interval; the dotted line is real data.",
            alt=f"{title}: {_said(quality, number)}",
            draw=partial(draw, quality, axis_title(str(results.distance)), about(results.distance)),
        )
    time = _time(results, [(block.dataset, [row.look.method for row in block.rows]) for block in quality])
    if time:
        shared = "Runs may have shared the machine"
        alone = "" if results.timing().empty else ": the timing study below had it to itself"
        yield Plot(
            name="overview_seconds",
            section="overview",
            title="Time that this took to train",
            caption=f"Pre-training and steps, without scoring. {shared}{alone}.",
            alt=f"Training time: {_said(time, seconds)}",
            draw=partial(draw, time, "training time of a run", None),
        )


def _said(blocks: list[Block], write: Callable[[float], str]) -> str:
    parts = []
    for block in blocks:
        said = ", ".join(f"{row.look.title} {write(row.mean)}" for row in block.rows)
        parts.append(f"on {block.dataset} {said}" + (f", real data {number(block.real)}" if block.real else ""))
    return "; ".join(parts)


def _quality(results: Results) -> list[Block]:
    """Best first."""
    blocks = []
    for dataset in results.datasets if results.distance else ():
        scores = [
            score
            for score in results.read(SCORES)
            if (score.dataset, score.metric, score.subject) == (dataset, results.distance, "prior")
            and score.method in results.main_methods
        ]
        scores.sort(key=lambda score: -score.mean if about(results.distance).better == "higher" else score.mean)
        rows = [Row(look(results, s.method), s.mean, s.by_seed, s.low, s.high) for s in scores]
        if rows:
            blocks.append(Block(dataset, rows, results.real_value(dataset, str(results.distance))))
    return blocks


def _time(results: Results, order: list[tuple[str, list[str]]]) -> list[Block]:
    """Training seconds of the methods in ``order``, by dataset."""
    costs = {(cost.dataset, cost.method): cost for cost in results.read(COURSES).costs}
    blocks = []
    for dataset, methods in order:
        found = [costs[dataset, method] for method in methods if (dataset, method) in costs]
        rows = [Row(look(results, c.method), c.seconds, {s: v[0] for s, v in c.by_seed.items()}) for c in found]
        if rows:
            blocks.append(Block(dataset, rows))
    return blocks


def draw(blocks: list[Block], label: str, metric: Metric | None) -> Figure:
    """A row per method under its dataset's name: seeds as marks, mean and interval as a bar, the mean in figures."""
    count = sum(len(block.rows) + 1 for block in blocks)
    figure, (axes,) = canvas(0.55 + ROW * count, width=WIDTH)
    ticks: list[tuple[int, str, bool]] = []
    for block in blocks:
        first = len(ticks)
        ticks.append((first, block.dataset, True))
        for row in block.rows:
            _row(axes, len(ticks), row, metric)
            ticks.append((len(ticks), row.look.title, False))
        if block.real is not None:
            axes.plot([block.real] * 2, [first + 0.4, len(ticks) - 0.5], color=INK, linestyle=":", linewidth=1.2)
            axes.annotate(f"real data {number(block.real, 2)}", (block.real, first), xytext=(-2, 0), fontsize=8.5,
                          textcoords="offset points", va="center")  # fmt: skip
    axes.set_yticks([place for place, _, _ in ticks], [name for _, name, _ in ticks])
    for mark, (_, _, heading) in zip(axes.get_yticklabels(), ticks, strict=True):
        mark.set_fontweight("bold" if heading else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(ticks) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    positive = all(value > 0 for block in blocks for row in block.rows for value in row.by_seed.values())
    if metric is not None and metric.positive and positive:
        log_axis(axes.xaxis)
    else:
        if metric is None:
            time_axis(axes.xaxis)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5))
            plain_ticks(axes.xaxis)
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(label)
    return figure


def _row(axes: Axes, place: int, row: Row, metric: Metric | None) -> None:
    style = row.look
    said = seconds(row.mean) if metric is None else number(row.mean, 3)
    if row.low is not None and row.high is not None:
        (bar,) = axes.plot([row.low, row.high], [place] * 2, color=style.colour, linewidth=6, alpha=0.3,
                           solid_capstyle="butt")  # fmt: skip
        style.tip(bar, f"mean {said} [{number(row.low, 3)}, {number(row.high, 3)}]")
    (mean,) = axes.plot([row.mean] * 2, [place - 0.32, place + 0.32], color=style.colour, linewidth=2)
    style.tip(mean, f"mean {said}")
    for seed, value in row.by_seed.items():
        (mark,) = axes.plot([value], [place], linestyle="", marker=style.marker, color=style.colour, alpha=0.85,
                            markeredgecolor="none")  # fmt: skip
        style.tip(mark, f"seed {seed}: {seconds(value) if metric is None else number(value)}")
    text = axes.annotate(said, (1, place), xycoords=("axes fraction", "data"), xytext=(4, 0), fontsize=8.5,
                         textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
    style.tip(text)
