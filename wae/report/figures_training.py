"""Figures of training: curves, distance against seconds, codes in the plane."""

from collections.abc import Iterable
from functools import partial

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wae.analysis.results import Results
from wae.report.names import slug
from wae.report.plots import Plot
from wae.report.style import canvas, legend_below, look, plain_ticks
from wae.report.wording import method_title

CURVES = (("reconstruction", "weighted cost a·c(x, x̂)"), ("penalty", "penalty, without λ"))


def plots(results: Results) -> Iterable[Plot]:
    """The figures of each dataset."""
    for dataset in results.datasets:
        history = results.history
        history = history[(history["dataset"] == dataset) & history["method"].isin(results.main_methods)]
        if not history.empty and {"epoch", "reconstruction", "penalty"} <= set(history.columns):
            yield _training(results, dataset, history)


def _training(results: Results, dataset: str, history: pd.DataFrame) -> Plot:
    last = history.sort_values("epoch").groupby(["method", "seed"]).last().groupby("method")["reconstruction"].mean()
    said = "; ".join(f"{method_title(m)} ends at {last[m]:.4g}" for m in results.main_methods if m in last.index)
    return Plot(
        name=f"{slug(dataset)}_training",
        section="training",
        dataset=dataset,
        title=f"Training on {dataset}",
        caption=(
            "Mean over each epoch's steps, a thin line a seed. Costs of methods with different likelihoods, "
            "and penalties of different kinds, are not on one scale: compare shapes, not heights."
        ),
        alt=f"Training curves on {dataset}; weighted reconstruction cost: {said}",
        draw=partial(draw_training, results.main_methods, history),
    )


def draw_training(methods: list[str], history: pd.DataFrame) -> Figure:
    """Reconstruction above, penalty below, over epochs; a line a seed."""
    figure, panels = canvas(4.2, rows=2, sharex=True)
    handles = []
    for method in methods:
        colour, marker, line = look(method)
        for _, run in history[history["method"] == method].groupby("seed"):
            for axes, (name, _) in zip(panels, CURVES, strict=True):
                axes.plot(run["epoch"], run[name], color=colour, linestyle=line, linewidth=1.1, alpha=0.85)
                axes.plot(run["epoch"].iloc[-1:], run[name].iloc[-1:], color=colour, marker=marker, linestyle="")
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle=line, label=method_title(method)))
    for axes, (name, label) in zip(panels, CURVES, strict=True):
        values = history[name].dropna()
        if len(values) and values.min() > 0 and values.max() > 20 * values.min():
            axes.set_yscale("log")
        plain_ticks(axes.yaxis)
        axes.set_ylabel(label)
    plain_ticks(panels[-1].xaxis)
    panels[-1].set_xlabel("epoch")
    legend_below(figure, handles)
    return figure
