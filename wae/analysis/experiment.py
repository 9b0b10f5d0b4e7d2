"""One experiment: its names, plan, cells and scores; the base of ``wae.analysis.results.Results``."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wae.analysis.experiment_files import ExperimentFiles
from wae.analysis.runs import REAL_DATA, base_method, of_lottery
from wae.analysis.statistics import Interval, score_interval
from wae.analysis.words import about, method_title
from wae.core.layout import Cell, RunFolder

PRIMARY_EXTRACTORS = ("inception", "classifier")  # the first that was measured ranks the methods


class Experiment(ExperimentFiles):
    """What is read off the files in ``results/EXPERIMENT/``."""

    @cached_property
    def config(self) -> dict[str, Any]:
        """The validated config."""
        return dict(self.plan.get("config") or self.manifest.get("config") or {})

    @cached_property
    def planned(self) -> list[dict[str, Any]]:
        """The planned runs with their settings: {dataset, method, seed, training}, from plan.json or the manifest."""
        if self.plan:
            return list(self.plan["runs"])
        entries = self.manifest.get("plan", [])
        return [entry | {"training": entry["settings"]} for entry in entries if "settings" in entry]

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return str(self.config.get("experiment") or self.folder.resolve().name)

    @cached_property
    def datasets(self) -> list[str]:
        """Dataset names in the config's order."""
        return self._ordered("dataset")

    @cached_property
    def methods(self) -> list[str]:
        """Method names, variants included but for those of the seed lottery, in the config's order."""
        return [name for name in self._ordered("method") if not of_lottery(name)]

    @cached_property
    def lottery(self) -> list[str]:
        """Variants of the seed lottery: they answer its questions alone, and are compared with nothing else."""
        return [name for name in self._ordered("method") if of_lottery(name)]

    def _ordered(self, column: str) -> list[str]:
        names = list(dict.fromkeys(self.runs()[column]))
        asked = [run[column] for run in (self.planned or self.manifest.get("plan", []))]
        return [name for name in dict.fromkeys(asked) if name in names] + [n for n in names if n not in asked]

    @property
    def main_methods(self) -> list[str]:
        """Methods that are not variants; all methods when every one is a variant."""
        plain = [method for method in self.methods if base_method(method) == method]
        return plain or self.methods

    def title(self, method: str) -> str:
        """How a method is called, variants included; "VAE" is kept for beta = 1, whatever its name in the config."""
        weights = {s.get("lambda_", 1.0) for (_, name), s in self.cells.items() if name == method}
        if base_method(method) == "vae" and weights - {1.0}:
            return method_title("beta_vae" + method.removeprefix("vae"))
        return method_title(method, self.facts(method).get("title"))

    def facts(self, method: str) -> dict[str, Any]:
        """What the plan tells of a method's class (wae.methods.facts.MethodFacts); {} where it tells nothing."""
        known = self.plan.get("methods", {})
        return dict(known.get(method) or known.get(base_method(method)) or {})

    @property
    def reference(self) -> str:
        """The split that samples are compared with."""
        return str(self.config.get("evaluation", {}).get("reference", "test"))

    @cached_property
    def distance(self) -> str | None:
        """The metric that ranks the methods: the config's primary measure, or the first Frechet distance measured."""
        primary = self.config.get("report", {}).get("primary")
        if primary is not None:
            return str(primary)
        measured = set(self.metrics()["metric"])
        named = [f"fid_{name}" for name in (*PRIMARY_EXTRACTORS, *self.config.get("extractors", {}))]
        return next((name for name in named if name in measured), None)

    @property
    def members(self) -> "Sequence[Experiment]":
        """The experiments that these results are of: this one, or several that are pooled."""
        return [self]

    def origin(self, dataset: str) -> "tuple[Experiment, str]":
        """The experiment that a dataset belongs to, and its name there; more than this one where several are pooled."""
        return self, dataset

    def distance_on(self, dataset: str) -> str | None:
        """``distance`` of the experiment that a dataset belongs to."""
        return self.origin(dataset)[0].distance

    @cached_property
    def _fates(self) -> dict[tuple[str, str], list[tuple[int, str]]]:
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for run in self.runs().to_dict("records"):
            found.setdefault((run["dataset"], run["method"]), []).append((int(run["seed"]), run["status"]))
        return found

    def started(self, dataset: str, method: str) -> int:
        """Runs planned of a cell."""
        return len(self._fates.get((dataset, method), []))

    def finished_seeds(self, dataset: str, method: str) -> list[int]:
        """Seeds of a cell whose runs finished with finite weights, in order."""
        return sorted(seed for seed, status in self._fates.get((dataset, method), []) if status == "finished")

    def finished(self, dataset: str, method: str) -> int:
        """How many of them."""
        return len(self.finished_seeds(dataset, method))

    def seed_values(
        self, dataset: str, method: str, metric: str, subject: str, reference: str | None = None
    ) -> "pd.Series[float]":
        """Value by seed, averaged over sample draws, at the largest sample count. Empty when not measured.

        ``reference`` defaults to the experiment's own; rows that name no reference always count.
        """
        by_seed: dict[int, list[float]] = {}
        for row in self.rows(dataset, method, metric, subject, reference):
            by_seed.setdefault(row["seed"], []).append(row["value"])
        return pd.Series({seed: float(np.mean(by_seed[seed])) for seed in sorted(by_seed)}, dtype=float)

    @cached_property
    def _groups(self) -> dict[tuple[str, str, str, str], list[dict[str, Any]]]:
        groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
        frame = self.metrics()
        known: list[dict[str, Any]] = frame[frame["value"].notna()].to_dict("records")  # type: ignore[assignment]
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

    @cached_property
    def cells(self) -> Mapping[tuple[str, str], dict[str, Any]]:
        """Training settings by (dataset, method); empty when the plan does not tell."""
        return {(run["dataset"], run["method"]): run["training"] for run in self.planned}

    @cached_property
    def common(self) -> dict[str, Any]:
        """Training settings that every run shares."""
        first, *others = self.cells.values() or [{}]
        return {key: value for key, value in first.items() if all(cell.get(key) == value for cell in others)}

    def settings(self, dataset: str, method: str) -> dict[str, Any]:
        """Training settings of a cell; {} when the plan does not tell."""
        return dict(self.cells.get((dataset, method), {}))

    def interval(self, values: "pd.Series[float]", metric: str) -> Interval:
        """Mean over seeds and its 95% interval, within what the metric's definition allows."""
        return score_interval(list(values), about(metric))

    def real_value(self, dataset: str, metric: str) -> float | None:
        """The metric of the real data itself (the floor of a distance), or None."""
        values = self.seed_values(dataset, REAL_DATA, metric, "data")
        return None if values.empty else float(values.mean())

    def run_folder(self, dataset: str, method: str, seed: int) -> RunFolder:
        """The files of a run."""
        return self.layout.run(Cell(dataset, method, seed))

    def shown_path(self, path: Path) -> str:
        """A path of the experiment as users type it: results/EXPERIMENT/..."""
        return str(Path("results") / self.folder.resolve().name / path.relative_to(self.folder))

    def source(self, name: str) -> str:
        """``file results/EXPERIMENT/NAME``: where a number can be looked up."""
        return f"file {self.shown_path(self.folder / name)}"
