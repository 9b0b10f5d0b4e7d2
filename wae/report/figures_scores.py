"""Figures of scores: each method with its seeds, the gap decomposition, the error budget, the bias in N, sharpness."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wae.analysis.results import Results
from wae.report.names import slug
from wae.report.plots import Plot
from wae.report.scores import Score, score
from wae.report.style import INK, SOFT, canvas, legend_below, look, plain_number, plain_ticks
from wae.report.wording import describe, method_title

EACH_SEED = "Each mark is a seed; the bar is the mean with its 95% interval."
STAGES = (("data", "floor"), ("reconstruction", "recon-\nstructions"), ("mixture", "mixture"), ("prior", "prior"))


def plots(results: Results) -> Iterable[Plot]:
    """The figures of each dataset."""
    distance = results.distance
    for dataset in results.datasets:
        name = slug(dataset)
        if distance is not None:
            for key, subject, section in ((distance, "prior", "scores"), ("mse", "reconstruction", "scores")):
                yield from _score_plot(results, dataset, key, subject, f"{name}_{key}", section)
            yield from _gap(results, dataset, distance, f"{name}_gap")
            yield from _bias(results, dataset, distance, f"{name}_bias")
        yield from _score_plot(results, dataset, "sharpness", "prior", f"{name}_sharpness", "scores")


def _unit(metric: str) -> str:
    about = describe(metric)
    direction = {"lower": ", lower is better", "higher": ", higher is better"}.get(about.better or "", "")
    return f"{about.title}{f' [{about.unit}]' if about.unit else ''}{direction}"


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
    title = f"{describe(metric).title} on {dataset}"
    floor = "" if real is None else " The dotted line is real data's own value."
    yield Plot(
        name=name,
        section=section,
        dataset=dataset,
        title=title,
        caption=f"{title}. {EACH_SEED}{floor}",
        alt=f"{title}: {_said(found)}" + ("" if real is None else f"; real data {real:.4g}"),
        draw=partial(draw_scores, found, real, _unit(metric)),
    )


def draw_scores(found: dict[str, Score], real: float | None, label: str) -> Figure:
    """A row a method: its seeds as marks, mean and interval as a bar; ``real`` as a dotted line."""
    figure, (axes,) = canvas(0.9 + 0.42 * len(found))
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
            f"{describe(distance).title} of real data (floor), reconstructions, samples of a mixture fitted to the "
            "codes, and samples of the prior. The step from floor to reconstructions is the decoder's; the step from "
            "mixture to prior is what the aggregate posterior leaves of the prior. Means over seeds."
        ),
        alt=f"{describe(distance).title} of {words}: {said}",
        draw=partial(draw_gap, steps, _unit(distance)),
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
            f"{describe(distance).title} against the number of samples N, drawn over 1/N, in which the bias is linear; "
            "the mark at the left edge is the value extrapolated to infinitely many samples (Chong and Forsyth 2020). "
            "Means over seeds."
        ),
        alt=f"{describe(distance).title} by sample count: {said}",
        draw=partial(draw_bias, curves, describe(distance).title),
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
