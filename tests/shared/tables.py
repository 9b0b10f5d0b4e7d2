"""An experiment's tables from a few numbers, for tests of the analysis."""

from pathlib import Path
from typing import Any

from wae.analysis.collecting import write_table
from wae.analysis.results import Results
from wae.analysis.runs import METRICS_COLUMNS, REAL_DATA, RUNS_COLUMNS
from wae.core.files import write_json

Key = tuple[str, str]  # method, "metric/subject" or "metric/subject/reference"


def results(
    folder: Path,
    scores: dict[Key, list[Any]],
    dataset: str = "glyphs",
    settings: dict[str, dict[str, Any]] | None = None,
    reference: str = "test",
    samples: int = 9,
) -> Results:
    """Results of one dataset: a value, or a list of draws, per seed; None for a diverged run.

    Values of ``real_data`` get the seed -1. ``settings``: training settings by method, beside code size and prior.
    """
    rows, runs = [], {}
    for (method, name), values in scores.items():
        metric, subject, against = [*name.split("/"), reference][:3]
        for seed, value in enumerate(values):
            status = "diverged" if value is None else "finished"
            key = {"experiment": "e", "dataset": dataset, "method": method, "seed": seed, "status": status}
            if method == REAL_DATA:
                key["seed"] = -1
            else:
                runs[method, seed] = key
            for draw, drawn in enumerate(value if isinstance(value, list) else [value] if value is not None else []):
                row = {"metric": metric, "subject": subject, "reference": against, "samples": samples, "draw": draw}
                rows.append(key | row | {"value": drawn})
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "metrics.csv", rows, METRICS_COLUMNS)
    write_table(folder / "runs.csv", runs.values(), RUNS_COLUMNS)
    defaults = {"latent_dim": 8, "prior": "normal"}
    plan = [
        {"dataset": dataset, "method": method, "seed": seed, "training": defaults | (settings or {}).get(method, {})}
        for method, seed in runs
    ]
    write_json(folder / "plan.json", {"runs": plan, "config": {"evaluation": {"reference": reference}}})
    return Results(folder)
