"""One reproduction whose seeds were run as several experiments, as they took days."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from wae.analysis.results import Results
from wae.core.errors import UserError, shown
from wae.core.layout import Cell


class Parts(Results):
    """The runs of all ``folders`` as one experiment: its config is that of the first, its scores are theirs together.

    UserError for a run that two of them have, and for a setting of training, data or evaluation in which they differ.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(folders[0])
        self._parts = [Results(folder) for folder in folders]
        expected = protocol(self)
        seen: dict[str, Path] = {}
        for part in self._parts:
            for key, value in protocol(part).items():
                if (first := expected.setdefault(key, value)) != value:
                    raise UserError(
                        f"{part.folder}: {key} is {shown(value)} and in {self.folder} {shown(first)}; "
                        "runs of another protocol need an experiment of their own"
                    )
            scored = part.metrics().query("seed >= 0")  # scores of real data are the same in each
            runs = set(zip(scored["dataset"], scored["method"], scored["seed"], strict=True))
            for run in sorted(str(Cell(*found)) for found in runs):
                if run in seen:
                    raise UserError(f"{part.folder}: has {run}, as {seen[run]}; keep one of them")
                seen[run] = part.folder

    def metrics(self) -> pd.DataFrame:
        """The scores of all parts (``Results.metrics``)."""
        return self._once("metrics", lambda: pd.concat([part.metrics() for part in self._parts], ignore_index=True))


def protocol(part: Results) -> dict[str, Any]:
    """What the scores of a run rest on, by name: settings of its training, of its dataset and of the evaluation.

    A setting that came later than a record is not in it: what such a record was run with is today's default.
    """
    found = {
        f"{run['dataset']}/{run['method']}: {key}": value
        for run in part.planned
        for key, value in run["training"].items()
    }
    options = {f"{name}: options": data.get("options", {}) for name, data in part.config.get("datasets", {}).items()}
    return found | options | {f"evaluation: {key}": value for key, value in part.config.get("evaluation", {}).items()}
