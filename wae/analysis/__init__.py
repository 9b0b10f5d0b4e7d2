"""Arithmetic on finished results: reads CSV and JSON only, and imports no torch."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wae.analysis.files import File
    from wae.analysis.results import Results


def analyse(experiment: Path, claims: Path, anchors: Path) -> None:
    """Write all that is computed from an experiment's results: the files named in wae/analysis/files.py.

    ``experiment`` holds metrics.csv, runs.csv, plan.json, and where they were made timing.csv and manifest.json;
    ``claims`` and ``anchors`` are the config's files of those names.
    """
    from wae.analysis import files
    from wae.analysis.claims.divergences import write_divergences
    from wae.analysis.claims.judging import judge_file
    from wae.analysis.published.comparison import compare_file
    from wae.analysis.results import Results

    results = Results(experiment)
    summarise(results)
    files.PUBLISHED.write(experiment, compare_file(results, anchors))
    write_divergences(experiment / "divergences.json")
    files.CLAIMS.write(experiment, judge_file(results, claims))


def summarise(results: "Results") -> None:
    """Write what follows from an experiment's own tables alone: scores, agreement, budget, gap, tuning and so on."""
    for file, make in derived():
        file.write(results.folder, make(results))


def derived() -> "list[tuple[File[Any], Callable[[Results], Any]]]":
    """Each file that follows from an experiment's own tables alone, and the function that makes its content."""
    from wae.analysis import agreement, budget, citation, contrasts, courses, files, lottery, reaching, scores, tuning
    from wae.analysis.costs.fits import timing_fits
    from wae.analysis.deciding import deciding

    def agreements(results: "Results") -> Any:
        summed = results.made(files.SCORES)  # written just before, where all files are
        return agreement.agreements(results, summed)

    return [
        (files.SCORES, scores.summarise),
        (files.AGREEMENT, agreements),
        (files.BUDGET, budget.budget_rows),
        (files.CONTRASTS, contrasts.contrasts),
        (files.DECIDING, deciding),
        (files.AGGREGATES, contrasts.aggregates),
        (files.LOTTERY, lottery.streams),
        (files.CROSSED, lottery.crossed),
        (files.GAP, budget.gap_rows),
        (files.TUNING, tuning.tune),
        (files.COURSES, courses.courses),
        (files.REACHING, reaching.reaching),
        (files.CITATION, citation.shortfalls),
        (files.TIMING_FITS, lambda results: timing_fits(results.timing())),
    ]
