"""A table as CSV (full precision, one line a cell), Markdown and LaTeX (as it is shown)."""

import csv
import io
from typing import TYPE_CHECKING

from wae.report.scores import Column, Score

if TYPE_CHECKING:
    from wae.report.tables import Table

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
    "λ": r"$\lambda$",
    "β": r"$\beta$",
    "σ": r"$\sigma$",
    "×": r"$\times$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "²": r"$^2$",
    "⁻": r"$^{-}$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "é": r"\'e",
    "ö": r"\"o",
}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TEX |= {c: f"$^{{{n}}}$" for n, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹") if c not in _TEX}


def tex_escape(text: object) -> str:
    """Text as LaTeX shows it; what LaTeX's standard fonts lack is left to the engine."""
    return "".join(_TEX.get(character, character) for character in str(text))


def superscript(number: int) -> str:
    """An integer in superscript characters."""
    return str(number).translate(_SUPERSCRIPT)


def heading(column: Column) -> str:
    """Title, subject where the title leaves it open, scale, unit and direction of a column."""
    scale = f"×10{superscript(column.scale)}" if column.scale else ""
    unit = " ".join(part for part in (scale, column.about.unit) if part)
    return " ".join(part for part in (column.title, f"[{unit}]" if unit else "", column.arrow) if part)


def csv_text(table: "Table") -> str:
    """One line a cell, full precision: dataset, method, metric, subject, mean, interval, seeds, mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ("dataset", "method", "metric", "subject", "unit", "better", "mean", "low", "high")
    writer.writerow([*names, "seeds_finished", "seeds_started", "samples", "draws", "label", "mark"])
    for row in table.rows:
        for column, score in zip(table.columns, row.scores, strict=True):
            if score is None:
                continue
            about = column.about
            numbers = [_number(value) for value in (score.mean, score.low, score.high)]
            key = [table.dataset, row.method, column.metric, column.subject, about.unit, about.better or ""]
            samples = "" if score.samples is None else score.samples
            label = "smoke" if score.smoke else ""
            writer.writerow([*key, *numbers, row.finished, row.started, samples, score.draws, label, score.mark])
    return out.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def markdown_text(table: "Table") -> str:
    """The table as Markdown: best in bold, ties with an equals sign, why it is not for citation."""
    lines = [f"**{_md(table.title)}**", ""]
    lines.append("| " + " | ".join(["Method", "Seeds", *(_md(heading(c)) for c in table.columns)]) + " |")
    lines.append("|" + " --- |" * (len(table.columns) + 2))
    for row in table.rows:
        cells = [_md(row.title), f"{row.finished}/{row.started}" if row.started else ""]
        for column, score in zip(table.columns, row.scores, strict=True):
            text = _shown(column, score)
            cells.append(f"**{text}**" if score is not None and score.mark == "best" else text)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", _md(table.caption), "", _md(MARKS)]
    lines += [f"Not for citation: {_md(reason)}." for reason in table.reasons]
    return "\n".join(lines) + "\n"


MARKS = "Bold: best mean. = : no test tells it from the best. (smoke): fewer than 2,048 images on one side."


def _md(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")


def _shown(column: Column, score: Score | None) -> str:
    if score is None:
        return "-"
    tie = " =" if score.mark == "tie" else ""
    return column.text(score) + tie + (" (smoke)" if score.smoke else "")


def tex_text(table: "Table") -> str:
    """The table as a LaTeX table of the booktabs package."""
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{tex_escape(table.caption)} {tex_escape(MARKS)}"]
    lines += [rf" Not for citation: {tex_escape(reason)}." for reason in table.reasons]
    lines[-1] += "}"
    lines += [rf"\label{{tab:{table.name.replace('_', '-')}}}", rf"\begin{{tabular}}{{lr{'r' * len(table.columns)}}}"]
    heads = ["Method", "Seeds", *(tex_escape(heading(column)) for column in table.columns)]
    lines += [r"\toprule", " & ".join(heads) + r" \\", r"\midrule"]
    for row in table.rows:
        cells = [tex_escape(row.title), f"{row.finished}/{row.started}" if row.started else ""]
        for column, score in zip(table.columns, row.scores, strict=True):
            text = tex_escape(_shown(column, score))
            cells.append(rf"\textbf{{{text}}}" if score is not None and score.mark == "best" else text)
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"
