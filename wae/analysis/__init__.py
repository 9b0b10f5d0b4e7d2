"""Arithmetic on finished results: reads CSV and JSON only, and imports no torch."""

from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "workflow" / "schemas"


def analyse(experiment: Path, claims: Path, anchors: Path) -> None:
    """Write an experiment's fits, divergences, comparison with published numbers, and the verdict of each claim.

    ``experiment`` holds metrics.csv, runs.csv, timing.csv and plan.json; ``claims`` and ``anchors`` are the
    config's files of those names. Writes timing_fits.json, divergences.json, anchors.json and claims.json there.
    """
    from wae.analysis.anchor_files import write_anchors
    from wae.analysis.claims import write_claims
    from wae.analysis.divergences import write_divergences

    write_anchors(experiment, anchors)
    write_divergences(experiment / "divergences.json")
    write_anchors(experiment, anchors)
    write_claims(experiment, claims)


def write_anchors(experiment: Path, anchors: Path) -> None:
    """Write EXPERIMENT/anchors.json: published numbers of the plan's datasets beside ours (wae.analysis.anchors)."""
    from wae.analysis.anchors import compare, records
    from wae.analysis.ledger import load_ledger
    from wae.analysis.runs import load_metrics
    from wae.files import read_json, write_json

    plan = read_json(experiment / "plan.json")
    ledger = load_ledger(anchors, SCHEMAS / "anchors.schema.yaml")
    found = compare(load_metrics(experiment / "metrics.csv"), plan["runs"], ledger, plan["config"]["evaluation"])
    write_json(experiment / "anchors.json", records(found))
