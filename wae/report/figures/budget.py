"""Figures of the error: the gap decomposition, the bias in the number of samples, the error budget."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wae.analysis.budget import budget_table
from wae.analysis.results import Results
from wae.report.figures.plots import Plot
from wae.report.figures.style import INK, SOFT, canvas, legend_below, look, plain_number, plain_ticks
from wae.report.names import slug
from wae.report.tables.scores import score
from wae.report.wording import in_words, method_title

STAGES = (("data", "floor"), ("reconstruction", "recon-\nstructions"), ("mixture", "mixture"), ("prior", "prior"))
SOURCES = {  # shade and hatch tell the sources apart, also in grey
    "seed": ("training seeds", "#8793a3", ""),
    "draw": ("sample draws", "#efe6cf", "///"),
    "half": ("reference halves", "#56606b", "..."),
}


def plots(results: Results) -> Iterable[Plot]:
    """The figures of each dataset; none where no distance was measured."""
    distance = results.distance
    if distance is None:
        return
    budget = budget_table(results.metrics, distance, results.reference)
    for dataset in results.datasets:
        name = slug(dataset)
        yield from _gap(results, dataset, distance, f"{name}_gap")
        yield from _budget(results, dataset, budget[budget["dataset"] == dataset], f"{name}_budget")
        yield from _bias(results, dataset, distance, f"{name}_bias")


def _budget(results: Results, dataset: str, rows: pd.DataFrame, name: str) -> Iterable[Plot]:
    rows = rows[rows["method"].isin(results.main_methods)]
    found = {
        row["method"]: {source: row[f"sd_{source}"] for source in SOURCES if np.isfinite(row[f"sd_{source}"])}
        for row in rows.to_dict("records")
    }
    found = {method: parts for method in results.main_methods if (parts := found.get(method))}
    if not found:
        return
    said = "; ".join(
        f"{method_title(method)} {', '.join(f'{SOURCES[s][0]} {value:.2g}' for s, value in parts.items())}"
        for method, parts in found.items()
    )
    title = in_words(str(results.distance))
    yield Plot(
        name=name,
        section="budget",
        dataset=dataset,
        title=f"Error budget on {dataset}",
        caption=(
            f"Standard deviation of the {title} of prior samples by its source: training again with another seed "
            "(sampling taken out), drawing other samples, comparing with another half of the reference."
        ),
        alt=f"Standard deviations of the {title} on {dataset}: {said}",
        draw=partial(draw_budget, found, f"standard deviation of the {title}"),
    )


def draw_budget(found: dict[str, dict[str, float]], label: str) -> Figure:
    """A group of bars a method, a bar a source."""
    figure, (axes,) = canvas(1.2 + 0.55 * len(found))
    for row, parts in enumerate(found.values()):
        for place, (source, (_, colour, hatch)) in enumerate(SOURCES.items()):
            if source in parts:
                y = row + 0.26 * (place - 1)
                axes.barh(y, parts[source], 0.24, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.5)
    axes.set_yticks(range(len(found)), [method_title(method) for method in found])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    plain_ticks(axes.xaxis)
    axes.set_xlabel(label)
    used = [source for source in SOURCES if any(source in parts for parts in found.values())]
    legend_below(
        figure,
        [
            Patch(facecolor=SOURCES[s][1], hatch=SOURCES[s][2], edgecolor=INK, linewidth=0.5, label=SOURCES[s][0])
            for s in used
        ],
    )
    return figure


def _gap(results: Results, dataset: str, distance: str, name: str) -> Iterable[Plot]:
    steps: dict[str, list[float | None]] = {}
    real = results.real_value(dataset, distance)
    for method in results.main_methods:
        values: list[float | None] = [real]
        for subject, _ in STAGES[1:]:
            found = score(results, dataset, method, distance, subject)
            values.append(None if found is None else found.mean)
        if sum(value is not None for value in values[1:]) >= 2:
            steps[method] = values
    if not steps:
        return
    words = ", ".join(label.replace("-\n", "").replace("\n", " ") for _, label in STAGES)
    said = "; ".join(
        f"{method_title(m)} {', '.join('not measured' if v is None else f'{v:.4g}' for v in values)}"
        for m, values in steps.items()
    )
    yield Plot(
        name=name,
        section="budget",
        dataset=dataset,
        title=f"Where the distance comes from on {dataset}",
        caption=(
            f"{in_words(distance)} of real data (floor), reconstructions, samples of a mixture fitted to the "
            "codes, and samples of the prior. The step from floor to reconstructions is the decoder's; the step from "
            "mixture to prior is what the aggregate posterior leaves of the prior. Means over seeds."
        ),
        alt=f"{in_words(distance)} of {words}: {said}",
        draw=partial(draw_gap, steps, in_words(distance)),
    )


def draw_gap(steps: dict[str, list[float | None]], label: str) -> Figure:
    """A line a method from floor over reconstructions and mixture to prior."""
    figure, (axes,) = canvas(2.9)
    handles = []
    for method, values in steps.items():
        colour, marker, line = look(method)
        points = [(x, y) for x, y in enumerate(values) if y is not None]
        axes.plot(*zip(*points, strict=True), color=colour, marker=marker, linestyle=line)
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle=line, label=method_title(method)))
    axes.set_xticks(range(len(STAGES)), [label for _, label in STAGES])
    axes.set_ylim(bottom=0)
    axes.grid(axis="x", visible=False)
    plain_ticks(axes.yaxis)
    axes.set_ylabel(label)
    legend_below(figure, handles)
    return figure


def _bias(results: Results, dataset: str, distance: str, name: str) -> Iterable[Plot]:
    frame = results.metrics
    chosen = frame[(frame["dataset"] == dataset) & (frame["metric"] == f"{distance}_curve")]
    curves: dict[str, tuple[list[float], list[float], float | None]] = {}
    for method in results.main_methods:
        rows = chosen[chosen["method"] == method]
        means = rows.groupby("samples")["value"].mean()
        if len(means) >= 2:
            limit = score(results, dataset, method, f"{distance}_infinity", "prior")
            curves[method] = (list(means.index), list(means), None if limit is None else limit.mean)
    if not curves:
        return
    said = "; ".join(
        f"{method_title(m)} {values[0]:.4g} at {counts[0]:.0f} to {values[-1]:.4g} at {counts[-1]:.0f}"
        for m, (counts, values, _) in curves.items()
    )
    yield Plot(
        name=name,
        section="budget",
        dataset=dataset,
        title=f"Bias in the number of samples on {dataset}",
        caption=(
            f"{in_words(distance)} against the number of samples N, drawn over 1/N, in which the bias is linear; "
            "the mark at the left edge is the value extrapolated to infinitely many samples (Chong and Forsyth 2020). "
            "Means over seeds."
        ),
        alt=f"{in_words(distance)} by sample count: {said}",
        draw=partial(draw_bias, curves, in_words(distance)),
    )


def draw_bias(curves: dict[str, tuple[list[float], list[float], float | None]], label: str) -> Figure:
    """Distance over 1/N, a line a method, with the extrapolated value at 0."""
    figure, (axes,) = canvas(2.9)
    handles = []
    for method, (counts, values, limit) in curves.items():
        colour, marker, line = look(method)
        inverse = [1.0 / count for count in counts]
        axes.plot(inverse, values, color=colour, marker=marker, linestyle="")
        if limit is not None:
            axes.plot([0.0, max(inverse)], [limit, np.interp(max(inverse), inverse[::-1], values[::-1])],
                      color=colour, linestyle=line, linewidth=1.2)  # fmt: skip
            axes.plot([0.0], [limit], color=colour, marker=marker, markerfacecolor="none", clip_on=False)
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle=line, label=method_title(method)))
    _label_counts(axes, sorted({count for counts, _, _ in curves.values() for count in counts}))
    axes.set_xlim(left=0)
    plain_ticks(axes.yaxis)
    axes.set_ylabel(label)
    axes.set_xlabel("number of samples N (spaced as 1/N)")
    legend_below(figure, handles)
    return figure


def _label_counts(axes: Axes, counts: list[float]) -> None:
    """Ticks at the counts that do not crowd each other, and at infinity."""
    places, widest = [0.0], 1.0 / counts[0]
    labels = ["∞"]
    for count in reversed(counts):
        if 1.0 / count - places[-1] > 0.13 * widest:
            places.append(1.0 / count)
            labels.append(plain_number(count))
    axes.set_xticks(places, labels)
    axes.tick_params(axis="x", color=SOFT)
