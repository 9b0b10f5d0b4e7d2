"""Real data's side of every comparison, computed once per dataset and extractor: features, statistics, own scores."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wae.core.errors import UserError, one_line
from wae.core.files import check_files, read_json, sha256_file, write_atomic, write_json
from wae.core.settings import BUILT_HERE, EvaluationSettings
from wae.data.source import load
from wae.data.split import train_validation_indices
from wae.evaluation import fidelity
from wae.evaluation.feature_rows import feature_facts, feature_rows
from wae.evaluation.features import Extractor, extract, extractor_name, load_extractor, restore_extractor
from wae.evaluation.fidelity import Reference, as_reference, moments, smoke
from wae.evaluation.linear import pca_errors
from wae.evaluation.metric import as_document, facts
from wae.evaluation.parzen import parzen_rows, parzen_scores
from wae.evaluation.rows import row
from wae.evaluation.sharpness import sharpness

_SEED = 20180430  # of the halves and of the train images that stand for the train split; fixed for good


@dataclass(frozen=True)
class RealData:
    """What ``build_reference`` stored. ``main`` is the split that the config compares with.

    ``features``: float32 (n, D) by split: "main", "train" and, where main is the validation part, "test".
    ``statistics``: by the same names. ``halves``: statistics of random halves of main.
    """

    name: str
    main: str
    features: dict[str, np.ndarray]
    statistics: dict[str, Reference]
    halves: list[Reference]
    record: dict[str, Any]
    extractor: Extractor


def build_reference(
    data: str | Path,
    extractor: str | Path,
    settings: EvaluationSettings,
    validation_fractions: Iterable[float],
    out: str | Path,
    device: torch.device | str = "cpu",
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Write reference.npz (features, means, roots of covariances) and reference.json (rows, protocol) in ``out``.

    ``data`` is a prepared dataset, ``extractor`` a folder of ``build_extractor`` named NAME or NAME-DIGEST.
    Of the train split only what models may train on counts, and of that at most ``settings.samples`` images,
    chosen at random. ``validation_fractions``: those of all runs that will be compared with this reference.
    ``made_from``: digests, recorded as given.
    """
    data, extractor, out = Path(data), Path(extractor), Path(out)
    loaded = load_extractor(extractor, device)
    name, fractions = loaded.name, sorted(set(validation_fractions))
    seen = loaded.record.get("validation_fraction")
    if settings.reference == "validation" and seen is not None and max(fractions, default=0.0) > seen:
        raise UserError(
            f"{name} was trained on images of the validation part: it holds back {seen} of the train split, the runs "
            f"{max(fractions)}; set extractors.{name}.validation_fraction to that"
        )
    images, counts = _splits(data, settings, fractions)
    features = {split: extract(loaded, part, settings.batch_size) for split, part in images.items()}
    arrays: dict[str, np.ndarray] = {}
    statistics: dict[str, Reference] = {}
    for split, values in features.items():
        arrays[f"{split}/features"] = values
        statistics[split] = as_reference(moments(values))
    halves, scores = _halves(features["main"], settings.halves)
    for key, found in [*statistics.items(), *((f"half{i}", half) for i, half in enumerate(halves))]:
        arrays |= {f"{key}/mean": found.mean, f"{key}/root": found.root, f"{key}/count": np.array(found.n)}
    if loaded.record["kind"] in BUILT_HERE:  # its weights are small: the reference is then self-contained
        arrays["weights"] = np.frombuffer((extractor / "weights.safetensors").read_bytes(), dtype=np.uint8)
    n, dimensions = features["main"].shape
    if n <= dimensions:
        print(
            f"warning: {n} reference images for {dimensions} features of {name}: the covariance has not full rank, and "
            "every distance to it is labelled smoke; add images",
            file=sys.stderr,
        )
    write_atomic(out / "reference.npz", lambda temporary: np.savez(temporary, allow_pickle=False, **arrays))
    rows = _rows(loaded, settings, features, statistics, scores)
    rows.append(row("sharpness", "data", sharpness(images["main"]), samples=n))
    train = load(data, "train").images
    trained, _ = train_validation_indices(len(train), max(fractions, default=0.0))
    rows += _parzen(train, trained, images["main"], settings)
    floor = []
    if settings.reference != "train":  # whose runs are scored on other images
        floor = pca_errors(train if len(trained) == len(train) else train[trained], images["main"])
    known = feature_facts(name) | facts(sharpness, parzen_scores)
    write_json(
        out / "reference.json",
        {
            "dataset": _dataset_name(data),
            "name": name,
            "reference": settings.reference,
            "extractor": loaded.record,
            "dimensions": dimensions,
            "counts": counts,
            "validation_fractions": fractions,
            "full_rank": n > dimensions,
            "pca_errors": floor,
            "sha256": sha256_file(out / "reference.npz"),
            "rows": rows,
            "made_from": dict(made_from or {}),
            "metrics": as_document({key: found for key, found in known.items() if key in {r["metric"] for r in rows}}),
        },
        sealed=True,
    )


def load_reference(folder: str | Path, device: torch.device | str = "cpu") -> RealData:
    """What ``build_reference`` wrote in ``folder``, with the extractor ready on ``device``."""
    folder = Path(folder)
    record = read_json(folder / "reference.json", "name", "reference", "extractor", "validation_fractions", "rows")
    if "sha256" in record:
        check_files(folder, {"reference.npz": record["sha256"]}, f"delete {folder} and run again")
    try:
        with np.load(folder / "reference.npz", allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        splits = [key.removesuffix("/features") for key in arrays if key.endswith("/features")]
        statistics = {split: _statistics(arrays, split) for split in splits}
        count = sum(key.startswith("half") and key.endswith("/mean") for key in arrays)
        halves = [_statistics(arrays, f"half{i}") for i in range(count)]
        features = {split: arrays[f"{split}/features"] for split in splits}
    except Exception as error:  # numpy and zipfile fail in many ways on broken files
        said = f"{folder / 'reference.npz'}: not readable ({one_line(error)})"
        raise UserError(f"{said}; delete {folder} and run again") from error
    weights = arrays["weights"].tobytes() if "weights" in arrays else b""
    extractor = restore_extractor(record["name"], record["extractor"], weights, device)
    return RealData(record["name"], record["reference"], features, statistics, halves, record, extractor)


def _statistics(arrays: dict[str, np.ndarray], key: str) -> Reference:
    root = arrays[f"{key}/root"]
    return Reference(arrays[f"{key}/mean"], root, float(np.sum(root * root)), int(arrays[f"{key}/count"]))


def _splits(
    data: Path, settings: EvaluationSettings, fractions: list[float]
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Images of the split compared with ("main"), of "train" and, for tuning, of "test"; and their counts."""
    train = load(data, "train").images
    if settings.reference == "validation" and (len(fractions) != 1 or fractions[0] == 0):
        raise UserError(
            f"evaluation.reference is 'validation' with validation_fraction {fractions}; "
            "all runs need the same one, above 0"
        )
    trained, held_back = train_validation_indices(len(train), max(fractions, default=0.0))
    rng = np.random.default_rng(_SEED)
    capped = np.sort(rng.permutation(trained)[: settings.samples])
    main = {
        "test": lambda: load(data, "test").images,
        "train": lambda: train[capped],
        "validation": lambda: train[held_back],
    }[settings.reference]()
    images = {"main": np.asarray(main), "train": train[capped]}
    if settings.reference == "validation":  # what is chosen on it is then compared on images that chose nothing
        images["test"] = np.asarray(load(data, "test").images)
    counts = {"main": len(main), "train": len(capped), "train_available": len(trained)}
    for split, part in images.items():
        if len(part) < 4:
            raise UserError(f"{data}: the {split} reference has {len(part)} images, it needs 4 or more; add images")
    return images, counts


def _halves(features: np.ndarray, count: int) -> tuple[list[Reference], list[float]]:
    """Statistics of ``count`` random halves of ``features`` (n, D), and each half's distance from the other half."""
    rng = np.random.default_rng(_SEED + 1)
    references, distances = [], []
    for _ in range(count):
        order = rng.permutation(len(features))
        half = as_reference(moments(features[order[: len(order) // 2]]))
        distances.append(fidelity.frechet_distance(moments(features[order[len(order) // 2 :]]), half))
        references.append(half)
    return references, distances


def _rows(
    extractor: Extractor,
    settings: EvaluationSettings,
    features: dict[str, np.ndarray],
    statistics: dict[str, Reference],
    halves: list[float],
) -> list[dict[str, Any]]:
    """The floor: train images in the place of samples, and halves of the reference against each other."""
    name, main, train = extractor.name, features["main"], features["train"]
    half = len(main) // 2
    rows = [
        row(f"fid_{name}_half", "data", value, settings.reference, half, draw, smoke(half, dimensions=main.shape[1]))
        for draw, value in enumerate(halves)
    ]
    if settings.reference == "train":  # the train split against itself says nothing; the halves are the floor
        return rows
    value = fidelity.frechet_distance(moments(train), statistics["main"])
    label = smoke(len(train), len(main), dimensions=main.shape[1])
    rows.append(row(f"fid_{name}", "data", value, settings.reference, len(train), 0, label))
    return rows + feature_rows(extractor, "data", train, main, settings.reference, 0, settings)


def _parzen(
    train: np.ndarray, trained: np.ndarray, main: np.ndarray, settings: EvaluationSettings
) -> list[dict[str, Any]]:
    """The Parzen log-likelihood of ``train[trained]`` in the place of samples, sigma by others of these images."""
    if settings.parzen_samples == 0 or settings.reference == "train":
        return []
    needed = settings.parzen_samples + settings.parzen_validation
    if len(trained) < needed:
        raise UserError(
            f"evaluation.parzen_samples + parzen_validation is {needed:,}, there are {len(trained):,} training images; "
            "lower one"
        )
    order = np.random.default_rng(_SEED + 2).permutation(trained)
    samples = train[order[: settings.parzen_samples]].reshape(settings.parzen_samples, -1) / 255.0
    validation = train[order[settings.parzen_samples : needed]]
    return parzen_rows("data", samples, validation, main, settings.reference, settings)


def _dataset_name(data: Path) -> str:
    """The dataset's name: meta.json's, else the folder's without its digest."""
    named = read_json(data / "meta.json").get("name")
    return str(named) if named else extractor_name(data)
