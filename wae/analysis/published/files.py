"""anchors.json of an experiment: published numbers beside ours, and each run's lambda in the paper's units."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wae.analysis.published import comparison as anchors
from wae.analysis.published import lambda_units
from wae.analysis.published.ledger import load_ledger
from wae.analysis.runs import load_metrics
from wae.core.files import read_json, write_json

SCHEMA = Path(__file__).resolve().parents[2] / "core/schemas/anchors.schema.yaml"


def write_anchors(experiment: Path, ledger: Path) -> None:
    """Write anchors.json from plan.json and metrics.csv in ``experiment``: {"rows": ..., "lambdas": ...}.

    rows: as ``anchors.compare``. lambdas: dataset, method, lambda_, paper_lambda (None where the reconstruction is no
    squared error, so that no translation exists).
    """
    plan = read_json(experiment / "plan.json")
    config = plan["config"]
    frame = anchors.compare(
        load_metrics(experiment / "metrics.csv"),
        plan["runs"],
        load_ledger(ledger, SCHEMA),
        config["evaluation"],
        {name: settings.get("options", {}) for name, settings in config["datasets"].items()},
    )
    write_json(experiment / "anchors.json", {"rows": anchors.records(frame), "lambdas": lambdas(plan["runs"])})


def lambdas(runs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each dataset and method of the runs (RunSettings dumps), in their order."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        training = run["training"]
        units = lambda_units.units_of(training)
        rows[run["dataset"], run["method"]] = {
            "dataset": run["dataset"],
            "method": run["method"],
            "lambda_": training["lambda_"],
            "paper_lambda": None if units is None else lambda_units.paper_lambda(training["lambda_"], units),
        }
    return list(rows.values())
