"""An experiment's files as one object that tables, figures and the page read from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wae.analysis.costs import words as fitted
from wae.analysis.runs import (
    REAL_DATA,
    TIMING_COLUMNS,
    base_method,
    load_metrics,
    load_runs,
    load_runs_files,
    load_table,
    run_dir,
)
from wae.analysis.statistics import summarise
from wae.core.files import read_json

PRIMARY_EXTRACTORS = ("inception", "classifier")  # the first that was measured ranks the methods


def mean_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean and 95% t-interval; no interval for one value."""
    found = summarise(np.asarray(values, dtype=float)[:, None])
    low, high = float(found.low[0]), float(found.high[0])
    return float(found.mean[0]), None if math.isnan(low) else low, None if math.isnan(high) else high


@dataclass(frozen=True)
class Results:
    """What lies in ``results/EXPERIMENT/``. Files that a config does not make read as None or an empty frame."""

    folder: Path

    def _json(self, name: str) -> Any:
        path = self.folder / name
        return read_json(path) if path.exists() else None

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Every score (see wae.analysis.runs)."""
        return load_metrics(self.folder / "metrics.csv")

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Every planned run and how it ended."""
        return load_runs(self.folder / "runs.csv")

    @cached_property
    def timing(self) -> pd.DataFrame:
        """The wall-clock study's rows; empty when it was not run."""
        path = self.folder / "timing.csv"
        if not path.exists():
            return pd.DataFrame(columns=list(TIMING_COLUMNS))
        return load_table(path, ("study", "dataset", "subject", "part", "status"))

    @cached_property
    def timing_fits(self) -> Any:
        """Fitted exponents and crossovers, or None."""
        return self._json("timing_fits.json")

    @cached_property
    def timing_machine(self) -> dict[str, Any]:
        """The machine of the wall-clock study and how busy it was; {} when there was none."""
        return dict(self._json("timing_machine.json") or {})

    @cached_property
    def claims(self) -> list[dict[str, Any]]:
        """Judged claims, in their order."""
        return list((self._json("claims.json") or {}).get("claims", []))

    @cached_property
    def anchors(self) -> list[dict[str, Any]]:
        """Published numbers beside ours (wae.analysis.published.comparison)."""
        return list((self._json("anchors.json") or {}).get("rows", []))

    @cached_property
    def lambdas(self) -> list[dict[str, Any]]:
        """Each cell's lambda, as set and in the paper's units (None where that has no meaning)."""
        return list((self._json("anchors.json") or {}).get("lambdas", []))

    @cached_property
    def divergences(self) -> Any:
        """Values and gradients of divergences between Gaussians, or None."""
        return self._json("divergences.json")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run on which machine; {} when there is none."""
        return dict(self._json("manifest.json") or {})

    @cached_property
    def config(self) -> dict[str, Any]:
        """The merged config."""
        return dict(self._json("config.json") or self.manifest.get("config") or {})

    @cached_property
    def planned(self) -> list[dict[str, Any]]:
        """The planned runs with their settings: {dataset, method, seed, training}, from plan.json or the manifest."""
        plan = self._json("plan.json")
        if plan is not None:
            return list(plan["runs"])
        entries = self.manifest.get("plan", [])
        return [entry | {"training": entry["settings"]} for entry in entries if "settings" in entry]

    @cached_property
    def history(self) -> pd.DataFrame:
        """history.csv of all runs: one row an epoch."""
        return load_runs_files(self.folder, self.runs, "history.csv")

    @cached_property
    def trajectory(self) -> pd.DataFrame:
        """trajectory.csv of all runs: scores of the snapshots."""
        return load_runs_files(self.folder, self.runs, "trajectory.csv")

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return str(self.config.get("experiment") or self.folder.resolve().name)

    @cached_property
    def datasets(self) -> list[str]:
        """Dataset names in the config's order."""
        return self._ordered("datasets", "dataset")

    @cached_property
    def methods(self) -> list[str]:
        """Method names, variants included, in the config's order."""
        return self._ordered("methods", "method")

    def _ordered(self, plural: str, column: str) -> list[str]:
        names = list(dict.fromkeys(self.runs[column]))
        planned = [entry[column] for entry in self.manifest.get("plan", [])]
        asked = [*planned, *self.config.get("run", {}).get(plural, [])]
        return [name for name in dict.fromkeys(asked) if name in names] + [n for n in names if n not in asked]

    @property
    def main_methods(self) -> list[str]:
        """Methods that are not variants; all methods when every one is a variant."""
        plain = [method for method in self.methods if base_method(method) == method]
        return plain or self.methods

    @property
    def reference(self) -> str:
        """The split that samples are compared with."""
        return str(self.config.get("evaluation", {}).get("reference", "test"))

    @cached_property
    def distance(self) -> str | None:
        """The metric that ranks the methods: the Frechet distance of the first extractor measured, or None."""
        measured = set(self.metrics["metric"])
        named = [f"fid_{name}" for name in (*PRIMARY_EXTRACTORS, *self.config.get("extractors", {}))]
        return next((name for name in named if name in measured), None)

    @cached_property
    def _fates(self) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """(seed, status) of the planned runs by (dataset, method)."""
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for run in self.runs.to_dict("records"):
            found.setdefault((run["dataset"], run["method"]), []).append((int(run["seed"]), run["status"]))
        return found

    def started(self, dataset: str, method: str) -> int:
        """Runs planned of a cell."""
        return len(self._fates.get((dataset, method), []))

    def finished(self, dataset: str, method: str) -> int:
        """Runs of a cell that came to their end with finite weights."""
        return len(self.finished_seeds(dataset, method))

    def finished_seeds(self, dataset: str, method: str) -> list[int]:
        """Seeds of a cell whose runs finished, in order."""
        return sorted(seed for seed, status in self._fates.get((dataset, method), []) if status == "finished")

    def seed_values(
        self, dataset: str, method: str, metric: str, subject: str, reference: str | None = None
    ) -> pd.Series:
        """Value by seed, averaged over sample draws, at the largest sample count. Empty when not measured.

        ``reference`` defaults to the experiment's own; rows that name no reference always count.
        """
        by_seed: dict[int, list[float]] = {}
        for row in self.rows(dataset, method, metric, subject, reference):
            by_seed.setdefault(row["seed"], []).append(row["value"])
        means = {seed: float(np.mean(by_seed[seed])) for seed in sorted(by_seed)}
        return pd.Series(means, dtype=float)

    @cached_property
    def _groups(self) -> dict[tuple[str, str, str, str], list[dict[str, Any]]]:
        """Rows of metrics.csv by (dataset, method, metric, subject), without those that have no value."""
        groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
        known: list[dict[str, Any]] = self.metrics[self.metrics["value"].notna()].to_dict("records")  # type: ignore[assignment]
        for row in known:
            groups.setdefault((row["dataset"], row["method"], row["metric"], row["subject"]), []).append(row)
        return groups

    def rows(
        self, dataset: str, method: str, metric: str, subject: str, reference: str | None = None
    ) -> list[dict[str, Any]]:
        """The rows of metrics.csv behind ``seed_values``."""
        wanted = (reference or self.reference, "")
        found = [r for r in self._groups.get((dataset, method, metric, subject), []) if r["reference"] in wanted]
        largest = max((r["samples"] for r in found if r["samples"] == r["samples"]), default=None)  # NaN: no count
        return found if largest is None else [r for r in found if r["samples"] == largest]

    def settings(self, dataset: str, method: str) -> dict[str, Any]:
        """Training settings of a cell; {} when the plan does not tell."""
        return dict(self._settings.get((dataset, method), {}))

    @cached_property
    def _settings(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(run["dataset"], run["method"]): run["training"] for run in self.planned}

    @staticmethod
    def interval(values: pd.Series) -> tuple[float, float | None, float | None]:
        """Mean over seeds and its 95% t-interval; no interval for one seed."""
        return mean_interval(list(values))

    @cached_property
    def exponents(self) -> list[dict[str, Any]]:
        """Fitted cost of each penalty (wae.analysis.costs.words)."""
        return fitted.exponents(self.timing_fits or {})

    @cached_property
    def crossovers(self) -> list[dict[str, Any]]:
        """Batch sizes at which two penalties cost the same (wae.analysis.costs.words)."""
        return fitted.crossovers(self.timing_fits or {})

    def real_value(self, dataset: str, metric: str) -> float | None:
        """The metric of the real data itself (the floor of a distance), or None."""
        values = self.seed_values(dataset, REAL_DATA, metric, "data")
        return None if values.empty else float(values.mean())

    def run_path(self, dataset: str, method: str, seed: int) -> Path:
        """Where a run lies."""
        return run_dir(self.folder, dataset, method, seed)

    def shown_path(self, path: Path) -> str:
        """A path of the experiment as users type it: results/EXPERIMENT/..."""
        return str(Path("results") / self.folder.resolve().name / path.relative_to(self.folder))
