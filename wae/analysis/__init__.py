"""Arithmetic on finished results: reads CSV and JSON only, and imports no torch."""

from pathlib import Path


def analyse(experiment: Path, claims: Path, anchors: Path) -> None:
    """Write an experiment's fits, divergences, comparison with published numbers, and the verdict of each claim.

    ``experiment`` holds metrics.csv, runs.csv, timing.csv and plan.json; ``claims`` and ``anchors`` are the
    config's files of those names. Writes timing_fits.json, divergences.json, anchors.json and claims.json there.
    """
    from wae.analysis.claims.divergences import write_divergences
    from wae.analysis.claims.judging import write_claims
    from wae.analysis.costs.fits import write_fits
    from wae.analysis.published.files import write_anchors

    write_fits(experiment)
    write_anchors(experiment, anchors)
    write_divergences(experiment / "divergences.json")
    write_claims(experiment, claims)
