"""Figures of single claims: divergences, the power of the MMD test, mutual information along training, sweeps."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from wae.analysis.files import COURSES
from wae.analysis.results import Results
from wae.analysis.rows import SweepPoint
from wae.analysis.runs import varied
from wae.analysis.sweeps import WEIGHT
from wae.analysis.words import SETTINGS, about, in_words, number
from wae.report.figures.plots import Plot
from wae.report.figures.style import (
    SOFT,
    Look,
    canvas,
    from_zero,
    legend_below,
    log_axis,
    look,
    plain_number,
    plain_ticks,
    seed_lines,
)
from wae.report.names import slug

DIMENSION = 8  # of the divergence figures; the table has the others
FAMILIES = {
    "lower-dimensional": ("N(0, I) without its first axis, moved by t along it", "distance t"),
    "shifted": ("N(0, I) moved by t", "distance t"),
    "shrunk": ("N(0, I) shrunk to standard deviation t", "standard deviation t"),
}
LINES: dict[str, tuple[str, str, str, Any]] = {
    "kl": ("KL", "#b04a4a", ">", (0, (2, 2))),
    "js": ("JS", "#b65a94", "D", (0, (5, 1))),
    "mmd2": ("MMD²", "#5b6bbf", "P", (0, (1, 1))),
    "sw2": ("sliced W2", "#8c6d1f", "v", (0, (3, 1, 1, 1))),
    "w2": ("W2", "#2f8f9d", "<", "-"),
}
DEPARTURES: dict[str, tuple[str, str, str, Any]] = {
    "narrow": ("every standard deviation 0.8", "#5b6bbf", "P", "--"),
    "shifted": ("mean moved by 0.5", "#2f8f9d", "<", "-"),
    "collapsed": ("one dimension collapsed", "#b04a4a", "v", "-."),
    "none": ("none (false alarms)", SOFT, "x", ":"),
}
SWEPT = {"latent_dim": "size of the code d_z", "lambda_": "weight λ", "batch_size": "batch size n"}


def plots(results: Results) -> Iterable[Plot]:
    """The figures that the results allow."""
    study = results.divergences
    rows = pd.DataFrame(study.get("rows", []))
    if not rows.empty:
        for family, (title, label) in FAMILIES.items():
            part = rows[(rows["family"] == family) & (rows["dimension"] == DIMENSION)]
            yield _divergence(family, title, label, part)
    if study.get("power"):
        yield _power(pd.DataFrame(study["power"]))
    for dataset in results.datasets:
        yield from _information(results, dataset)
        for key, label in SWEPT.items():
            yield from _sweep(results, dataset, key, label)


def _divergence(family: str, title: str, label: str, rows: pd.DataFrame) -> Plot:
    far = rows[rows["parameter"] == (rows["parameter"].min() if family == "shrunk" else rows["parameter"].max())]
    said = "; ".join(
        f"{LINES[row['divergence']][0]} "
        + ("infinite" if pd.isna(row["value"]) else f"{row['value']:.3g} with gradient {row['gradient']:.2g}")
        for row in far.to_dict("records")
    )
    caption = (
        f"Divergence of N(0, I) from {title}, in {DIMENSION} dimensions: value above, absolute derivative in t below. "
        "Closed form or quadrature, no sampling."
    )
    if rows["value"].isna().any():
        caption += " KL is infinite and not drawn; the derivative of JS is zero and lies on the lower edge."
    return Plot(
        name=f"divergences_{slug(family)}",
        section="claim-divergences",
        title=f"Divergences of {family} Gaussians",
        caption=caption,
        alt=f"At t = {far['parameter'].iloc[0]:g}: {said}",
        draw=partial(draw_divergence, rows, label),
    )


def draw_divergence(rows: pd.DataFrame, label: str) -> Figure:
    """Values above, gradients below, both logarithmic; gradients below 1e-8 are drawn at the edge."""
    figure, (above, below) = canvas(4.6, rows=2, sharex=True)
    handles = []
    for name, (title, colour, marker, line) in LINES.items():
        part = rows[(rows["divergence"] == name) & rows["value"].notna()].sort_values("parameter")
        if part.empty:
            continue
        above.plot(part["parameter"], part["value"], color=colour, marker=marker, linestyle=line)
        gradient = part["gradient"].clip(lower=1e-8)
        below.plot(part["parameter"], gradient, color=colour, marker=marker, linestyle=line, clip_on=False)
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle=line, label=title))
    for axes, text in ((above, "value"), (below, "gradient")):
        log_axis(axes.xaxis)
        log_axis(axes.yaxis)
        axes.set_ylabel(text)
    below.set_ylim(bottom=1e-8)
    below.set_xlabel(label)
    legend_below(figure, handles)
    return figure


def _power(rows: pd.DataFrame) -> Plot:
    said = []
    for name, (title, *_) in DEPARTURES.items():
        part = rows[rows["departure"] == name].sort_values("dimension")
        said.append(
            f"{title} from {part['power'].iloc[0]:.2f} at d = {part['dimension'].iloc[0]} "
            f"to {part['power'].iloc[-1]:.2f} at d = {part['dimension'].iloc[-1]}"
        )
    n, repeats = rows["n"].iloc[0], rows["repeats"].iloc[0]
    return Plot(
        name="mmd_power",
        section="claim-match",
        title="What the MMD test can see",
        caption=(
            f"Power of the MMD two-sample test at the 5% level with {n} codes against departures from N(0, I), "
            f"over the code's size; {repeats} simulated tests per point, bars are 95% Wilson intervals."
        ),
        alt=f"Power of the MMD test: {'; '.join(said)}",
        draw=partial(draw_power, rows),
    )


def draw_power(rows: pd.DataFrame) -> Figure:
    """Power over dimension, a line per departure, with intervals."""
    figure, (axes,) = canvas(3.3)
    handles = []
    for shift, (name, (title, colour, marker, line)) in enumerate(DEPARTURES.items()):
        part = rows[rows["departure"] == name].sort_values("dimension")
        x = part["dimension"] * 1.04 ** (shift - 1.5)  # side by side, so that the intervals can be told apart
        errors = np.clip([part["power"] - part["low"], part["high"] - part["power"]], 0, None)
        axes.errorbar(
            x, part["power"], errors, color=colour, marker=marker, linestyle=line, linewidth=1.2, elinewidth=1
        )
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle=line, label=title))
    axes.set_xscale("log")
    axes.set_xticks(sorted(set(rows["dimension"])))
    axes.minorticks_off()
    plain_ticks(axes.xaxis)
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel("dimensions of the code d_z")
    axes.set_ylabel("share of tests that reject")
    legend_below(figure, handles, columns=2)
    return figure


def _information(results: Results, dataset: str) -> Iterable[Plot]:
    every = results.trajectories()
    frame, limit = (
        every[(every["dataset"] == dataset) & (every["metric"] == metric)]
        for metric in ("mutual_information", "mutual_information_bound")
    )
    if frame.empty or limit.empty:
        return
    looks = {m: look(results, m) for m in results.methods if (frame["method"] == m).any()}
    ends = [e for e in results.read(COURSES).endings if (e.dataset, e.quantity) == (dataset, "mutual_information")]
    sizes = np.exp(limit["value"]).round().astype(int)  # a small held-out split has fewer images than others
    counts = f"{sizes.max():,}"
    yield Plot(
        name=f"{slug(dataset)}_information",
        section="claim-information",
        dataset=dataset,
        title=f"Mutual information along training on {dataset}",
        caption=(
            f"I(X;Z) of {'' if sizes.nunique() == 1 else 'at most '}{counts} held-out images and their codes, in nats, "
            "at the epochs whose weights were kept; a line per seed. The estimate cannot exceed "
            f"log {counts} = {number(limit['value'].max(), 2)}."
        ),
        alt="Mutual information at the last kept epoch: "
        + "; ".join(f"{results.title(end.method)} {number(end.value, 3)} nats" for end in ends),
        draw=partial(draw_information, looks, frame),
    )


def draw_information(looks: dict[str, Look], frame: pd.DataFrame) -> Figure:
    """I(X;Z) over epochs, a line per seed."""
    figure, (axes,) = canvas(3.0)
    handles = seed_lines(axes, frame, "epoch", "value", looks)
    from_zero(axes)
    plain_ticks(axes.xaxis)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    plain_ticks(axes.yaxis)
    axes.set_xlabel("epoch")
    axes.set_ylabel("I(X;Z) [nats]")
    legend_below(figure, handles)
    return figure


def _sweep(results: Results, dataset: str, key: str, label: str) -> Iterable[Plot]:
    """Distance over a swept setting, a line per base method."""
    swept = swept_points(results, results.read(COURSES).sweeps, dataset, key)
    if not any(len(points) >= 2 for points in swept.values()):
        return
    best, word = (max, "highest") if about(results.distance).better == "higher" else (min, "lowest")
    said = "; ".join(
        f"{method.title} has its {word} mean at {SETTINGS.get(key, key)} = "
        f"{plain_number(best(points, key=lambda point: point.mean).value)}"
        for method, points in swept.items()
    )
    title = in_words(results.distance)
    yield Plot(
        name=f"{slug(dataset)}_sweep_{key}",
        section="sweep",
        dataset=dataset,
        title=f"{title} over {label} on {dataset}",
        caption=(
            f"{title} of prior samples from the {results.reference} split. Each point is a seed; the line joins the "
            f"means.{_weights_said(results, key)}"
        ),
        alt=f"{title} over {label}: {said}",
        draw=partial(draw_sweep, swept, label, title),
    )


def _weights_said(results: Results, key: str) -> str:
    tuned = any({key, WEIGHT} == set(varied(method)) for method in results.methods)
    return " Where a method's weight λ was tuned for each value, each has its own." if tuned else ""


def swept_points(
    results: Results, points: Iterable[SweepPoint], dataset: str, key: str
) -> dict[Look, list[SweepPoint]]:
    """Those of one setting on one dataset, by the look of their method."""
    swept: dict[Look, list[SweepPoint]] = {}
    for point in points:
        if (point.dataset, point.setting) == (dataset, key):
            swept.setdefault(look(results, point.method), []).append(point)
    return swept


def draw_sweep(swept: dict[Look, list[SweepPoint]], label: str, title: str) -> Figure:
    """Distance over a setting (logarithmic where it spans a decade), seeds as points."""
    figure, (axes,) = canvas(3.1)
    for method, points in swept.items():
        points = sorted(points, key=lambda point: point.value)
        means = [point.mean for point in points]
        (line,) = axes.plot([point.value for point in points], means, color=method.colour, linestyle=method.line)
        method.tip(line)
        for point in points:
            for seed, score in point.by_seed.items():
                (mark,) = axes.plot([point.value], [score], color=method.colour, marker=method.marker, alpha=0.8)
                method.tip(mark, f"seed {seed}: {number(score)}")
    every = [point for points in swept.values() for point in points]
    places = sorted({point.value for point in every})
    if places[0] > 0 and places[-1] >= 8 * places[0]:
        axes.set_xscale("log")
    axes.set_xticks(places)
    axes.minorticks_off()
    plain_ticks(axes.xaxis)
    values = [value for point in every for value in point.by_seed.values()]
    if min(values) > 0 and max(values) > 10 * min(values):
        log_axis(axes.yaxis)
    else:
        from_zero(axes)
        plain_ticks(axes.yaxis)
    axes.set_xlabel(label)
    axes.set_ylabel(title)
    legend_below(figure, [method.handle() for method in swept])
    return figure
