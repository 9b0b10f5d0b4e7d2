"""Several experiments as one, so that a claim gets one verdict over all of them and nobody picks among them."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from wae.analysis.budget import gap_rows
from wae.analysis.claims.divergences import power_study, study
from wae.analysis.costs.fits import timing_fits
from wae.analysis.experiment import Experiment
from wae.analysis.files import GAP, TIMING_FITS, File
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.core.errors import UserError
from wae.core.files import sha256_file

T = TypeVar("T")
REFERENCE = "test"  # what each experiment's own reference split is called here


class Pool(Results):
    """The results of several experiments; each dataset is called "DATASET (EXPERIMENT)", so that none is mixed.

    Scores are those against each experiment's own reference split, and each is ranked by its own primary measure. What
    an experiment calls "vae" at another weight than 1 is called beta_vae.

    Args:
        folders: results/EXPERIMENT, or recorded folders (metrics.csv or timing.csv, with manifest.json).

    Raises:
        UserError: for a folder without tables, and for two with the same name or the same tables.
    """

    def __init__(self, folders: Sequence[str | Path]) -> None:
        if not folders:
            raise UserError("no folder given; name one or more, such as results/mnist")
        super().__init__(folders[0])
        self._members = [Results(folder) for folder in folders]
        for member in self._members:
            if not any(member.layout.file(name).exists() for name in TABLES):
                raise UserError(f"{member.folder}: neither {' nor '.join(TABLES)}; give the folder of an experiment")
        _check_distinct(self._members)

    @property
    def members(self) -> Sequence[Results]:
        return self._members

    def _once(self, name: str, load: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if name not in self._tables:
            frames = [self._named(member, getattr(member, name)()) for member in self.members]
            filled = [frame for frame in frames if not frame.empty]
            self._tables[name] = pd.concat(filled, ignore_index=True) if filled else frames[0]
        return self._tables[name]

    def _named(self, member: Results, frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        if "method" in frame.columns:
            pairs = zip(frame["dataset"], frame["method"], strict=True)
            frame["method"] = [canonical(member, dataset, method) for dataset, method in pairs]
        frame["dataset"] = [label(dataset, member) for dataset in frame["dataset"]]
        if "reference" in frame.columns:
            frame = frame[frame["reference"].isin([member.reference, ""])]
            frame = frame.assign(reference=frame["reference"].where(frame["reference"] == "", REFERENCE))
        return frame

    @property
    def reference(self) -> str:
        return REFERENCE

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return {}

    @cached_property
    def plan(self) -> dict[str, Any]:
        methods = [member.plan.get("methods", {}) for member in reversed(self.members)]
        return {"methods": {name: facts for known in methods for name, facts in known.items()}}

    @cached_property
    def planned(self) -> list[dict[str, Any]]:
        return [
            {
                **run,
                "dataset": label(run["dataset"], member),
                "method": canonical(member, run["dataset"], run["method"]),
            }
            for member in self.members
            for run in member.planned
        ]

    @cached_property
    def divergences(self) -> dict[str, Any]:
        known = [member.divergences for member in self.members if member.divergences]
        return known[0] if known else study() | {"power": power_study()}

    def origin(self, dataset: str) -> tuple[Experiment, str]:
        found = {label(own, member): (member, own) for member in self.members for own in ("", *member.datasets)}
        return found.get(dataset, (self, dataset))

    def read(self, file: File[T]) -> T:
        """What ``wae analyse`` would write of all experiments: the gap and the fits; other files are empty here."""
        made: dict[str, Callable[[], Any]] = {
            GAP.name: lambda: gap_rows(self),
            TIMING_FITS.name: lambda: timing_fits(self.timing()),
        }
        found: T = made.get(file.name, lambda: file.empty)()
        return found


TABLES = ("metrics.csv", "timing.csv")


def experiments(folder: Path) -> list[Path]:
    """``folder`` itself where it is an experiment's, else every experiment's folder under it, none left out."""
    if any((folder / name).exists() for name in TABLES):
        return [folder]
    found = sorted({path.parent for name in TABLES for path in folder.rglob(name)})
    return found or [folder]


def label(dataset: str, member: Experiment) -> str:
    """How a dataset of an experiment is called among several."""
    return f"{dataset} ({member.experiment})" if dataset else member.experiment


def canonical(member: Experiment, dataset: str, method: str) -> str:
    """``method`` of an experiment, under the name beta_vae where it is a VAE of another weight than 1."""
    weight = member.settings(dataset, method).get("lambda_", 1.0)
    if base_method(method) != "vae" or weight == 1.0:
        return method
    values = varied(method) | {"lambda_": f"{weight:g}"}
    return f"beta_vae@{'+'.join(f'{key}={value}' for key, value in values.items())}"


def _check_distinct(members: Sequence[Results]) -> None:
    seen: list[tuple[Results, str, list[str]]] = []
    for member in members:
        digests = [sha256_file(path) for name in TABLES if (path := member.layout.file(name)).exists()]
        for other, name, known in seen:
            if name == member.experiment or digests == known:
                what = f"name {name!r}" if name == member.experiment else "tables"
                raise UserError(f"{member.folder}: the same {what} as {other.folder}; give one of the two")
        seen.append((member, member.experiment, digests))
