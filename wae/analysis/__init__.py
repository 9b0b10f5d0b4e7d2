"""Arithmetic on finished results: reads CSV and JSON only, and imports no torch."""

from pathlib import Path


def analyse(experiment: Path, claims: Path, anchors: Path) -> None:
    """Write an experiment's fits, divergences, comparison with published numbers, and the verdict of each claim.

    ``experiment`` holds metrics.csv, runs.csv, timing.csv and plan.json; ``claims`` and ``anchors`` are the
    config's files of those names. Writes timing_fits.json, divergences.json, anchors.json and claims.json there.
    """
    from wae.analysis.anchor_files import write_anchors
    from wae.analysis.claims import write_claims
    from wae.analysis.divergences import write_divergences
    from wae.analysis.fits import write_fits

    write_fits(experiment)
    write_anchors(experiment, anchors)
    write_divergences(experiment / "divergences.json")
    write_claims(experiment, claims)
