"""Figures of the error: the gap decomposition, the bias in the number of samples, the error budget."""

from collections.abc import Iterable
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from wae.analysis.files import BUDGET, COURSES, GAP
from wae.analysis.results import Results
from wae.analysis.rows import BiasCurve
from wae.analysis.words import in_words, number
from wae.report.figures.plots import Plot
from wae.report.figures.style import INK, SOFT, Look, canvas, from_zero, legend_below, look, plain_number, plain_ticks
from wae.report.names import slug

STAGES = (("data", "floor"), ("reconstruction", "recon-\nstructions"), ("mixture", "mixture"), ("prior", "prior"))
SOURCES = {  # shade and hatch tell the sources apart, also in grey
    "seed": ("training seeds", "#8793a3", ""),
    "draw": ("sample draws", "#efe6cf", "///"),
    "half": ("reference halves", "#56606b", "..."),
}


def plots(results: Results) -> Iterable[Plot]:
    """The figures of each dataset; none where no distance was measured."""
    for dataset in results.datasets if results.distance else ():
        name = slug(dataset)
        yield from _gap(results, dataset, f"{name}_gap")
        yield from _budget(results, dataset, f"{name}_budget")
        yield from _bias(results, dataset, f"{name}_bias")


def _budget(results: Results, dataset: str, name: str) -> Iterable[Plot]:
    found: dict[Look, dict[str, float]] = {}
    for row in results.read(BUDGET):
        if row.dataset == dataset and row.method in results.main_methods:
            parts = {"seed": row.sd_seed, "draw": row.sd_draw, "half": row.sd_half}
            if known := {source: value for source, value in parts.items() if value is not None}:
                found[look(results, row.method)] = known
    if not found:
        return
    said = "; ".join(
        f"{method.title} {', '.join(f'{SOURCES[s][0]} {number(value, 2)}' for s, value in parts.items())}"
        for method, parts in found.items()
    )
    title = in_words(results.distance)
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


def draw_budget(found: dict[Look, dict[str, float]], label: str) -> Figure:
    """A group of bars per method, a bar per source."""
    figure, (axes,) = canvas(1.2 + 0.55 * len(found))
    for row, parts in enumerate(found.values()):
        for place, (source, (_, colour, hatch)) in enumerate(SOURCES.items()):
            if source in parts:
                y = row + 0.26 * (place - 1)
                axes.barh(y, parts[source], 0.24, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.5)
    axes.set_yticks(range(len(found)), [method.title for method in found])
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


def _gap(results: Results, dataset: str, name: str) -> Iterable[Plot]:
    steps: dict[Look, list[float | None]] = {}
    for row in results.read(GAP):
        values = [row.floor, row.reconstruction, row.mixture, row.prior]
        if row.dataset == dataset and row.method in results.main_methods and sum(v is not None for v in values[1:]) > 1:
            steps[look(results, row.method)] = values
    if not steps:
        return
    words = ", ".join(label.replace("-\n", "").replace("\n", " ") for _, label in STAGES)
    said = "; ".join(
        f"{method.title} {', '.join('not measured' if v is None else number(v) for v in values)}"
        for method, values in steps.items()
    )
    title = in_words(results.distance)
    yield Plot(
        name=name,
        section="budget",
        dataset=dataset,
        title=f"Where the distance comes from on {dataset}",
        caption=(
            f"{title} of real data (floor), reconstructions, samples of a mixture fitted to the codes, and samples of "
            "the prior. The step from floor to reconstructions is the decoder's; the step from mixture to prior is "
            "the mismatch of codes and prior. Means over seeds."
        ),
        alt=f"{title} of {words}: {said}",
        draw=partial(draw_gap, steps, title),
    )


def draw_gap(steps: dict[Look, list[float | None]], label: str) -> Figure:
    """A line per method from floor over reconstructions and mixture to prior."""
    figure, (axes,) = canvas(2.9)
    for method, values in steps.items():
        points = [(x, y) for x, y in enumerate(values) if y is not None]
        (line,) = axes.plot(
            *zip(*points, strict=True), color=method.colour, marker=method.marker, linestyle=method.line
        )
        method.tip(line, ", ".join("not measured" if v is None else number(v, 3) for v in values))
    axes.set_xticks(range(len(STAGES)), [label for _, label in STAGES])
    from_zero(axes)
    axes.grid(axis="x", visible=False)
    plain_ticks(axes.yaxis)
    axes.set_ylabel(label)
    legend_below(figure, [method.handle() for method in steps])
    return figure


def _bias(results: Results, dataset: str, name: str) -> Iterable[Plot]:
    curves = {
        look(results, curve.method): curve
        for curve in results.read(COURSES).bias
        if curve.dataset == dataset and curve.method in results.main_methods
    }
    if not curves:
        return
    title = in_words(results.distance)
    said = "; ".join(
        f"{method.title} {number(curve.means[0])} at {curve.samples[0]} to {number(curve.means[-1])} at "
        f"{curve.samples[-1]}"
        for method, curve in curves.items()
    )
    yield Plot(
        name=name,
        section="budget",
        dataset=dataset,
        title=f"Bias in the number of samples on {dataset}",
        caption=(
            f"{title} against the number of samples N, drawn over 1/N, in which the bias is linear; the point at the "
            "left edge is the value extrapolated to infinitely many samples (Chong and Forsyth 2020). Means over seeds."
        ),
        alt=f"{title} by sample count: {said}",
        draw=partial(draw_bias, curves, title),
    )


def draw_bias(curves: dict[Look, BiasCurve], label: str) -> Figure:
    """Distance over 1/N, a line per method, with the extrapolated value at 0."""
    figure, (axes,) = canvas(2.9)
    for method, curve in curves.items():
        inverse = [1.0 / count for count in curve.samples]
        drawn = axes.plot(inverse, curve.means, color=method.colour, marker=method.marker, linestyle="")
        if curve.limit is not None:
            drawn += axes.plot([0.0, inverse[0]], [curve.limit, curve.means[0]], color=method.colour,
                               linestyle=method.line, linewidth=1.2)  # fmt: skip
            drawn += axes.plot([0.0], [curve.limit], color=method.colour, marker=method.marker,
                               markerfacecolor="none", clip_on=False)  # fmt: skip
        for artist in drawn:
            method.tip(artist, f"{number(curve.means[-1], 3)} at {curve.samples[-1]:,} samples")
    _label_counts(axes, sorted({float(count) for curve in curves.values() for count in curve.samples}))
    axes.set_xlim(left=0)
    plain_ticks(axes.yaxis)
    axes.set_ylabel(label)
    axes.set_xlabel("number of samples N (spaced as 1/N)")
    legend_below(figure, [method.handle() for method in curves])
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
