"""Figures of the wall-clock study: cost of a penalty against n, split of a step, distance against seconds."""

import textwrap
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from wae.analysis.costs.rows import Crossover, Fit
from wae.analysis.files import COURSES, TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.words import PENALTIES, in_words, number, parts_timed, seconds, timed_title
from wae.report.figures.plots import Plot
from wae.report.figures.style import INK, Look, canvas, legend_below, log_axis, look, plain_ticks, seed_lines, time_axis
from wae.report.names import slug

FAR_APART = 10.0  # the shorter bar would not be seen
LOOKS: dict[str, tuple[str, str, Any]] = {
    "mmd_fused": ("#0072b2", "s", "--"),
    "mmd_official_kept": ("#2f8f9d", "X", (0, (1, 2))),
    "mmd_official": ("#5b6bbf", "P", (0, (1, 1))),
    "mmd_random_features": ("#8c6d1f", "v", (0, (3, 1, 1, 1))),
    "gan": ("#d55e00", "^", "-."),
}
WIDTHS = ("^", "o", "D", "h")  # markers of the discriminators of several widths, narrowest first
LINES = 4  # vertical ones at most; of more crossings those of the fused MMD alone are drawn
LABEL_LINE = 27  # characters of a line of a bar's label: longer ones leave the bars no room
WIDE_LABEL = 28  # characters: two columns of longer ones do not fit beside each other
PARTS = {  # shade and hatch tell the parts apart, also in grey
    "data": ("data", "#efe6cf", ""),
    "forward": ("forward", "#c3cbd6", ""),
    "backward": ("backward", "#8793a3", ""),
    "penalty": ("penalty", "#f0e442", "///"),
    "critic": ("latent discriminator", "#cc79a7", "xxx"),
    "optimiser": ("optimiser", "#56606b", ""),
}


def plots(results: Results) -> Iterable[Plot]:
    """The figures that the study allows."""
    timing = results.timing()
    measured = timing[timing["status"] == "ok"]
    penalties = measured[(measured["study"] == "penalty") & (measured["part"] == "total")]
    for dimension in sorted(set(penalties["latent_dim"])):
        yield _penalty(results, penalties[penalties["latent_dim"] == dimension], int(dimension))
    steps = measured[measured["study"] == "step"]
    for dataset in results.datasets:
        for n in sorted(set(steps[steps["dataset"] == dataset]["n"])):
            yield from _split(results, steps[(steps["dataset"] == dataset) & (steps["n"] == n)], dataset, int(n))
        yield from _quality(results, dataset)


def _penalty(results: Results, rows: pd.DataFrame, dimension: int) -> Plot:
    said = []
    for subject, part in rows.groupby("subject"):
        last = part.sort_values("n").iloc[-1]
        said.append(f"{PENALTIES.get(str(subject), subject)} {seconds(last['seconds'])} at n = {last['n']:,.0f}")
    found = results.read(TIMING_FITS)
    fits = [fit for fit in found.fits if (fit.study, fit.latent_dim) == ("penalty", dimension)]
    crossings = [c for c in found.crossovers if (c.study, c.latent_dim) == ("penalty", dimension) and c.n is not None]
    if len(crossings) > LINES:
        crossings = [crossing for crossing in crossings if crossing.a == "mmd_fused"]
    pair = "the fused MMD and another penalty" if {c.a for c in crossings} == {"mmd_fused"} else "two penalties"
    marked = f" Vertical lines mark where {pair} cost the same, with the interval." if crossings else ""
    return Plot(
        name=f"penalty_cost_d{dimension}",
        section="timing",
        title=f"Cost of the penalty at d_z = {dimension}",
        caption=(
            "Median time of forward and backward of the penalty alone (for the GAN with the update of the latent "
            "discriminator) against the batch size n, bands are quartiles, thin lines the fitted c·n^p; a point over "
            f"the time cap is left out.{marked}"
        ),
        alt=f"Cost of the penalty at d_z = {dimension}: {'; '.join(said)}",
        draw=partial(draw_penalty, rows, fits, crossings),
    )


def draw_penalty(rows: pd.DataFrame, fits: list[Fit], crossings: list[Crossover]) -> Figure:
    """Seconds over n, both logarithmic."""
    handles: list[Line2D] = []
    count = len(rows[["subject", "critic_width"]].drop_duplicates())
    figure, (axes,) = canvas(3.0 + 0.2 * count)
    widths = sorted(set(rows[rows["subject"] == "gan"]["critic_width"].dropna()))
    for subject, part in rows.groupby("subject", sort=False):
        colour, marker, line = LOOKS.get(str(subject), (INK, "o", "-"))
        for width, curve in part.groupby(part["critic_width"].fillna(0)):
            curve = curve.sort_values("n")
            place = widths.index(width) if subject == "gan" else 0
            marker, face = WIDTHS[place % len(WIDTHS)] if place else marker, "none" if place else colour
            axes.plot(curve["n"], curve["seconds"], color=colour, marker=marker, linestyle=line, markerfacecolor=face)
            axes.fill_between(curve["n"], curve["q1"], curve["q3"], color=colour, alpha=0.2, linewidth=0)
            title = PENALTIES.get(str(subject), str(subject))
            title = timed_title("gan", int(width)) if subject == "gan" and len(widths) > 1 else title
            handles.append(
                Line2D([], [], color=colour, marker=marker, linestyle=line, markerfacecolor=face, label=title)
            )
    for fit in fits:
        n = np.geomspace(fit.n_min, fit.n_max, 20)
        axes.plot(n, fit.c * n**fit.p, color=INK, linewidth=0.7)
    for crossing in crossings:
        if crossing.n is not None:
            axes.axvline(crossing.n, color=INK, linestyle=":", linewidth=1.0)
        if crossing.low and crossing.high:
            axes.axvspan(crossing.low, crossing.high, color=INK, alpha=0.08, linewidth=0)
    axes.set_xscale("log", base=2)
    plain_ticks(axes.xaxis)
    log_axis(axes.yaxis, seconds)
    axes.set_xlabel("batch size n")
    axes.set_ylabel("time of the penalty")
    legend_below(figure, handles, columns=1 if max(len(str(h.get_label())) for h in handles) > WIDE_LABEL else 2)
    return figure


def _split(results: Results, rows: pd.DataFrame, dataset: str, n: int) -> Iterable[Plot]:
    device = str(results.timing_machine.get("device"))
    shares: dict[Look, dict[str, float]] = {}
    for method in results.methods:
        part = rows[rows["subject"] == method]
        times = dict(zip(part["part"], part["seconds"], strict=True))
        step = times.pop("total", None)
        if device.startswith("cuda") and step and times:  # its parts are of another, slower call
            times = {name: value * step / sum(times.values()) for name, value in times.items()}
        if times:
            shares[look(results, method)] = times
    if not shares:
        return
    said = "; ".join(f"{m.title} {seconds(sum(parts.values()))}" for m, parts in shares.items())
    scaled = ", to whose time they are drawn" if device.startswith("cuda") else ""
    yield Plot(
        name=f"{slug(dataset)}_step_n{n}",
        section="timing",
        dataset=dataset,
        title=f"A training step on {dataset}, n = {n:,}",
        caption=f"Median time of each part of a step, one after another; {parts_timed(device)}{scaled}.",
        alt=f"Time of a training step on {dataset} at n = {n}: {said}",
        draw=partial(draw_split, shares),
    )


def draw_split(shares: dict[Look, dict[str, float]]) -> Figure:
    """A bar per method, its parts side by side: in seconds, or as shares of its step where steps differ tenfold."""
    figure, (axes,) = canvas(1.15 + 0.43 * len(shares))
    totals = [sum(parts.values()) for parts in shares.values()]
    far_apart = max(totals) > FAR_APART * min(totals)
    used = [part for part in PARTS if any(parts.get(part, 0) > 0 for parts in shares.values())]
    for row, (parts, total) in enumerate(zip(shares.values(), totals, strict=True)):
        left, unit = 0.0, total if far_apart else 1.0
        for part in used:
            _, colour, hatch = PARTS[part]
            width = parts.get(part, 0.0) / unit
            axes.barh(row, width, 0.6, left, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.5)
            left += width
    times = [seconds(total).replace(" ", "\u00a0") for total in totals]  # no line ends between a number and its unit
    names = [m.title + (f": {time}" if far_apart else "") for m, time in zip(shares, times, strict=True)]
    axes.set_yticks(range(len(shares)), ["\n".join(textwrap.wrap(name, LABEL_LINE)) for name in names])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    if far_apart:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("share of the step's time")
    else:
        time_axis(axes.xaxis)
        axes.set_xlabel("time of a step")
    legend_below(
        figure,
        [
            Patch(facecolor=PARTS[p][1], hatch=PARTS[p][2], edgecolor=INK, linewidth=0.5, label=PARTS[p][0])
            for p in used
        ],
    )
    return figure


def _quality(results: Results, dataset: str) -> Iterable[Plot]:
    """Distance against training seconds, from the kept weights."""
    frame = results.trajectories()
    frame = frame[(frame["dataset"] == dataset) & (frame["metric"] == results.distance)]
    frame = frame[frame["method"].isin(results.main_methods)]
    if frame.empty:
        return
    title = in_words(results.distance)
    said = [
        f"{results.title(end.method)} {number(end.value)} after {seconds(end.seconds)}"
        for end in results.read(COURSES).endings
        if (end.dataset, end.quantity) == (dataset, results.distance)
        and end.method in results.main_methods
        and end.seconds is not None
    ]
    looks = {method: look(results, method) for method in results.main_methods}
    yield Plot(
        name=f"{slug(dataset)}_quality_time",
        section="timing",
        dataset=dataset,
        title=f"Quality against time on {dataset}",
        caption=(
            f"{title} of up to 2,048 prior samples at the epochs whose weights were kept, against training seconds "
            "(evaluation excluded; runs may share the machine); a line per seed."
        ),
        alt=f"{title} at the end of training on {dataset}: {'; '.join(said)}",
        draw=partial(draw_quality, looks, frame, title),
    )


def draw_quality(looks: dict[str, Look], frame: pd.DataFrame, title: str) -> Figure:
    """Distance over seconds, both logarithmic, a line per seed."""
    figure, (axes,) = canvas(3.1)
    handles = seed_lines(axes, frame, "seconds", "value", looks)
    log_axis(axes.xaxis, seconds)
    log_axis(axes.yaxis)
    axes.set_xlabel("training time of the run")
    axes.set_ylabel(title)
    legend_below(figure, handles)
    return figure
