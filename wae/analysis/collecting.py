"""Every score of every run in one metrics.csv, every run's fate in one runs.csv, and the courses of training.

All are byte-deterministic: rows sorted, floats written with ``repr`` (shortest text that reads back to the same
float). Wall-clock seconds are in runs.csv and trajectories.csv only, so that metrics.csv of equal runs is equal.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from wae.analysis.metrics import gather
from wae.analysis.runs import (
    FACTS,
    METRICS_COLUMNS,
    ORIGIN,
    REAL_DATA,
    RUNS_COLUMNS,
    TRAJECTORIES,
    TRAJECTORIES_COLUMNS,
    load_run_file,
)
from wae.core.errors import UserError
from wae.core.files import csv_text, read_json, write_text
from wae.core.layout import Cell, Layout, RunFolder
from wae.planning.plan import Plan

STATUSES = ("finished", "diverged", "missing")


class PlannedRun(Protocol):
    """What identifies a run; ``wae.core.settings.RunSettings`` has it."""

    @property
    def dataset(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def seed(self) -> int: ...


def collect(
    plan_runs: Iterable[PlannedRun],
    run_dirs: Iterable[str | Path],
    reference_jsons: Iterable[str | Path],
    out_metrics_csv: str | Path,
    out_runs_csv: str | Path,
    experiment: str | None = None,
) -> None:
    """Write metrics.csv and runs.csv of the planned runs; beside them metric_facts.json and trajectories.csv.

    metric_facts.json says what the metrics are; trajectories.csv has the scores of the weights kept along training,
    with the seconds of training until then.

    ``run_dirs`` are in the order of ``plan_runs``; a planned run without run.json is listed as "missing", so
    that a partial report can say what lacks. runs.csv also says what each run was made by, and the versions of packages
    in which runs differ. ``reference_jsons`` hold the real data's own scores (dataset, rows). ``experiment`` defaults
    to the name of the folder of ``out_metrics_csv``.
    """
    experiment = Path(out_metrics_csv).resolve().parent.name if experiment is None else experiment
    scores: list[dict[str, Any]] = []
    fates: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    for planned, folder in zip(plan_runs, map(Path, run_dirs), strict=True):
        key = {
            "experiment": experiment,
            "dataset": planned.dataset,
            "method": planned.method,
            "seed": planned.seed,
        }
        run = RunFolder(folder)
        if not run.record.exists():
            fates.append(key | {"status": "missing"})
            continue
        record = read_json(run.record, "status")
        fates.append(key | _fate(record, folder))
        if run.metrics.exists():
            document = read_json(run.metrics, "status", "rows")
            _check_identity(document, key, run.metrics)
            _check_weights(document, record, run)
            documents.append(document)
            scores.extend(_rows(document, key | {"status": document["status"]}, run.metrics))
            kept.extend(key | row for row in _kept_scores(run))
    write_table(Path(out_metrics_csv).with_name(TRAJECTORIES), kept, TRAJECTORIES_COLUMNS)
    for path in map(Path, reference_jsons):
        document = read_json(path, "rows")
        documents.append(document)
        key = {"experiment": experiment, "dataset": document.get("dataset"), "method": REAL_DATA, "seed": -1}
        scores.extend(_rows(document, key | {"status": "finished"}, path))
    gather(documents, Path(out_metrics_csv).with_name(FACTS))
    write_table(out_metrics_csv, scores, METRICS_COLUMNS)
    write_table(out_runs_csv, fates, (*RUNS_COLUMNS, *ORIGIN, *_differing(fates)))


def collect_plan(plan: Plan, layout: Layout) -> None:
    """Collect the runs of ``plan`` into metrics.csv and runs.csv of its experiment.

    A missing run is an error (UserError) unless the config says ``run.partial``.
    """
    folder, document = plan.folder(layout), plan.document()
    runs = [folder.run(Cell(run.dataset, run.method, run.seed)) for run in plan.runs]
    references = [
        layout.reference(data_id, reference_id) / "reference.json"
        for data_id in document["data"].values()
        for reference_id in document["references"].values()
    ]
    if plan.config.run.partial:
        references = [path for path in references if path.exists()]
    else:
        for run in runs:
            read_json(run.record)
            read_json(run.metrics)
    tables = folder.file("metrics.csv"), folder.file("runs.csv")
    collect(plan.runs, [run.path for run in runs], references, *tables, plan.config.experiment)


def _fate(run: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    status = run.get("status")
    if status not in STATUSES[:2]:
        raise UserError(
            f"{RunFolder(folder).record}: status {status!r}, need finished or diverged; delete it and run again"
        )
    seconds, epochs = run.get("seconds"), run.get("epochs")
    rate = None
    if status == "finished" and seconds and epochs and run.get("images_per_epoch"):
        in_steps = seconds - run.get("prepared_seconds", 0.0)
        rate = run["images_per_epoch"] * epochs / in_steps if in_steps > 0 else None
    stated = {name: run[name] for name in (*RUNS_COLUMNS[4:], *ORIGIN) if name in run}
    return {"images_per_second": rate, "versions": run.get("versions") or {}} | stated


def _differing(fates: list[dict[str, Any]]) -> list[str]:
    """Packages of which the runs had more than one version; the rows then say which."""
    names = sorted({name for fate in fates for name in fate.get("versions", {})})
    made = [fate["versions"] for fate in fates if "versions" in fate]
    differing = [name for name in names if len({versions.get(name) for versions in made}) > 1]
    for fate in fates:
        fate |= {name: fate.get("versions", {}).get(name) for name in differing}
    return differing


def _check_identity(document: Mapping[str, Any], key: Mapping[str, Any], path: Path) -> None:
    for name in ("dataset", "method", "seed"):
        if document.get(name) != key[name]:
            raise UserError(f"{path}: {name} is {document.get(name)!r}, planned {key[name]!r}; delete it and run again")


def _check_weights(document: Mapping[str, Any], record: Mapping[str, Any], run: RunFolder) -> None:
    """UserError for scores of weights that the run no longer has, as after training it again alone."""
    scored, trained = document.get("weights"), record.get("sha256", {}).get(run.weights.name)
    if scored is not None and scored != trained:
        raise UserError(
            f"{run.metrics}: scores of other weights than {run.weights.name} beside it; score the run again: "
            f"wae evaluate --plan FILE --cell {document['dataset']}/{document['method']}/seed{document['seed']}"
        )


def _rows(document: Mapping[str, Any], key: dict[str, Any], path: Path) -> Iterable[dict[str, Any]]:
    wanted = METRICS_COLUMNS[5:]
    for row in document.get("rows", []):
        lacking = [name for name in ("metric", "subject", "value") if name not in row]
        if lacking:
            raise UserError(f"{path}: a row has no {lacking[0]}; delete it and run again")
        yield key | {name: row.get(name) for name in wanted}


def _kept_scores(run: RunFolder) -> list[dict[str, Any]]:
    """Rows of trajectory.csv, with the seconds of training that history.csv has for their epochs."""
    rows, history = load_run_file(run, run.trajectory.name), load_run_file(run, run.history.name)
    if rows is None or history is None or rows.empty:
        return []
    joined = rows.merge(history[["epoch", "seconds"]], on="epoch", how="left")
    known = joined.astype(object).where(joined.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]


def write_table(path: str | Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows as CSV: sorted by their columns from left to right, empty for None, floats by ``repr``."""
    ordered = sorted(rows, key=lambda row: [_sort_key(row.get(column)) for column in columns])
    write_text(path, csv_text(columns, ([row.get(column) for column in columns] for row in ordered)))


def _sort_key(value: Any) -> tuple[int, float, str]:
    if value is None or value == "":
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value) if math.isfinite(value) else math.inf, "")
    return (2, 0.0, str(value))
