"""Arithmetic on finished results: reads CSV and JSON only, and imports no torch."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from wae.analysis import agreement, budget, citation, contrasts, courses, files, lottery, reaching, scores, tuning
    from wae.analysis.costs.fits import timing_fits
    from wae.analysis.deciding import deciding

    folder, summed = results.folder, scores.summarise(results)
    files.SCORES.write(folder, summed)
    files.AGREEMENT.write(folder, agreement.agreements(results, summed))
    files.BUDGET.write(folder, budget.budget_rows(results))
    files.CONTRASTS.write(folder, contrasts.contrasts(results))
    files.DECIDING.write(folder, deciding(results))
    files.AGGREGATES.write(folder, contrasts.aggregates(results))
    files.LOTTERY.write(folder, lottery.streams(results))
    files.CROSSED.write(folder, lottery.crossed(results))
    files.GAP.write(folder, budget.gap_rows(results))
    files.TUNING.write(folder, tuning.tune(results))
    files.COURSES.write(folder, courses.courses(results))
    files.REACHING.write(folder, reaching.reaching(results))
    files.CITATION.write(folder, citation.shortfalls(results))
    files.TIMING_FITS.write(folder, timing_fits(results.timing()))
