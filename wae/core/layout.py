"""Every path under results/ and reports/, in one place.

    results/data/DATA_ID/                                     a prepared dataset, shared between experiments
    results/extractors/DATA_ID/EXTRACTOR_ID/                  a feature extractor
    results/reference/DATA_ID/REFERENCE_ID/                   features and scores of the real data
    results/EXPERIMENT/                                       plan, tidy tables and analysis of one config
    results/EXPERIMENT/DATASET/METHOD/seedN/                  one run
    reports/EXPERIMENT/                                       its page, tables/ and figures/

Nothing here touches the disk.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from wae.core.errors import UserError

SHARED = ("data", "extractors", "reference")  # folders of results/ that all experiments share
ARRAYS = ("train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy")
# The files of each shared folder, its record last.
PREPARED = (*ARRAYS, "meta.json")
EXTRACTOR = ("weights.safetensors", "extractor.json")  # weights of one that is made here alone
REFERENCE = ("reference.npz", "reference.json")


@dataclass(frozen=True, order=True)
class Cell:
    """One run of an experiment: what is trained on which dataset with which seed."""

    dataset: str
    method: str
    seed: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cell of ``DATASET/METHOD/seedN``; UserError for any other form."""
        found = re.fullmatch(r"([^/]+)/([^/]+)/seed(\d+)", text)
        if found is None:
            raise UserError(f"cell {text!r}: write DATASET/METHOD/seedN, such as digits/wae_mmd/seed0")
        return cls(found[1], found[2], int(found[3]))

    def __str__(self) -> str:
        return f"{self.dataset}/{self.method}/seed{self.seed}"


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def weights(self) -> Path:
        """The trained weights (safetensors)."""
        return self.path / "weights.safetensors"

    @property
    def settings(self) -> Path:
        """The run's settings."""
        return self.path / "settings.json"

    @property
    def history(self) -> Path:
        """One row per epoch."""
        return self.path / "history.csv"

    @property
    def record(self) -> Path:
        """How training ended; written last, so that a folder that has it is whole."""
        return self.path / "run.json"

    @property
    def checkpoint(self) -> Path:
        """Where training goes on after a stop; gone once it has ended."""
        return self.path / "checkpoint.pt"

    @property
    def metrics(self) -> Path:
        """The scores."""
        return self.path / "metrics.json"

    @property
    def trajectory(self) -> Path:
        """Scores along training."""
        return self.path / "trajectory.csv"

    @property
    def codes(self) -> Path:
        """Some held-out codes, for the scatter."""
        return self.path / "images/latent.csv"

    @property
    def explorer(self) -> Path:
        """The decoder and codes that the page's latent explorer runs."""
        return self.path / "explorer.json"

    def picture(self, kind: str) -> Path:
        """The grid of ``samples``, ``reconstructions`` or ``interpolations``."""
        return self.path / f"images/{kind}.png"

    @property
    def snapshots(self) -> Path:
        """Folder of the weights kept along training."""
        return self.path / "snapshots"

    def snapshot(self, epoch: int) -> Path:
        """The weights kept after ``epoch`` epochs."""
        return self.snapshots / f"epoch{epoch:04d}.safetensors"


@dataclass(frozen=True)
class ExperimentFolder:
    """The files of one experiment under results/."""

    path: Path

    def run(self, cell: Cell) -> RunFolder:
        """The folder of one run."""
        return RunFolder(self.path / str(cell))

    def file(self, name: str) -> Path:
        """A file of the whole experiment: ``plan.json``, ``metrics.csv``, ``claims.json`` and so on."""
        return self.path / name

    @property
    def plan(self) -> Path:
        """The validated config and its runs."""
        return self.path / "plan.json"

    @property
    def made_from(self) -> Path:
        """What the results that are no records were made from, by path."""
        return self.path / "made_from.json"

    def report(self, name: str) -> Path:
        """A part of the experiment's report, in the working folder: ``tables``, ``figures`` or ``summary.html``."""
        return Path("reports") / self.path.name / name


@dataclass(frozen=True)
class Layout:
    """The folder of results, by default results/ in the working folder."""

    results: Path = Path("results")

    def experiment(self, name: str) -> ExperimentFolder:
        """The folder of an experiment."""
        return ExperimentFolder(self.results / name)

    def data(self, data_id: str) -> Path:
        """Folder of a prepared dataset."""
        return self.results / "data" / data_id

    def extractor(self, data_id: str, extractor_id: str) -> Path:
        """Folder of a feature extractor of one dataset."""
        return self.results / "extractors" / data_id / extractor_id

    def reference(self, data_id: str, reference_id: str) -> Path:
        """Folder of the real data's features and scores in one extractor."""
        return self.results / "reference" / data_id / reference_id
