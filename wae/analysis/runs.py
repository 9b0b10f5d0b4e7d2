"""The tables of results: their columns, how they are read, and what the names in them mean."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from wae.analysis.metrics import learn
from wae.core.errors import UserError
from wae.core.files import check_files, read_json
from wae.core.layout import Cell, ExperimentFolder, RunFolder

METRICS_COLUMNS = (
    *("experiment", "dataset", "method", "seed", "status"),
    *("metric", "subject", "reference", "samples", "draw", "label", "value"),
)
RUNS_COLUMNS = (
    *("experiment", "dataset", "method", "seed", "status", "diverged_step", "epochs", "steps"),
    *("parameters", "seconds", "images_per_second", "device", "threads"),
)
ORIGIN = ("commit", "clean_tree", "gpu", "driver", "tf32")  # what a run was made by, as its record says
TRAJECTORIES_COLUMNS = ("dataset", "method", "seed", "epoch", "seconds", "metric", "subject", "value")
TIMING_COLUMNS = (
    *("study", "dataset", "subject", "n", "latent_dim", "critic_width", "part"),
    *("seconds", "q1", "q3", "low", "high", "rounds", "noisy_rounds", "peak_bytes", "status"),
)
SIZES = ("n", "latent_dim", "critic_width")  # of what was timed
FACTS, TRAJECTORIES = "metric_facts.json", "trajectories.csv"
REAL_DATA = "real_data"  # the method name of rows that describe the data itself
TEXT = (  # columns that stay text, whatever they hold
    *("experiment", "dataset", "method", "status", "metric", "subject", "reference", "label", "device"),
    *("study", "part"),
)


def load_metrics(path: str | Path) -> pd.DataFrame:
    """metrics.csv as a frame: text columns as str ("" where empty), seed as int, samples, draw and value as float.

    What is known of its metrics is read with it, for ``wae.analysis.metrics.describe``.
    """
    learn(Path(path).with_name(FACTS))
    return _load(path, METRICS_COLUMNS)


def load_runs(path: str | Path) -> pd.DataFrame:
    """runs.csv as a frame; numbers that a run does not have are NaN."""
    return _load(path, RUNS_COLUMNS)


def load_timing(path: str | Path) -> pd.DataFrame:
    """timing.csv as a frame; numbers that a row does not have are NaN. What was measured has its size and seconds."""
    frame = load_columns(path, TIMING_COLUMNS)
    measured = frame[(frame["part"] == "total") & (frame["status"] == "ok")]
    needed = measured[["n", "latent_dim", "seconds", "low", "high"]].to_numpy(float)
    if np.isinf(frame[list(SIZES)].to_numpy(float)).any() or not (np.isfinite(needed) & (needed > 0)).all():
        raise UserError(f"{path}: holds sizes or seconds that are no positive numbers; delete it and time again")
    return frame


def _load(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    frame = load_columns(path, columns)
    if not (frame["seed"].abs() < 2**31).all() or (frame["seed"] % 1 != 0).any():
        raise UserError(f"{path}: column 'seed' holds other than whole numbers; delete it and collect again")
    return frame.astype({"seed": int})


def load_columns(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV that has at least ``columns``, numbers in those that are not TEXT; UserError for another."""
    frame = load_table(path, TEXT)
    lacking = [name for name in columns if name not in frame.columns]
    if lacking:
        raise UserError(f"{path}: no column {lacking[0]!r}; delete it and run again")
    for name in columns:
        if len(frame) and name not in TEXT and not pd.api.types.is_numeric_dtype(frame[name]):
            raise UserError(f"{path}: column {name!r} holds words, need numbers; delete it and run again")
    return frame


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


def of_lottery(method: str) -> bool:
    """Whether a variant belongs to the seed lottery: a method's own runs with other random streams, no other method."""
    return not {"seed_stream", "held_seed"}.isdisjoint(varied(method))


def load_runs_files(experiment_dir: str | Path, runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """One file (history.csv or trajectory.csv) of every run, stacked, with dataset, method and seed in front.

    Runs that lack the file, or whose file is empty, are left out. Empty frame when none has it.
    """
    frames = []
    for run in runs.to_dict("records"):
        folder = ExperimentFolder(Path(experiment_dir)).run(Cell(run["dataset"], run["method"], run["seed"]))
        frame = load_run_file(folder, name)
        if frame is not None:
            for column in ("seed", "method", "dataset"):
                frame.insert(0, column, run[column])
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["dataset", "method", "seed"])


def load_run_file(run: RunFolder, name: str) -> pd.DataFrame | None:
    """history.csv or trajectory.csv of a run; None where it is missing or empty.

    UserError for another content than its stage left.
    """
    path = run.path / name
    if path.exists():
        _check_bytes(path)
    return load_table(path) if path.exists() and path.stat().st_size > 0 else None
