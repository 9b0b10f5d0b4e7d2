"""Figures of scores: each method with its seeds."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wae.analysis.files import SCORES
from wae.analysis.results import Results
from wae.analysis.rows import Score
from wae.analysis.words import axis_title, in_words, number, spread
from wae.report.figures.plots import Plot
from wae.report.figures.style import INK, Look, canvas, look, plain_ticks
from wae.report.names import slug

EACH_SEED = "Each mark is a seed; the bar is the mean with its 95% interval."


def plots(results: Results) -> Iterable[Plot]:
    """The figures of each dataset."""
    for dataset in results.datasets:
        name = slug(dataset)
        for key, subject in (("mse", "reconstruction"), ("sharpness", "prior")):
            yield from _score_plot(results, dataset, key, subject, f"{name}_{key}")


def _score_plot(results: Results, dataset: str, metric: str, subject: str, name: str) -> Iterable[Plot]:
    found = {
        look(results, score.method): score
        for score in results.read(SCORES)
        if (score.dataset, score.metric, score.subject) == (dataset, metric, subject)
        and score.method in results.methods
    }
    said = "; ".join(f"{m.title} {number(score.mean)}{spread(score.low, score.high, 3)}" for m, score in found.items())
    if not found:
        return
    real = results.real_value(dataset, metric)
    title = f"{in_words(metric)} on {dataset}"
    floor = "" if real is None else " The dotted line is real data's own value."
    yield Plot(
        name=name,
        section="scores",
        dataset=dataset,
        title=title,
        caption=f"{EACH_SEED}{floor}",
        alt=f"{title}: {said}" + ("" if real is None else f"; real data {number(real)}"),
        draw=partial(draw_scores, found, real, axis_title(metric)),
    )


def draw_scores(found: dict[Look, Score], real: float | None, label: str) -> Figure:
    """The rows of ``score_rows`` in a figure of their own, on a linear scale."""
    figure, (axes,) = canvas(0.9 + (0.42 if len(found) <= 8 else 0.24) * len(found))
    score_rows(axes, found, real)
    plain_ticks(axes.xaxis)
    axes.set_xlabel(label)
    return figure


def score_rows(axes: Axes, found: dict[Look, Score], real: float | None) -> None:
    """A row per method: its seeds as marks, mean and interval as a bar; ``real`` as a dotted line."""
    for row, (method, value) in enumerate(found.items()):
        if value.low is not None and value.high is not None:
            (bar,) = axes.plot([value.low, value.high], [row, row], color=method.colour, linewidth=5, alpha=0.28,
                               solid_capstyle="butt")  # fmt: skip
            method.tip(bar)
        (mean,) = axes.plot([value.mean] * 2, [row - 0.25, row + 0.25], color=method.colour, linewidth=2)
        method.tip(mean, f"mean {number(value.mean)}{spread(value.low, value.high, 3)}")
        offsets = np.linspace(-0.12, 0.12, len(value.by_seed)) if len(value.by_seed) > 1 else np.zeros(1)
        for (seed, score), offset in zip(value.by_seed.items(), offsets, strict=True):
            (mark,) = axes.plot([score], [row + offset], linestyle="", marker=method.marker, color=method.colour,
                                markeredgecolor="none", alpha=0.9)  # fmt: skip
            method.tip(mark, f"seed {seed}: {number(score)}")
    if real is not None:
        axes.axvline(real, color=INK, linestyle=":", linewidth=1.2)
        axes.annotate("real data", (real, -0.62), xytext=(3, 0), textcoords="offset points", fontsize=8, va="center")
    axes.set_yticks(range(len(found)), [method.title for method in found])
    axes.set_ylim(len(found) - 0.5, -0.8)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)
