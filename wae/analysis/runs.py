"""The tidy tables: every score of every run in one metrics.csv, every run's fate in one runs.csv.

Both are byte-deterministic: rows sorted, floats written with ``repr`` (shortest text that reads back to the
same float). Wall-clock seconds are in runs.csv only, so that metrics.csv of equal runs is equal.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from wae.analysis.metrics import gather, learn
from wae.core.errors import UserError
from wae.core.files import check_files, read_json, write_text
from wae.core.layout import Cell, Layout, RunFolder
from wae.planning.plan import Plan

METRICS_COLUMNS = (
    *("experiment", "dataset", "method", "seed", "status"),
    *("metric", "subject", "reference", "samples", "draw", "label", "value"),
)
RUNS_COLUMNS = (
    *("experiment", "dataset", "method", "seed", "status", "diverged_step", "epochs", "steps"),
    *("parameters", "seconds", "images_per_second", "device", "threads"),
)
ORIGIN = ("commit", "clean_tree", "gpu", "driver", "tf32")  # what a run was made by, as its record says
TIMING_COLUMNS = (
    *("study", "dataset", "subject", "n", "latent_dim", "critic_width", "part"),
    *("seconds", "q1", "q3", "low", "high", "rounds", "noisy_rounds", "peak_bytes", "status"),
)
FACTS = "metric_facts.json"
REAL_DATA = "real_data"  # the method name of rows that describe the data itself
STATUSES = ("finished", "diverged", "missing")
_TEXT = ("experiment", "dataset", "method", "status", "metric", "subject", "reference", "label", "device")


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
    """Write metrics.csv and runs.csv of the planned runs, and metric_facts.json (what the metrics are) beside them.

    ``run_dirs`` are in the order of ``plan_runs``; a planned run without run.json is listed as "missing", so
    that a partial report can say what lacks. runs.csv also says what each run was made by, and the versions of packages
    in which runs differ. ``reference_jsons`` hold the real data's own scores (dataset, rows). ``experiment`` defaults
    to the name of the folder of ``out_metrics_csv``.
    """
    experiment = Path(out_metrics_csv).resolve().parent.name if experiment is None else experiment
    scores: list[dict[str, Any]] = []
    fates: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
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
        fates.append(key | _fate(read_json(run.record, "status"), folder))
        if run.metrics.exists():
            document = read_json(run.metrics, "status", "rows")
            _check_identity(document, key, run.metrics)
            documents.append(document)
            scores.extend(_rows(document, key | {"status": document["status"]}, run.metrics))
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
        rate = run["images_per_epoch"] * epochs / seconds
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


def _rows(document: Mapping[str, Any], key: dict[str, Any], path: Path) -> Iterable[dict[str, Any]]:
    wanted = METRICS_COLUMNS[5:]
    for row in document.get("rows", []):
        lacking = [name for name in ("metric", "subject", "value") if name not in row]
        if lacking:
            raise UserError(f"{path}: a row has no {lacking[0]}; delete it and run again")
        yield key | {name: row.get(name) for name in wanted}


def write_table(path: str | Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows as CSV: sorted by their columns from left to right, empty for None, floats by ``repr``."""
    ordered = sorted(rows, key=lambda row: [_sort_key(row.get(column)) for column in columns])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in ordered)
    write_text(path, text.getvalue())


def _sort_key(value: Any) -> tuple[int, float, str]:
    if value is None or value == "":
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value) if math.isfinite(value) else math.inf, "")
    return (2, 0.0, str(value))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def load_metrics(path: str | Path) -> pd.DataFrame:
    """metrics.csv as a frame: text columns as str ("" where empty), seed as int, samples, draw and value as float.

    What is known of its metrics is read with it, for ``wae.analysis.metrics.describe``.
    """
    learn(Path(path).with_name(FACTS))
    return _load(path, METRICS_COLUMNS)


def load_runs(path: str | Path) -> pd.DataFrame:
    """runs.csv as a frame; numbers that a run does not have are NaN."""
    return _load(path, RUNS_COLUMNS)


def _load(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    frame = load_table(path, [name for name in columns if name in _TEXT])
    lacking = [name for name in columns if name not in frame.columns]
    if lacking:
        raise UserError(f"{path}: no column {lacking[0]!r}; delete it and collect again")
    return frame.astype({"seed": int})


def load_table(path: str | Path, text: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV as a frame: ``text`` columns stay text (a dataset may be called "NA"), the rest becomes numbers.

    Where a column that is not listed holds words, it stays text too. UserError when the file is missing or empty.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; run the stage that writes it first") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable table ({error}); delete it and run again") from error
    for name in frame.columns:
        if name not in text:
            numbers = pd.to_numeric(frame[name].replace("", "nan"), errors="coerce")
            if not (numbers.isna() & ~frame[name].isin(["", "nan"])).any():
                frame[name] = numbers
    return frame


def run_dir(experiment_dir: str | Path, dataset: str, method: str, seed: int) -> Path:
    """Where a run of an experiment lies."""
    return Path(experiment_dir) / dataset / method / f"seed{seed}"


def _check_bytes(path: Path) -> None:
    """UserError where a file is not as its stage left it, if the stage recorded its sha256."""
    folder = RunFolder(path.parent)
    for record in (folder.record, folder.metrics):
        digests = (read_json(record, "status").get("sha256") or {}) if record.exists() else {}
        if path.name in digests:
            check_files(path.parent, {path.name: digests[path.name]}, f"delete {record.name} beside it and run again")


def base_method(method: str) -> str:
    """The method that a variant varies: ``wae_mmd`` for ``wae_mmd@lambda_=10``."""
    return method.partition("@")[0]


def varied(method: str) -> dict[str, str]:
    """What a variant's name sets: {"lambda_": "10"} for ``wae_mmd@lambda_=10``; empty for a plain method."""
    parts = method.partition("@")[2].split("+")
    return {key: value for key, found, value in (part.partition("=") for part in parts) if found}


def load_runs_files(experiment_dir: str | Path, runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """One file (history.csv, trajectory.csv) of every run, stacked, with dataset, method and seed in front.

    Runs that lack the file, or whose file is empty, are left out. Empty frame when none has it.
    """
    frames = []
    for run in runs.to_dict("records"):
        path = run_dir(experiment_dir, run["dataset"], run["method"], run["seed"]) / name
        if path.exists():
            _check_bytes(path)
        if path.exists() and path.stat().st_size > 0:
            frame = load_table(path)
            for column in ("seed", "method", "dataset"):
                frame.insert(0, column, run[column])
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["dataset", "method", "seed"])
