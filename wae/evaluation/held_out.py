"""The images that a run trained on and those that it is scored on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wae.core.errors import UserError
from wae.core.settings import EvaluationSettings, RunSettings
from wae.data.source import Split, load
from wae.data.split import train_validation_indices
from wae.evaluation.reference import RealData


@dataclass(frozen=True)
class HeldOut:
    """Images that the run never trained on: the test split, or its validation part when tuning on that."""

    name: str
    split: Split
    validation: np.ndarray  # images of the train split that were not trained on; those trained on where none are left


def splits(
    run: RunSettings, data: Path, settings: EvaluationSettings, reals: Sequence[RealData]
) -> tuple[np.ndarray, HeldOut]:
    """Images that the run trained on, uint8 (N, C, H, W), and the held-out ones.

    UserError where the prepared ``data`` or the references are not those that run and settings ask for.
    """
    train = load(data, "train")
    shape = list(train.images.shape[1:])
    if shape != list(run.shape):
        raise UserError(f"{data}: images are {shape}, the run was trained on {list(run.shape)}; prepare the data again")
    fraction = run.training.validation_fraction
    for real in reals:
        if real.main != settings.reference or fraction not in [0.0, *real.record["validation_fractions"]]:
            raise UserError(
                f"the reference for {real.name!r} is of {real.main} with validation fractions "
                f"{real.record['validation_fractions']}, asked for {settings.reference} with {fraction}; build it again"
            )
    trained, validation = train_validation_indices(len(train.images), fraction)
    images = train.images if len(trained) == len(train.images) else train.images[trained]
    name, scored = scored_split(data, settings.reference, fraction)
    others = images if name == "validation" or not len(validation) else train.images[validation]
    return images, HeldOut(name, scored, others)


def scored_split(data: Path, reference: str, validation_fraction: float) -> tuple[str, Split]:
    """Name and images of what reconstructions, codes and one's own metrics are scored on.

    The test split, or, where ``reference`` is "validation", that part of the train split.
    """
    if reference != "validation":
        return "test", load(data, "test")
    train = load(data, "train")
    _, validation = train_validation_indices(len(train.images), validation_fraction)
    return "validation", Split(train.images[validation], None if train.labels is None else train.labels[validation])
