"""The suite's scores for images that any other model made: a folder of PNG or JPEG files, or a .npy array."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wae.core.errors import UserError
from wae.core.settings import EvaluationSettings
from wae.data.folders import picture_files, read_pictures
from wae.data.own import load_npy
from wae.data.source import check_grey_levels, load
from wae.evaluation.distances import Distances
from wae.evaluation.held_out import scored_split
from wae.evaluation.own import OwnMetrics
from wae.evaluation.reference import load_reference
from wae.evaluation.rows import row
from wae.evaluation.sharpness import sharpness

SUBJECT = "images"


def score(
    images: str | Path | np.ndarray | torch.Tensor,
    data: str | Path,
    references: Sequence[str | Path],
    settings: EvaluationSettings,
    device: torch.device | str = "cpu",
) -> list[dict[str, Any]]:
    """Rows (see wae/evaluation/rows.py) of images (folder, .npy or array) as if they were samples of a method here.

    ``data``: the prepared dataset; ``references``: folders of ``build_reference`` for it, one per extractor. Metrics of
    ``settings.metrics`` get the images that runs are scored on. All images count, so a table that compares should give
    as many of each. UserError where shapes or types do not fit.
    """
    own = OwnMetrics(settings.metrics)  # before anything is computed: one that cannot be called is refused
    shape = tuple(int(side) for side in load(data, "test").images.shape[1:])
    tensor = torch.from_numpy(images_of(images, shape))
    if len(tensor) != settings.samples:
        print(
            f"note: {len(tensor):,} images, where the config's own tables use {settings.samples:,}; distances of fewer "
            "images are larger, and precision, recall, density and coverage are against other real images",
            file=sys.stderr,
        )
    rows: list[dict[str, Any]] = []
    reals = [load_reference(folder, device) for folder in references]
    for real in reals:
        rows += Distances(real, settings).score(SUBJECT, tensor, 0, full=True)
    # With the reference "validation" there is one fraction: build_reference refuses several.
    fraction = max((found for real in reals for found in real.record["validation_fractions"]), default=0.0)
    name, held_out = scored_split(Path(data), settings.reference, fraction)
    rows += own.rows(SUBJECT, tensor, np.asarray(held_out.images), name)
    rows.append(row("sharpness", SUBJECT, sharpness(tensor, settings.batch_size), samples=len(tensor), draw=0))
    return rows


def read_images(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 images (N, C, H, W) of ``shape`` (C, H, W): files of a folder in the order of their names, or a .npy.

    An array may be (N, C, H, W), (N, H, W, C) or, for grey images, (N, H, W); only uint8 is taken, as other types
    do not say what white is.
    """
    if path.is_dir():
        channels, height, width = shape
        pictures = read_pictures(path, picture_files(path), (channels, height, width), "exact")
        check_grey_levels(pictures, str(path))
        return pictures
    if path.suffix != ".npy":
        raise UserError(f"{path}: neither a folder nor a .npy file; give one of them")
    if not path.is_file():
        raise UserError(f"{path}: no such file, or no plain one; name a .npy file")
    return as_images(load_npy(path), shape, str(path))


def images_of(images: str | Path | np.ndarray | torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """``images`` as uint8 (N, C, H, W) of ``shape`` (C, H, W); errors as ``read_images``'s."""
    if isinstance(images, torch.Tensor):
        images = images.numpy(force=True)
    if isinstance(images, np.ndarray):
        return as_images(images, shape, "images")
    if not isinstance(images, str | Path):
        raise UserError(f"images: found {type(images).__name__}, need a path, an array or a tensor")
    return read_images(Path(images), shape)


def as_images(array: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """An array in one of the layouts of ``read_images`` as uint8 (N, C, H, W); UserError for any other."""
    if array.dtype != np.uint8:
        raise UserError(f"{where}: values are {array.dtype}; scale the images to 0..255 and save them as uint8")
    if array.ndim == 3 and shape[0] == 1:
        array = array[:, None]
    if array.ndim == 4 and array.shape[1:] != shape and array.shape[-1] == shape[0]:
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1:] != shape:
        raise UserError(f"{where}: images are {array.shape[1:]}, the dataset's are {shape} (channels, height, width)")
    if len(array) < 2:
        raise UserError(f"{where}: found {len(array)} images, need 2 or more")
    check_grey_levels(array, where)
    return np.require(array, requirements=["C", "W"])


def as_table(rows: Sequence[Mapping[Any, Any]]) -> str:
    """Rows as aligned text: metric, reference, count, value, label."""
    header = ("metric", "reference", "images", "value", "label")
    body = [
        (r["metric"], r["reference"], str(r["samples"]), "-" if r["value"] is None else f"{r['value']:.6g}", r["label"])
        for r in rows
    ]
    widths = [max(len(line[i]) for line in (header, *body)) for i in range(len(header))]
    lines = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in (header, *body)
    ]
    return "\n".join(lines)
