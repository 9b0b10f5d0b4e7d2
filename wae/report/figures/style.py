"""One look for all figures: one colour, marker and line per method everywhere, readable in grey and on a small screen.

The three main colours are Okabe and Ito's, which colour-blind readers tell apart and which have a contrast
of 3 or more both on white and on the page's dark ground. As they are alike in grey, each method also has its
own marker and line.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from wae.analysis.results import Results
from wae.analysis.runs import REAL_DATA, base_method
from wae.analysis.words import time_unit
from wae.report.tables.grids import SUPERSCRIPT

INK, GRID = "#1b1f24", "#d5d9de"  # the page replaces these two by its own, which follow dark and light mode
TIP = "tip"  # begins the gid of what says something when pointed at: tip|METHOD|TEXT
SOFT = "#6b7280"  # secondary marks: 4.8 on white, 3.6 on dark
_OWN = {  # where a recorded table does not tell the look of its methods; a test compares them with the classes'
    "vae": ("#009e73", "o", "-"),
    "wae_mmd": ("#0072b2", "s", "--"),
    "wae_gan": ("#d55e00", "^", "-."),
    "beta_vae": ("#b65a94", "D", (0, (5, 1))),
    "ae": ("#8c6d1f", "v", (0, (3, 1, 1, 1))),
    "aae": ("#5b6bbf", "P", (0, (1, 1))),
    "rae_l2": ("#7a7a7a", "X", (0, (5, 1, 1, 1, 1, 1))),
    "swae": ("#2f8f9d", "<", (0, (8, 2))),
    "wae_mmd_rff": ("#b04a4a", ">", (0, (2, 2))),
    "rae_gp": ("#4f7d2a", "p", (0, (4, 1, 1, 1, 1, 1))),
    "cwae": ("#7d4fc4", "h", (0, (6, 1, 1, 1))),
    "pca": ("#b87a50", "_", (0, (1, 3))),
    REAL_DATA: (INK, "*", ":"),
}
# Whose look a method without one of its own borrows: by its name, so that it keeps it. Methods of one title take those
# that no other method has, in the config's order.
_FURTHER = ("beta_vae", "ae", "aae", "rae_l2", "swae", "wae_mmd_rff", "rae_gp")

RC: dict[str, Any] = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "savefig.dpi": 200,
}
WIDTH = 4.7  # inches: 338 points, so that text keeps its size on a screen 400 pixels wide


@dataclass(frozen=True)
class Look:
    """How a method is drawn and called in every figure."""

    title: str
    colour: str
    marker: str
    line: Any
    method: str = ""

    def handle(self) -> Line2D:
        """Its entry in a legend."""
        return Line2D([], [], color=self.colour, marker=self.marker, linestyle=self.line, label=self.title)

    def tip(self, artist: Artist, text: str = "") -> None:
        """Mark ``artist`` as this method's, which the page can switch off, and say ``text`` when pointed at."""
        artist.set_gid(f"{TIP}|{base_method(self.method)}|{text and f'{self.title}: {text}'}")


def look(results: Results, method: str) -> Look:
    """The look of a method, its class's own where the plan tells it; a variant has its base method's.

    Methods of one title (see Results.namesakes) have one each.
    """
    colour, marker, line = strokes(method)
    facts, base = results.facts(method), base_method(method)
    if base in results.namesakes:
        taken = set(map(base_method, results.methods))
        free = [name for name in _FURTHER if name not in taken] or list(_FURTHER)
        facts = {}
        colour, marker, line = _OWN[free[results.namesakes.index(base) % len(free)]]
    own = facts.get("line") or line
    return Look(
        results.title(method),
        facts.get("colour") or colour,
        facts.get("marker") or marker,
        own if isinstance(own, str) else (own[0], tuple(own[1])),
        method,
    )


def strokes(method: str) -> tuple[str, str, Any]:
    """Colour, marker and line style of a method."""
    base = base_method(method)
    return _OWN.get(base) or _OWN[_FURTHER[sum(map(ord, base)) % len(_FURTHER)]]


def canvas(height: float = 3.0, rows: int = 1, sharex: bool = False, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """A new figure, ``width`` by ``height`` inches, with ``rows`` panels above each other."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=sharex, squeeze=False)
    return figure, list(axes[:, 0])


def seed_lines(axes: Axes, frame: pd.DataFrame, x: str, y: str, looks: Mapping[str, Look]) -> list[Line2D]:
    """A line per run of ``frame`` (columns method, seed, ``x``, ``y``) in its method's look; returns legend entries.

    Values of ``y`` that are not finite are left out, and a run that has no other.
    """
    import seaborn

    shown = {method: found for method, found in looks.items() if (frame["method"] == method).any()}
    finite = frame[frame[y].abs() < math.inf]
    for method, found in shown.items():
        for seed, run in finite[finite["method"] == method].groupby("seed"):
            style = {"color": found.colour, "marker": found.marker, "linestyle": found.line}
            seaborn.lineplot(run, x=x, y=y, estimator=None, linewidth=1.1, markeredgecolor="none", alpha=0.85,
                             ax=axes, **style)  # fmt: skip
            found.tip(axes.lines[-1], f"seed {seed}, ends at {run[y].iloc[-1]:.4g}")
    return [found.handle() for found in shown.values()]


def plain_number(value: float, _: object = None) -> str:
    """A tick label without mathematical type: 0.001, 20, 3,000, 10⁷, 2.5×10⁻⁷."""
    if value == 0:
        return "0"
    sign = "−" if value < 0 else ""
    if 1e-4 <= abs(value) < 1e7:
        return sign + f"{abs(value):,.6f}".rstrip("0").rstrip(".")
    mantissa, exponent = f"{abs(value):.5e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPT)
    return sign + (power if mantissa == "1" else f"{mantissa}×{power}")


def plain_ticks(axis: Any, label: Any = plain_number) -> None:
    """Label an axis's major ticks without mathematical type; none on minor ticks."""
    axis.set_major_formatter(FuncFormatter(label))
    axis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def from_zero(axes: Axes) -> None:
    """Begin the y-axis at zero, unless a value lies below."""
    if axes.dataLim.ymin >= 0:
        axes.set_ylim(bottom=0)


class _Multiples(MaxNLocator):
    """Round multiples of a unit."""

    def __init__(self, unit: float) -> None:
        super().__init__(5, steps=[1, 2, 2.5, 5, 10])
        self._unit = unit

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        return [self._unit * tick for tick in super().tick_values(vmin / self._unit, vmax / self._unit)]


def time_axis(axis: Any) -> None:
    """A linear axis of seconds, labelled in the one unit that its largest value is said in."""
    length, unit = time_unit(max(axis.get_data_interval()))
    axis.set_major_locator(_Multiples(length))
    plain_ticks(axis, lambda value, _: f"{value / length:.3g} {unit}" if value else "0")


def log_axis(axis: Any, label: Any = plain_number) -> None:
    """Make an axis logarithmic: ticks at powers of ten; where these are few also between them, or at even steps."""
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    low, high = sorted(axis.get_data_interval())
    decades = math.log10(high / low) if low > 0 and math.isfinite(high / low) else 1.0
    if decades < 0.5:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_minor_locator(NullLocator())
    else:
        between = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if decades < 1.0 else (1.0, 2.0, 5.0) if decades < 1.7 else (1.0,)
        axis.set_major_locator(LogLocator(base=10, subs=between))
    plain_ticks(axis, label)


def legend_below(figure: Figure, handles: Sequence[Any], columns: int = 3) -> None:
    """A legend under the panels, where it covers no data."""
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns)
