"""An experiment's files as one object that tables, figures and the page read from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

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
from wae.files import read_json

PRIMARY_EXTRACTORS = ("inception", "classifier")  # the first that was measured ranks the methods


TIMED = {"mmd_fused": "fused MMD", "mmd_official": "official MMD", "mmd_random_features": "MMD, random features"}


def timed_title(subject: str, critic_width: int | None) -> str:
    """The title of a penalty of the wall-clock study: ``critic 4 × 512``."""
    if subject == "gan":
        return "critic" if critic_width is None else f"critic 4 × {critic_width}"
    return TIMED.get(subject, subject)


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
        """Published numbers beside ours (wae.analysis.anchors)."""
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

    def started(self, dataset: str, method: str) -> int:
        """Runs planned of a cell."""
        return int(self._cell_runs(dataset, method).shape[0])

    def finished(self, dataset: str, method: str) -> int:
        """Runs of a cell that came to their end with finite weights."""
        return int((self._cell_runs(dataset, method)["status"] == "finished").sum())

    def finished_seeds(self, dataset: str, method: str) -> list[int]:
        """Seeds of a cell whose runs finished, in order."""
        cell = self._cell_runs(dataset, method)
        return sorted(int(seed) for seed in cell[cell["status"] == "finished"]["seed"])

    def _cell_runs(self, dataset: str, method: str) -> pd.DataFrame:
        return self.runs[(self.runs["dataset"] == dataset) & (self.runs["method"] == method)]

    def seed_values(
        self, dataset: str, method: str, metric: str, subject: str, reference: str | None = None
    ) -> pd.Series:
        """Value by seed, averaged over sample draws, at the largest sample count. Empty when not measured.

        ``reference`` defaults to the experiment's own; rows that name no reference always count.
        """
        rows = self.rows(dataset, method, metric, subject, reference)
        if rows.empty:
            return pd.Series(dtype=float)
        return rows.groupby("seed")["value"].mean().sort_index()

    def rows(self, dataset: str, method: str, metric: str, subject: str, reference: str | None = None) -> pd.DataFrame:
        """The rows of metrics.csv behind ``seed_values``."""
        frame = self.metrics
        wanted = reference or self.reference
        found = frame[
            (frame["dataset"] == dataset)
            & (frame["method"] == method)
            & (frame["metric"] == metric)
            & (frame["subject"] == subject)
            & frame["reference"].isin([wanted, ""])
            & frame["value"].notna()
        ]
        if found["samples"].notna().any():
            found = found[found["samples"] == found["samples"].max()]
        return found

    def settings(self, dataset: str, method: str) -> dict[str, Any]:
        """Training settings of a cell; {} when the plan does not tell."""
        for run in self.planned:
            if run["dataset"] == dataset and run["method"] == method:
                return dict(run["training"])
        return {}

    @staticmethod
    def interval(values: pd.Series) -> tuple[float, float | None, float | None]:
        """Mean over seeds and its 95% t-interval; no interval for one seed."""
        return mean_interval(list(values))

    @cached_property
    def exponents(self) -> list[dict[str, Any]]:
        """Fitted cost of each penalty: subject, title, latent_dim, exponent, low, high, n_low, n_high, coefficient."""
        return [
            {
                "subject": fit["subject"],
                "title": timed_title(fit["subject"], fit["critic_width"]),
                "latent_dim": fit["latent_dim"],
                "exponent": fit["p"],
                "low": fit["p_low"],
                "high": fit["p_high"],
                "n_low": fit["n_min"],
                "n_high": fit["n_max"],
                "coefficient": fit["c"],
            }
            for fit in (self.timing_fits or {}).get("fits", [])
            if fit["study"] == "penalty"
        ]

    @cached_property
    def crossovers(self) -> list[dict[str, Any]]:
        """Batch sizes at which two penalties cost the same: title, latent_dim, n (None for none), low, high, note."""
        notes = {
            "measured": "between measured sizes",
            "extrapolated": "beyond the measured sizes, by the fits",
            "below grid": "the first is the dearer one at all measured sizes",
            "above grid": "the first is the cheaper one at all measured sizes",
            "no common size": "no common size was measured",
        }
        return [
            {
                "title": f"{timed_title(c['a'], None)} and {timed_title(c['b'], c['critic_width'])}",
                **{name: c[name] for name in ("latent_dim", "n", "low", "high")},
                "note": notes[c["status"]],
                "status": c["status"],
            }
            for c in (self.timing_fits or {}).get("crossovers", [])
            if c["study"] == "penalty"
        ]

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
