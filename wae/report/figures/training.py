"""Figures of training: curves, distance against seconds, codes in the plane."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from wae.analysis.files import COURSES
from wae.analysis.results import Results
from wae.analysis.runs import load_table
from wae.analysis.words import number
from wae.report.figures.plots import Plot
from wae.report.figures.style import INK, SOFT, Look, canvas, legend_below, log_axis, look, plain_ticks, seed_lines
from wae.report.names import slug

# Ten classes: a contrast of 3 or more on the light and the dark ground, and apart for colour-blind readers too; more
# than ten: hues of equal lightness. Up to NAMED_CLASSES are named at their means too, as no reader tells 26 hues apart.
NAMED_CLASSES = 40
CLASSES = (
    *("#0563c9", "#da554b", "#077628", "#8479b0", "#778900"),
    *("#0086d5", "#a64758", "#428b7c", "#7654a6", "#3c6b7f"),
)
CURVES = (("reconstruction", "weighted cost a·c(x, x̂)"), ("penalty", "penalty, without λ"))


def plots(results: Results) -> Iterable[Plot]:
    """The figures of each dataset."""
    for dataset in results.datasets:
        history = results.histories()
        history = history[(history["dataset"] == dataset) & history["method"].isin(results.main_methods)]
        if not history.empty and {"epoch", "reconstruction", "penalty"} <= set(history.columns):
            yield _training(results, dataset, history)
        for method in results.main_methods:
            yield from _latent(results, dataset, method)


def _training(results: Results, dataset: str, history: pd.DataFrame) -> Plot:
    said = "; ".join(
        f"{results.title(end.method)} ends at {number(end.value)}"
        for end in results.read(COURSES).endings
        if (end.dataset, end.quantity) == (dataset, "reconstruction") and end.method in results.main_methods
    )
    looks = {method: look(results, method) for method in results.main_methods}
    return Plot(
        name=f"{slug(dataset)}_training",
        section="training",
        dataset=dataset,
        title=f"Training on {dataset}",
        caption=(
            "Mean over each epoch's steps, a thin line per seed; of many epochs 24 at most are drawn. "
            "Costs of methods with different likelihoods, "
            "and penalties of different kinds, are not on one scale: compare shapes, not heights."
        ),
        alt=f"Training curves on {dataset}; weighted reconstruction cost: {said}",
        draw=partial(draw_training, looks, history),
    )


def _latent(results: Results, dataset: str, method: str) -> Iterable[Plot]:
    """The codes of the first finished seed."""
    seeds = results.finished_seeds(dataset, method)
    path = results.run_folder(dataset, method, seeds[0]).codes if seeds else None
    if path is None or not path.exists():
        return
    codes = load_table(path, ("label",))
    if codes.empty:
        return
    classes = sorted(set(codes["label"]) - {""}, key=lambda label: (len(label), label))
    inside = ", the number marks the mean of a class" if classes else ""
    yield Plot(
        name=f"{slug(dataset)}_{slug(method)}_latent",
        section="latent",
        dataset=dataset,
        title=f"{results.title(method)}, seed {seeds[0]}",
        caption=(
            f"{len(codes):,} held-out images{inside}. The codes' two main axes go through the origin; rings around it "
            "are at 1 and 2 standard deviations of a standard normal."
        ),
        alt=(
            f"{len(codes):,} codes of {results.title(method)} on {dataset} on their two main axes, within "
            f"{codes['x'].abs().max():.1f} and {codes['y'].abs().max():.1f} of the origin"
        ),
        draw=partial(draw_latent, codes, classes),
    )


def draw_latent(codes: pd.DataFrame, classes: list[str]) -> Figure:
    """The plane of codes: a dot per code, its class by shade and, at the class mean, by name."""
    from seaborn import husl_palette

    figure, (axes,) = canvas(3.6, width=3.4)
    few = len(classes) <= len(CLASSES)
    colours = CLASSES[: len(classes)] if few else husl_palette(len(classes), s=0.85, l=0.5).as_hex()
    groups = list(zip(classes, colours, strict=True)) or [("", SOFT)]
    for label, colour in groups:
        part = codes[codes["label"] == label] if classes else codes
        axes.plot(part["x"], part["y"], ".", color=colour, markersize=2.2, rasterized=True)
    for radius in (1.0, 2.0):
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor=INK, linewidth=0.8, linestyle=":"))
    for label, colour in groups if len(classes) <= NAMED_CLASSES else ():
        part = codes[codes["label"] == label]
        box = {"boxstyle": "circle,pad=0.18", "facecolor": colour, "edgecolor": "none"} if few else None
        place = (part["x"].mean(), part["y"].mean())
        name: dict[str, Any] = {
            "color": "#fefefe" if few else colour,
            "fontsize": 8 if few else 7,
            "bbox": box,
        }
        if label:
            written = axes.annotate(label, place, ha="center", va="center", weight="bold", **name)
            if not few:  # many names lie close together: with an outline, none covers another
                written.set_path_effects([withStroke(linewidth=2.0, foreground="#fefefe")])
    reach = max(3.2, float(codes[["x", "y"]].abs().quantile(0.995).max()) * 1.05)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel("first axis of the codes")
    axes.set_ylabel("second axis")
    return figure


def _thinned(history: pd.DataFrame, most: int = 24) -> pd.DataFrame:
    """At most so many epochs, evenly spread, the last one among them: marks would hide a line of hundreds."""
    epochs = sorted(set(history["epoch"]))
    step = max(1, -(-len(epochs) // most))
    return history[history["epoch"].isin(epochs[::-1][::step])]


def draw_training(looks: dict[str, Look], history: pd.DataFrame) -> Figure:
    """Reconstruction above, penalty below, over epochs; a line per seed."""
    figure, panels = canvas(4.2, rows=2, sharex=True)
    handles = []
    shown = _thinned(history)
    for axes, (name, label) in zip(panels, CURVES, strict=True):
        handles = seed_lines(axes, shown, "epoch", name, looks)
        values = history[name].dropna()
        if len(values) and values.min() > 0 and values.max() > 20 * values.min():
            log_axis(axes.yaxis)
        else:
            plain_ticks(axes.yaxis)
        axes.set_ylabel(label)
    plain_ticks(panels[-1].xaxis)
    panels[-1].xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    panels[-1].set_xlabel("epoch")
    legend_below(figure, handles)
    return figure
