"""Scores of training itself: the mean losses of chosen epochs, which some sources publish in place of held-out ones."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wae.core.errors import UserError
from wae.core.layout import RunFolder
from wae.core.settings import RunSettings
from wae.evaluation.metric import Metric
from wae.evaluation.rows import row

LOSSES = {
    "reconstruction": "reconstruction loss, with its factor",
    "penalty": "penalty, without lambda (a VAE's KL divergence)",
}


def history_facts(epochs: Sequence[int]) -> dict[str, Metric]:
    """What is known of the scores of ``epochs``: ``training_reconstruction_epoch30``, ``training_penalty_epoch30``."""
    return {
        f"training_{loss}_epoch{epoch}": Metric(
            f"Training {loss}, epoch {epoch}",
            better="lower" if loss == "reconstruction" else None,
            definition=f"Mean of the {said} over the batches of epoch {epoch}, counted from 1, while the weights move: "
            "in training mode, on training images, each batch counted once whatever its size.",
        )
        for epoch in epochs
        for loss, said in LOSSES.items()
    }


def history_rows(folder: RunFolder, epochs: Sequence[int], run: RunSettings, images: int) -> list[dict[str, Any]]:
    """A row of each loss in each of ``epochs`` from history.csv; ``images``: those that an epoch trained on.

    UserError for an epoch that the run has not: one that diverged has fewer than its settings say.
    """
    if not epochs:
        return []
    history = _read(folder.history)
    rows = []
    for epoch in epochs:
        if epoch not in history:
            raise UserError(
                f"evaluation.training_epochs: {epoch} is not among the {len(history)} epochs of "
                f"{run.dataset}/{run.method}; lower it"
            )
        for loss in LOSSES:
            name = f"training_{loss}_epoch{epoch}"
            rows.append(row(name, "training", float(history[epoch][loss] or "nan"), "train", images, 0))
    return rows


def _read(path: Path) -> dict[int, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {int(line["epoch"]): line for line in csv.DictReader(file)}
