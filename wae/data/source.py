"""The interface of a dataset source, and its prepared form on disk: uint8 arrays that jobs memory-map.

A source is a function ``name(root: Path | None, *, option=default, ...) -> Dataset``, named in a config by its
dotted path; ``root`` is the folder of data that is already on disk. Nothing else has to be registered.
"""

import errno
import inspect
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wae.core.errors import UserError, unknown_name
from wae.core.files import check_files, read_json, sha256_file, write_json
from wae.core.layout import ARRAYS
from wae.core.plugins import check_type, load_function
from wae.core.settings import DatasetSettings
from wae.planning import own_files

_BLOCK_BYTES = 64 * 2**20  # images are copied and written in blocks of this size, so that memory stays small
MIN_IMAGES = 2  # a part with fewer has no variance


@dataclass(frozen=True)
class Split:
    """Images of one part, uint8 (N, C, H, W) in 0..255, and their labels, int64 (N,) in 0..K-1, or None."""

    images: np.ndarray
    labels: np.ndarray | None


@dataclass(frozen=True)
class Dataset:
    """What a source returns: two parts that share no image, where they come from, and their licence.

    ``class_names``: names of the labels 0, 1, ..., or none.
    """

    train: Split
    test: Split
    origin: str
    licence: str
    class_names: tuple[str, ...] = ()


def prepare(
    settings: DatasetSettings, root: Path | None, out: Path, made_from: Mapping[str, str] | None = None
) -> None:
    """Call the source, check what came, and write it to the folder ``out``: four arrays and meta.json.

    Equal data give equal bytes. The arrays are written beside ``out`` and moved in whole; meta.json leaves first
    and comes back last, so that ``load`` never reads a mixture. An unlabelled part has labels of shape (0,).
    meta.json: source, options, shape (C, H, W), counts, classes (None without labels), class_names, sha256 of each
    array, origin, licence, made_from (digests of settings and code, as given, and of the names, sizes and times of
    files of the user's own). UserError for a wrong option, type, shape, count or label, for files that
    change while they are read, and for a full or read-only disk.
    """
    before = own_files.listing(settings.source, settings.options, root)
    dataset = _call(settings, root)
    classes = _check(dataset, tuple(settings.shape), settings.source)
    partial = out.with_name(f".{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)  # what a killed attempt left
        partial.mkdir(parents=True)
        out.mkdir(parents=True, exist_ok=True)
        for part, split in (("train", dataset.train), ("test", dataset.test)):
            labels = np.empty(0, np.int64) if split.labels is None else split.labels
            _write_array(partial / f"{part}_images.npy", split.images)
            _write_array(partial / f"{part}_labels.npy", labels)
        files = own_files.listing(settings.source, settings.options, root)
        if files != before and settings.source in own_files.OWN:
            raise UserError(f"{dataset.origin}: its files changed while they were read; run again once all are there")
        meta = {
            "source": settings.source,
            "options": settings.options,
            "shape": list(settings.shape),
            "counts": {"train": len(dataset.train.images), "test": len(dataset.test.images)},
            "classes": classes,
            "class_names": list(dataset.class_names),
            "sha256": {name: sha256_file(partial / name) for name in ARRAYS},
            "origin": dataset.origin,
            "licence": dataset.licence,
            "made_from": {**(made_from or {}), "files": files},
        }
        (out / "meta.json").unlink(missing_ok=True)
        for name in ARRAYS:
            (partial / name).replace(out / name)
        write_json(out / "meta.json", meta, sealed=True)
    except OSError as error:
        raise _disk_error(error, out) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def load(folder: str | Path, split: str) -> Split:
    """One part ("train" or "test") of a prepared dataset, memory-mapped, so that parallel jobs share one copy.

    The mapping is copy-on-write: ``torch.from_numpy`` takes it without a warning and a write never reaches the
    file. UserError for a missing, damaged or foreign file: the bytes are compared with the sha256 of their preparation,
    once per process (0.06 s for MNIST's 47 MB).
    """
    folder = Path(folder)
    if split not in ("train", "test"):
        raise unknown_name("part of a dataset", split, ("train", "test"))
    meta = _meta(folder)
    count, shape = meta["counts"][split], tuple(meta["shape"])
    images = _map(folder / f"{split}_images.npy", np.uint8, (count, *shape))
    labels = None if meta["classes"] is None else _map(folder / f"{split}_labels.npy", np.int64, (count,))
    recorded = {name: found for name, found in meta["sha256"].items() if name.startswith(f"{split}_")}
    check_files(folder, recorded, f"delete {folder} and prepare it again")
    return Split(images, labels)


def verify(folder: str | Path) -> None:
    """Compare each array's bytes with the sha256 in meta.json; UserError names the first that differs."""
    folder = Path(folder)
    check_files(folder, _meta(folder)["sha256"], f"delete {folder} and prepare it again")


def is_whole(folder: str | Path) -> bool:
    """Whether a prepared dataset is there with all of its bytes."""
    try:
        verify(folder)
    except UserError:
        return False
    return True


def whole(name: str, value: object, low: int, high: int) -> int:
    """An option that is a whole number in low..high; UserError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"option {name} is {value!r}; it must be a whole number from {low:,} to {high:,}")
    return value


def choice(name: str, value: object, known: tuple[str, ...]) -> str:
    """An option that is one of ``known``; UserError otherwise."""
    if not isinstance(value, str) or value not in known:
        raise unknown_name(f"value of option {name}", value, known)
    return value


def hold_out(labels: np.ndarray | None, n: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (kept, held out) of ``n`` images, both ascending; ``count`` of them are held out at random.

    With labels each class gives its share (largest remainders first, lower class first among equals), so that
    both parts have the same mix of classes.
    """
    generator = np.random.default_rng(seed)
    if labels is None:
        order = generator.permutation(n)
        return np.sort(order[count:]), np.sort(order[:count])
    sizes = np.bincount(labels)
    quotas, remainders = np.divmod(sizes * count, n)  # whole numbers: no rounding of floats
    extra = np.argsort(-remainders, kind="stable")[: count - int(quotas.sum())]
    quotas[extra] += 1
    held = [
        generator.permutation(np.flatnonzero(labels == label))[:quota] for label, quota in enumerate(quotas.tolist())
    ]
    test = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(n), test), test


def check_options(name: str, source: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """UserError unless each option is a keyword-only argument of ``source``, of its default's type."""
    parameters = inspect.signature(source).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    for key, value in options.items():
        if key not in known:
            raise unknown_name(f"option of {name}", key, known)
        check_type(f"option {key} of {name}", value, known[key])


def _call(settings: DatasetSettings, root: Path | None) -> Dataset:
    source: Callable[..., Any] = load_function(settings.source, Dataset)
    check_options(settings.source, source, settings.options)
    dataset = source(root, **settings.options)
    if not isinstance(dataset, Dataset):
        raise UserError(f"{settings.source} returned a {type(dataset).__name__}; return a wae.data.source.Dataset")
    return dataset


def check_grey_levels(images: np.ndarray, where: str) -> None:
    """UserError for uint8 ``images`` (N, C, H, W) of 0 and 1 alone: levels of another scale, where white is 1."""
    if images.size and int(images.max()) == 1:
        raise UserError(f"{where}: no value is above 1, which is black where white is 255; multiply them by 255")


def _check(dataset: Dataset, shape: tuple[int, ...], source: str) -> int | None:
    """The number of classes (None without labels); UserError for anything that is not as ``Split`` says."""
    if shape[0] not in (1, 3):
        last = f"; write channels first: {[shape[-1], *shape[:-1]]}" if shape[-1] in (1, 3) else ""
        raise UserError(f"{source}: shape says {shape[0]} channels; images have 1 (grey) or 3 (RGB){last}")
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        images = split.images
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
            kind = getattr(images, "dtype", type(images).__name__)
            raise UserError(f"{source}: {part} images are {kind}; they must be uint8 in 0..255: scale and round them")
        if images.ndim != 4 or images.shape[1:] != shape:
            found = "x".join(map(str, images.shape[1:])) or "nothing"
            asked = "x".join(map(str, shape))
            raise UserError(
                f"{source}: {part} images are {found} (channels x height x width), the config says {asked}; "
                f"set shape to what they are, or the source's options to the shape"
            )
        if len(images) < MIN_IMAGES:
            raise UserError(f"{source}: {part} has {len(images)} images, need {MIN_IMAGES} or more; add images")
        check_grey_levels(images, f"{source}: {part} images")
        _check_labels(split.labels, len(images), f"{source}: {part}")
    if (dataset.train.labels is None) != (dataset.test.labels is None):
        raise UserError(f"{source}: one of train and test has labels; give labels to both or to none")
    if dataset.train.labels is None or dataset.test.labels is None:
        return None
    present = np.unique(dataset.train.labels)
    if len(present) != present[-1] + 1:
        gap = int(np.setdiff1d(np.arange(len(present)), present)[0])
        raise UserError(
            f"{source}: no train image has label {gap}, the largest label is {present[-1]}; number the classes from 0 "
            f"without gaps"
        )
    stray = np.setdiff1d(dataset.test.labels, present)
    if len(stray):
        raise UserError(f"{source}: test label {stray[0]} is on no train image; add some or leave that class out")
    if dataset.class_names and len(dataset.class_names) != len(present):
        raise UserError(
            f"{source}: {len(dataset.class_names)} class names for {len(present)} classes; name each or none"
        )
    return len(present)


def _check_labels(labels: np.ndarray | None, count: int, where: str) -> None:
    if labels is None:
        return
    if not isinstance(labels, np.ndarray) or labels.dtype != np.int64 or labels.ndim != 1:
        raise UserError(f"{where} labels are {getattr(labels, 'dtype', type(labels).__name__)}; give a 1-D int64 array")
    if len(labels) != count:
        raise UserError(f"{where} has {len(labels):,} labels for {count:,} images; give one label per image")
    if labels.min() < 0:
        raise UserError(f"{where} labels reach down to {labels.min()}; number the classes from 0")


def _write_array(path: Path, array: np.ndarray) -> None:
    """Write ``array`` in C order and flush it, block by block: a transposed or mapped array is never copied whole."""
    rows = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
    header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(array), rows):
            file.write(np.ascontiguousarray(array[start : start + rows]).data)
        file.flush()
        os.fsync(file.fileno())


def _disk_error(error: OSError, out: Path) -> UserError:
    remedy = {
        errno.ENOSPC: "free some space",
        errno.EDQUOT: "free some of your quota",
        errno.EROFS: "choose a folder that can be written",
        errno.EACCES: "choose a folder that you may write to",
        errno.ENOTDIR: "move the file that stands in the way of a folder",
        errno.EEXIST: "move the file that stands in the way of a folder",
    }.get(error.errno or 0, "check the disk")
    return UserError(f"{error.filename or out}: {error.strerror or error}; {remedy} and run again")


def _meta(folder: Path) -> Any:
    meta = read_json(folder / "meta.json")
    kinds = {"counts": dict, "shape": list, "classes": int | None, "sha256": dict}
    if not isinstance(meta, dict) or not all(
        key in meta and isinstance(meta[key], kind) for key, kind in kinds.items()
    ):
        raise UserError(f"{folder / 'meta.json'}: not a prepared dataset's; delete {folder} and prepare it again")
    return meta


def _map(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array: np.ndarray = np.lib.format.open_memmap(path, mode="c")
    except Exception as error:  # numpy fails in many ways on broken files
        raise UserError(f"{path}: missing or damaged ({error}); delete {path.parent} and prepare it again") from error
    if array.dtype != dtype or array.shape != shape:
        raise UserError(
            f"{path}: holds {array.dtype} {array.shape}, meta.json says {np.dtype(dtype)} {shape}; delete "
            f"{path.parent} and prepare it again"
        )
    return array
