"""A tiny labelled dataset of bars, prepared on disk, with a classifier and a reference of its own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.shared.models import training
from wae.compute.seeds import Streams
from wae.core.files import write_json
from wae.core.settings import DatasetSettings, EvaluationSettings, ExtractorSettings, RunSettings
from wae.data.source import Dataset, Split, prepare
from wae.methods.base import build as build_method
from wae.training.run_folder import save_weights

EXTRACTOR = ExtractorSettings(width=4, features=6, epochs=1, min_steps=150, batch_size=50, learning_rate=5e-3)
EVALUATION = EvaluationSettings(
    samples=120, draws=3, curve_points=3, halves=2, kid_subsets=4, kid_subset_size=60, precision_samples=80,
    codes=50, information_codes=60, permutations=39, mixture_components=3, batch_size=64,
    importance_samples=8, likelihood_images=50, parzen_samples=40, parzen_validation=20,
)  # fmt: skip


def pictures(n: int, seed: int, classes: int = 4, side: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Noisy vertical bars whose place is their class: uint8 (n, 1, side, side) and labels (n,)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    x = np.arange(side)
    centre = (labels + 0.5) * side / classes + rng.normal(0, 0.4, n)
    profile = np.exp(-0.5 * ((x[None] - centre[:, None]) / 1.2) ** 2) * rng.uniform(0.6, 1.0, (n, 1))
    images = np.repeat(profile[:, None, None, :], side, axis=2) * 255 + rng.normal(0, 6, (n, 1, side, side))
    return np.clip(np.round(images), 0, 255).astype(np.uint8), labels.astype(np.int64)


def bars(root: Path | None, *, labelled: bool = True) -> Dataset:
    """The dataset: 600 train and 200 test images."""
    parts = [Split(images, labels if labelled else None) for images, labels in (pictures(600, 1), pictures(200, 2))]
    return Dataset(*parts, origin="drawn for tests", licence="none")


def build(folder: Path, settings: EvaluationSettings = EVALUATION) -> tuple[Path, Path, Path]:
    """Prepared data, extractor and reference in ``folder``: their folders."""
    from wae.evaluation.features import build_extractor
    from wae.evaluation.reference import build_reference

    data, extractor, reference = folder / "bars-0a0a0a0a", folder / "classifier-1b1b1b1b", folder / "reference"
    prepare(DatasetSettings(source="tests.shared.evaluation:bars", shape=[1, 12, 12]), None, data)
    build_extractor(data, EXTRACTOR, extractor)
    build_reference(data, extractor, settings, [0.0], reference)
    return data, extractor, reference


def make_run(folder: Path, name: str = "wae_mmd", seed: int = 3, steps: int = 0, **changes: Any) -> RunSettings:
    """A run's folder with weights of a network after ``steps`` of training, and one snapshot."""
    settings = training(name, **{"width": 4, "depth": 2, "latent_dim": 3, "critic_width": 8, **changes})
    run = RunSettings(dataset="bars", method=name, seed=seed, shape=[1, 12, 12], training=settings)
    method = build_method(run)
    if steps:
        method.optimisers = method.build_optimisers()
        images, streams = torch.from_numpy(pictures(600, 1)[0]), Streams(seed)
        method.train()
        for step in range(steps):
            method.step(images[(step * 50) % 600 :][:50], streams)
    folder.mkdir(parents=True)
    save_weights(method, folder / "weights.safetensors")
    (folder / "snapshots").mkdir()
    save_weights(method, folder / "snapshots/epoch0002.safetensors")
    write_json(folder / "settings.json", run.model_dump())
    write_json(folder / "run.json", {"status": "finished", "diverged_step": None})
    return run


def rows_of(document: Path) -> list[dict]:
    """The rows of a metrics.json or reference.json."""
    return json.loads(document.read_text())["rows"]


def find(rows: list[dict], metric: str, subject: str, **wanted) -> list[dict]:
    return [r for r in rows if (r["metric"], r["subject"]) == (metric, subject) and wanted.items() <= r.items()]


def value(rows: list[dict], metric: str, subject: str, **wanted) -> float:
    found = find(rows, metric, subject, **wanted)
    assert len(found) == 1, (metric, subject, wanted, len(found))
    return found[0]["value"]
