"""The files of one experiment: its tables and its documents, read when first asked for."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from wae.analysis.files import File
from wae.analysis.metrics import learn
from wae.analysis.runs import (
    FACTS,
    METRICS_COLUMNS,
    REAL_DATA,
    RUNS_COLUMNS,
    TIMING_COLUMNS,
    TRAJECTORIES,
    TRAJECTORIES_COLUMNS,
    load_columns,
    load_metrics,
    load_runs,
    load_runs_files,
    load_timing,
)
from wae.core.errors import UserError, plain, shown
from wae.core.files import read_json
from wae.core.layout import ExperimentFolder

T = TypeVar("T")
Map = dict[str, Any]


class _Config(BaseModel):
    """Of a config what is read here; further keys are left aside, in the documents below too."""

    run: Map = {}
    evaluation: Map = {}
    extractors: dict[str, Map] = {}
    timing: Map = {}
    execution: Map = {}
    report: Map = {}


class _Cell(BaseModel):
    dataset: str
    method: str
    settings: Map = {}


class _Manifest(BaseModel):
    config: _Config = _Config()
    plan: list[_Cell] = []
    versions: Map = {}
    hardware: Map = {}
    runs_differ: Map = {}
    run_commits: list[str] = []
    commit: str | None = None
    data: dict[str, Map] = {}
    extractors: dict[str, Map] = {}


class _Run(BaseModel):
    dataset: str
    method: str
    training: Map


class _Plan(BaseModel):
    config: _Config = _Config()
    runs: list[_Run]


class ExperimentFiles:
    """What lies in ``results/EXPERIMENT/``, read when first asked for. Files that a config does not make are empty."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.layout = ExperimentFolder(self.folder)
        self._tables: dict[str, pd.DataFrame] = {}
        if not self.folder.is_dir():
            raise UserError(f"{folder}: no such folder; give the folder of an experiment, such as results/smoke")
        learn(self.layout.file(FACTS))

    def _once(self, name: str, load: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if name not in self._tables:
            self._tables[name] = load()
        return self._tables[name]

    def metrics(self) -> pd.DataFrame:
        """Every single score: a row per run (or real data), metric, subject, reference, sample count and draw.

        Columns: experiment, dataset, method, seed (-1 for real data), status, metric, subject, reference, samples
        (images), draw, label ("smoke" for too few images), value (in the metric's unit: docs/measures.md).
        """
        return self._once("metrics", self._load_metrics)

    def _load_metrics(self) -> pd.DataFrame:
        path = self.layout.file("metrics.csv")
        if not path.exists() and self.layout.file("timing.csv").exists():  # a study of wall-clock time alone
            return pd.DataFrame(columns=list(METRICS_COLUMNS))
        return load_metrics(path)

    def runs(self) -> pd.DataFrame:
        """Every planned run and how it ended: a row per dataset, method and seed.

        Columns: experiment, dataset, method, seed, status (finished, diverged, missing), diverged_step, epochs, steps,
        parameters, seconds (of training), images_per_second, device, threads.
        """
        return self._once("runs", self._load_runs)

    def _load_runs(self) -> pd.DataFrame:
        """runs.csv; in a recorded folder without it, what the scores and the manifest tell of the runs."""
        path = self.layout.file("runs.csv")
        if path.exists() or not self.manifest:
            return load_runs(path)
        known = self.metrics()
        known = known[known["method"] != REAL_DATA][list(RUNS_COLUMNS[:5])].drop_duplicates()
        return known.reindex(columns=list(RUNS_COLUMNS)).reset_index(drop=True)

    def histories(self) -> pd.DataFrame:
        """history.csv of all runs: a row per run and epoch.

        Columns: dataset, method, seed, epoch, step, loss, reconstruction and penalty (means over the epoch's steps, in
        nats or weighted squared errors), learning_rate, lambda_, seconds (of training so far), and what a method adds.
        """
        return self._once("histories", lambda: load_runs_files(self.folder, self.runs(), "history.csv"))

    def trajectories(self) -> pd.DataFrame:
        """Scores of the weights kept along training: a row per run, epoch, metric and subject.

        Columns: dataset, method, seed, epoch, seconds (of training so far), metric, subject, value (in the metric's
        unit).
        """

        def load(path: Path) -> pd.DataFrame:
            return load_columns(path, TRAJECTORIES_COLUMNS)

        return self._once("trajectories", lambda: self._load_optional(TRAJECTORIES, TRAJECTORIES_COLUMNS, load))

    def timing(self) -> pd.DataFrame:
        """The wall-clock study: a row per thing timed, batch size n and part.

        Columns: study (step or penalty), dataset, subject, n, latent_dim, critic_width, part, seconds (median), q1, q3
        (quartiles), low, high (95% interval of the median), rounds, noisy_rounds, peak_bytes, status.
        """
        return self._once("timing", lambda: self._load_optional("timing.csv", TIMING_COLUMNS, load_timing))

    def _load_optional(self, name: str, columns: Sequence[str], load: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
        """A table that not every config makes."""
        path = self.layout.file(name)
        return load(path) if path.exists() else pd.DataFrame(columns=list(columns))

    def read(self, file: File[T]) -> T:
        """The typed content of one of the files that ``wae analyse`` writes (wae.analysis.files)."""
        return file.read(self.folder)

    def _json(self, name: str) -> dict[str, Any]:
        """A document that not every config makes; {} where it is missing."""
        path = self.folder / name
        if not path.exists():
            return {}
        found = read_json(path)
        if not isinstance(found, dict) or not found:
            raise UserError(f"{path}: holds {type(found).__name__}, need a map with content; delete it and run again")
        return found

    @cached_property
    def timing_machine(self) -> dict[str, Any]:
        """The machine of the wall-clock study and how busy it was; {} when there was none."""
        return self._json("timing_machine.json")

    @cached_property
    def divergences(self) -> dict[str, Any]:
        """Values and gradients of divergences between Gaussians (wae.analysis.claims.divergences); {} without."""
        return self._json("divergences.json")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run on which machine; {} when there is none. UserError for one of another form."""
        return self._formed("manifest.json", _Manifest)

    @cached_property
    def plan(self) -> dict[str, Any]:
        """plan.json; {} when there is none. UserError for one of another form."""
        return self._formed("plan.json", _Plan)

    def _formed(self, name: str, form: type[BaseModel]) -> dict[str, Any]:
        found = self._json(name)
        try:
            if found:
                form.model_validate(found)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(plain, fault["loc"]))
            raise UserError(
                f"{self.folder / name}: {where}: found {shown(fault['input'])}: {fault['msg']}; delete it and run again"
            ) from error
        return found
