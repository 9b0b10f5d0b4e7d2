"""A table as it is shown, and how it is written: CSV, Markdown and LaTeX (booktabs)."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wae.core.errors import printable

LONG = 48  # characters beyond which a column of a LaTeX table is set as a paragraph
FEW_IMAGES = "fewer than 2,048 images, or no more images than features, on one side"  # as wae.evaluation.fidelity.smoke
MARKS = (
    "Bold: best mean, where a test (Welch, Holm over the column's pairs) tells another method from it. = : no test "
    f"tells it from the best. †: {FEW_IMAGES}."
)
_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "†": r"\dag{}",
    "·": r"$\cdot$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "−": r"$-$",
    "…": r"\dots{}",
    "‖": r"$\|$",
    "‘": "`",
    "’": "'",
    "é": r"\'e",
    "ö": r"\"o",
    "ü": r"\"u",
    "ø": r"\o{}",
}
_TEX |= dict(
    zip(
        "αβγδελμπσφχ",
        (
            rf"$\{n}$"
            for n in ["alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "pi", "sigma", "phi", "chi"]
        ),
        strict=True,
    )
)
_TEX |= {character: f"$^{{{n}}}$" for n, character in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "$^{-}$"}
_TEX |= {character: f"$_{{{n}}}$" for n, character in enumerate("₀₁₂₃₄₅₆₇₈₉")}
_TIMES = {"µs", "ms", "s", "min", "h"}  # units of times
_NUMBER = re.compile(r"([≥≤] )?[−-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?(?![\w./]|,\d),?")
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Cell:
    """``text`` is shown; ``value`` sorts and goes into the CSV. ``trace``: runs and file behind it, one per line.

    ``mark``: "best" (shown bold), "tie" or "". ``head``: it names its row. ``short``: what the page shows of a long
    text until it is opened. ``low``, ``high``: the value's 95% interval, for the CSV.
    """

    text: str
    value: int | float | str | None = None
    trace: tuple[str, ...] = ()
    mark: str = ""
    head: bool = False
    short: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def sort_key(self) -> Any:
        """What the page sorts by."""
        return self.text if self.value is None else self.value

    @property
    def numeric(self) -> bool:
        """Whether it sorts as a number."""
        return isinstance(self.value, int | float)

    @property
    def parts(self) -> tuple[str, str]:
        """The text of a number, a comma after it included, and what follows it: its interval, unit, sign or a note."""
        found = _NUMBER.match(self.text)
        return (found[0], self.text[found.end() :].strip()) if found else (self.text, "")


@dataclass(frozen=True)
class Head:
    """A column's heading; ``hint`` explains it."""

    text: str
    hint: str = ""


@dataclass(frozen=True)
class Grid:
    """A table. ``reasons``: why it is not for citation; ``fixed``: so many last rows stay last when sorted.

    ``lead``: so many columns are shown first and all on demand; 0 where all are shown. ``order``: the column that the
    rows are sorted by, and whether ascending or descending. ``key`` explains its marks. ``long_csv``: the CSV text
    where it says more than the shown cells do.
    """

    name: str
    title: str
    caption: str
    section: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    dataset: str = ""
    reasons: tuple[str, ...] = ()
    fixed: int = 0
    lead: int = 0
    order: tuple[int, str] | None = None
    key: str = ""
    long_csv: str | None = None

    def numeric(self, column: int) -> bool:
        """Whether a column holds numbers."""
        return any(row[column].numeric for row in self.rows)

    def shown(self, columns: int) -> list[tuple[tuple[Cell, ...], bool]]:
        """The rows of the first ``columns``, each with whether it is a fixed one: these need a value there."""
        first = len(self.rows) - self.fixed
        rows = [(row[:columns], number >= first) for number, row in enumerate(self.rows)]
        return [(row, fixed) for row, fixed in rows if not fixed or any(cell.text not in ("", "-") for cell in row[1:])]

    def padding(self, column: int, cell: Cell) -> str:
        """What a number lacks behind its decimal point to stand under the column's others; nothing in times."""
        longest = self._tails[column]
        return "" if not cell.numeric else re.sub(r"\d", "0", longest[len(_tail(cell.parts[0])) :])

    @cached_property
    def _tails(self) -> list[str]:
        """Of each column the longest decimal point with what follows it; "" for times."""
        columns = [[cell.parts for cell in column if cell.numeric] for column in zip(*self.rows, strict=True)]
        return [
            ""
            if any(unit in _TIMES for _, unit in parts)
            else max((_tail(number) for number, _ in parts), key=len, default="")
            for parts in columns
        ]

    @property
    def notes(self) -> str:
        """The caption with the key to the marks, and the reasons against citing it."""
        parts = [self.caption, self.key]
        parts += [f"Not for citation: {'; '.join(self.reasons)}."] if self.reasons else []
        return " ".join(part for part in parts if part)


def _tail(number: str) -> str:
    """The decimal point and what follows it."""
    return "".join(number.rstrip(",").partition(".")[1:])


def csv_text(grid: Grid) -> str:
    """The table as CSV in full precision; a column with intervals is followed by their lower and upper ends."""
    if grid.long_csv is not None:
        return grid.long_csv
    written: list[list[str]] = []
    for column, head in enumerate(grid.heads):
        cells = [row[column] for row in grid.rows]
        written.append([head.text, *map(_csv, cells)])
        if any(cell.low is not None or cell.high is not None for cell in cells):
            written.append([f"{head.text}: low", *(_exact(cell.low) for cell in cells)])
            written.append([f"{head.text}: high", *(_exact(cell.high) for cell in cells)])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(zip(*written, strict=True))
    return out.getvalue()


def _csv(cell: Cell) -> str:
    if cell.value is None:
        return "" if cell.text == "-" else cell.text
    return _exact(cell.value)


def _exact(value: float | str | None) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def markdown_text(grid: Grid) -> str:
    """The table as Markdown: best in bold, ties with an equals sign."""
    lines = [f"**{_md(grid.title)}**", "", "| " + " | ".join(_md(head.text) for head in grid.heads) + " |"]
    lines.append("|" + " --- |" * len(grid.heads))
    for row in grid.rows:
        cells = [f"**{_md(_marked(c))}**" if c.mark == "best" else _md(_marked(c)) for c in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _md(grid.notes)]) + "\n"


def _marked(cell: Cell) -> str:
    return f"{cell.text} =" if cell.mark == "tie" else cell.text


def _md(text: str) -> str:
    for character in "\\`*_|":
        text = text.replace(character, "\\" + character)
    return inert(text).replace("<", "&lt;")


def inert(text: str) -> str:
    """Text of any origin on one line of Markdown: it steers no terminal and makes no link."""
    return printable(text).replace("](", "]\\(")


def tex_text(grid: Grid) -> str:
    """The table as a LaTeX table (booktabs, graphicx), shrunk to the line where it is wider.

    Turned on its side where it has more columns than rows; long text gets a paragraph column.
    """
    table = [[Cell(head.text) for head in grid.heads], *(list(row) for row in grid.rows)]
    if len(grid.heads) > len(grid.rows) + 1:
        table = [list(column) for column in zip(*table, strict=True)]
    columns = "".join(_tex_column(cells, first=i == 0) for i, cells in enumerate(zip(*table, strict=True)))
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in table]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and \usepackage{graphicx}",
            r"\begin{table}",
            r"\centering",
            r"\footnotesize",
            rf"\caption{{{tex_escape(grid.notes)}}}",
            rf"\label{{tab:{grid.name.replace('_', '-')}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def _tex_column(cells: Sequence[Cell], first: bool) -> str:
    """Right for numbers, a paragraph for long text, left for the rest."""
    if max(len(cell.text) for cell in cells) > LONG:
        return r"p{6cm}"
    return "r" if not first and any(cell.numeric for cell in cells) else "l"


def _tex(cell: Cell) -> str:
    text = tex_escape(_marked(cell))
    return rf"\textbf{{{text}}}" if cell.mark == "best" else text


def tex_escape(text: object) -> str:
    """Text as LaTeX shows it; a character that its standard fonts lack is left to the engine."""
    hats = re.sub("(.)\u0302", lambda found: f"\0{found[1]}", str(text))
    shown = "".join(_TEX.get(character, character) for character in hats)
    return re.sub("\0(.)", lambda found: rf"$\hat{{{found[1]}}}$", shown)


def superscript(number: int) -> str:
    """An integer in superscript characters."""
    return str(number).translate(SUPERSCRIPT)
