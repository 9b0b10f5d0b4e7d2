"""Figures of scores: each method with its seeds."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from wae.analysis.results import Results
from wae.report.figures.plots import Plot
from wae.report.figures.style import INK, canvas, look, plain_ticks
from wae.report.names import slug
from wae.report.tables.scores import Score, score
from wae.report.wording import axis_title, in_words, method_title

EACH_SEED = "Each mark is a seed; the bar is the mean with its 95% interval."


def plots(results: Results) -> Iterable[Plot]:
    """The figures of each dataset."""
    distance = results.distance
    for dataset in results.datasets:
        name = slug(dataset)
        if distance is not None:
            for key, subject, section in ((distance, "prior", "scores"), ("mse", "reconstruction", "scores")):
                yield from _score_plot(results, dataset, key, subject, f"{name}_{key}", section)
        yield from _score_plot(results, dataset, "sharpness", "prior", f"{name}_sharpness", "scores")


def _found(results: Results, dataset: str, metric: str, subject: str) -> dict[str, Score]:
    found = {m: score(results, dataset, m, metric, subject) for m in results.methods}
    return {method: value for method, value in found.items() if value is not None}


def _said(found: dict[str, Score]) -> str:
    parts = []
    for method, value in found.items():
        spread = "" if value.half_width is None else f" ± {value.half_width:.2g}"
        parts.append(f"{method_title(method)} {value.mean:.4g}{spread}")
    return "; ".join(parts)


def _score_plot(results: Results, dataset: str, metric: str, subject: str, name: str, section: str) -> Iterable[Plot]:
    found = _found(results, dataset, metric, subject)
    if not found:
        return
    real = results.real_value(dataset, metric)
    title = f"{in_words(metric)} on {dataset}"
    floor = "" if real is None else " The dotted line is real data's own value."
    yield Plot(
        name=name,
        section=section,
        dataset=dataset,
        title=title,
        caption=f"{EACH_SEED}{floor}",
        alt=f"{title}: {_said(found)}" + ("" if real is None else f"; real data {real:.4g}"),
        draw=partial(draw_scores, found, real, axis_title(metric)),
    )


def draw_scores(found: dict[str, Score], real: float | None, label: str) -> Figure:
    """A row a method: its seeds as marks, mean and interval as a bar; ``real`` as a dotted line."""
    figure, (axes,) = canvas(0.9 + (0.42 if len(found) <= 8 else 0.24) * len(found))
    for row, (method, value) in enumerate(found.items()):
        colour, marker, _ = look(method)
        seeds = list(value.by_seed.values())
        if value.low is not None and value.high is not None:
            axes.plot([value.low, value.high], [row, row], color=colour, linewidth=5, alpha=0.28, solid_capstyle="butt")
        axes.plot([value.mean, value.mean], [row - 0.25, row + 0.25], color=colour, linewidth=2)
        offsets = np.linspace(-0.12, 0.12, len(seeds)) if len(seeds) > 1 else np.zeros(1)
        axes.plot(seeds, row + offsets, linestyle="", marker=marker, color=colour, markeredgecolor="none", alpha=0.9)
    if real is not None:
        axes.axvline(real, color=INK, linestyle=":", linewidth=1.2)
        axes.annotate("real data", (real, -0.62), xytext=(3, 0), textcoords="offset points", fontsize=8, va="center")
    axes.set_yticks(range(len(found)), [method_title(method) for method in found])
    axes.set_ylim(len(found) - 0.5, -0.8)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)
    plain_ticks(axes.xaxis)
    axes.set_xlabel(label)
    return figure
