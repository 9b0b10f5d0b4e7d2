"""The user's own images: a folder of PNG and JPEG files, or uint8 arrays in .npy and .npz files.

A path is absolute, or taken from data_root where one is set, or else from the working folder.
"""

import os
from pathlib import Path

import numpy as np

from wae.core.errors import UserError, unknown_name
from wae.data.folders import picture_files, read_pictures
from wae.data.pictures import FITS
from wae.data.source import Dataset, Split, choice, hold_out, whole
from wae.planning.places import own_path, shown
from wae.planning.presence import refuse_missing

_SEED = 1403  # of the split, where there is no test set
_NPZ_KEYS = ("images", "labels", "test_images", "test_labels")
_LICENCE = "as the owner of the images says"


def folder(
    root: Path | None,
    *,
    path: str = "",
    test: str = "",
    test_fraction: float = 0.1,
    labels: str = "auto",
    channels: int = 3,
    height: int = 64,
    width: int = 64,
    fit: str = "crop",
) -> Dataset:
    """PNG and JPEG files under the folder ``path``, (channels, height, width).

    ``test``: a folder of test images; without one ``test_fraction`` of the images is held out at random, the same
    ones each time, each class its share. ``labels``: "folders" takes the subfolders of ``path``, in the order of
    their names, as classes; "none" takes none; "auto" takes them if each image lies in one of two or more.
    ``channels``: 1 grey (luma of colours) or 3 RGB. ``fit``: "crop" (largest centred part with the right aspect
    ratio), "stretch" or "exact"; resized by Lanczos. Hidden files and files that are no pictures are left out, and
    counted on stderr.

    UserError names each file that is damaged, transparent, of more than 8 bits or of another picture format; with
    "auto" also folders called train and test in ``path``, which are no classes.
    """
    refuse_missing(f"{__name__}:folder", {"path": path, "test": test}, root)
    choice("labels", labels, ("auto", "folders", "none"))
    choice("fit", fit, FITS)
    if whole("channels", channels, 1, 3) == 2:
        raise UserError("option channels is 2; it must be 1 (grey) or 3 (RGB)")
    for name, value in (("height", height), ("width", width)):
        whole(name, value, 1, 4096)
    shape = (channels, height, width)
    base = own_path(path, root)
    files = picture_files(base, parts_apart=labels == "auto")
    classes = _classes(base, files, labels)
    names = tuple(map(shown, classes or ()))
    origin = f"folder {base.name}"
    numbers = _class_numbers(base, files, classes)
    if not test:
        parts = _parts(numbers, len(files), test_fraction, origin)
        return _divided(read_pictures(base, files, shape, fit), numbers, parts, origin, names)
    test_base = own_path(test, root)
    if test_base.resolve().is_relative_to(base.resolve()) or base.resolve().is_relative_to(test_base.resolve()):
        raise UserError(f"{shown(test_base)} and {shown(base)}: one holds the other; keep train and test apart")
    test_files = picture_files(test_base, parts_apart=labels == "auto")
    test_numbers = _class_numbers(test_base, test_files, classes)
    train = Split(read_pictures(base, files, shape, fit), numbers)
    return Dataset(
        train, Split(read_pictures(test_base, test_files, shape, fit), test_numbers), origin, _LICENCE, names
    )


def array(
    root: Path | None,
    *,
    path: str = "",
    labels: str = "",
    test: str = "",
    test_labels: str = "",
    test_fraction: float = 0.1,
    layout: str = "NCHW",
) -> Dataset:
    """Images in a .npy or .npz file, uint8, ``layout`` "NCHW", "NHWC" or "NHW" (grey); (C, H, W) as they are.

    A .npz file holds images, and if there are any labels, test_images and test_labels. Beside a .npy file
    ``labels``, ``test`` and ``test_labels`` name further .npy files. Labels are whole numbers 0..K-1. Without
    test images ``test_fraction`` is held out at random, the same ones each time, each class its share.

    UserError for objects, floats, NaN, another shape, and a damaged file. Nothing pickled is ever opened.
    """
    named = {"path": path, "labels": labels, "test": test, "test_labels": test_labels}
    refuse_missing(f"{__name__}:array", named, root)
    choice("layout", layout, ("NCHW", "NHWC", "NHW"))
    file = own_path(path, root)
    if path.endswith(".npz"):
        for key in ("labels", "test", "test_labels"):
            if named[key]:
                raise UserError(f"option {key} is {named[key]!r}, but a .npz file holds it itself; leave it out")
        arrays = _load_npz(file)
    else:
        names = dict(zip(_NPZ_KEYS, named.values(), strict=True))
        arrays = {key: load_npy(own_path(name, root)) for key, name in names.items() if name}
    images = _as_images(arrays["images"], layout, f"{shown(file)}: images")
    numbers = _as_labels(arrays.get("labels"), len(images), f"{shown(file)}: labels")
    origin = f"array {file.name}"
    if "test_images" not in arrays:
        if "test_labels" in arrays:
            raise UserError(f"{shown(file)}: has test labels but no test images; give both or neither")
        return _divided(images, numbers, _parts(numbers, len(images), test_fraction, origin), origin)
    held = _as_images(arrays["test_images"], layout, f"{shown(file)}: test images")
    held_numbers = _as_labels(arrays.get("test_labels"), len(held), f"{shown(file)}: test labels")
    return Dataset(Split(images, numbers), Split(held, held_numbers), origin, _LICENCE)


def _parts(labels: np.ndarray | None, n: int, fraction: object, origin: str) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the train and of the test part of ``n`` images, each class giving its share."""
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction < 1:
        raise UserError(f"option test_fraction is {fraction!r}; it must be above 0 and below 1")
    count = round(n * fraction)
    if not 2 <= count <= n - 2:
        raise UserError(
            f"{origin}: test_fraction {fraction} of {n:,} images leaves {n - count:,} to train and {count:,} to test, "
            f"need 2 of each; add images or change it"
        )
    train, test = hold_out(labels, n, count, _SEED)
    if labels is not None and (gone := np.setdiff1d(labels, labels[train])).size:
        raise UserError(
            f"{origin}: class number {gone[0]} would have no train image left at test_fraction {fraction}; "
            f"add images of it or lower test_fraction"
        )
    return train, test


def _divided(
    images: np.ndarray,
    labels: np.ndarray | None,
    parts: tuple[np.ndarray, np.ndarray],
    origin: str,
    class_names: tuple[str, ...] = (),
) -> Dataset:
    train, test = (Split(images[part], None if labels is None else labels[part]) for part in parts)
    return Dataset(train, test, origin, _LICENCE, class_names)


def _classes(base: Path, files: list[Path], labels: str) -> list[str] | None:
    """Names of the classes, or None without labels."""
    loose = [file for file in files if len(file.parts) == 1]
    names = sorted({file.parts[0] for file in files if len(file.parts) > 1}, key=os.fsencode)
    if labels == "none" or (labels == "auto" and (loose or len(names) < 2)):
        return None
    if loose:
        raise UserError(f"{shown(base / loose[0])}: lies in no class's folder; move it, or set labels to none")
    return names


def _class_numbers(base: Path, files: list[Path], classes: list[str] | None) -> np.ndarray | None:
    if classes is None:
        return None
    numbers = {name: number for number, name in enumerate(classes)}
    for file in files:
        if file.parts[0] not in numbers or len(file.parts) == 1:
            raise UserError(
                f"{shown(base / file)}: {shown(file.parts[0])} is not a class of the train images; "
                f"move it into one, or set labels to none"
            )
    return np.array([numbers[file.parts[0]] for file in files], np.int64)


def load_npy(path: Path) -> np.ndarray:
    """The array in a .npy file, memory-mapped; UserError for anything else, and for objects, which could run code."""
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # numpy fails in many ways on broken files
        raise _not_an_array(path, error) from error


def _load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            for key in file.files:
                if key not in _NPZ_KEYS:
                    raise unknown_name(f"array in {shown(path)}", key, _NPZ_KEYS)
            arrays = {key: file[key] for key in file.files}
    except UserError:
        raise
    except Exception as error:  # numpy, zipfile and zlib fail in many ways on broken files
        raise _not_an_array(path, error) from error
    if "images" not in arrays:
        raise UserError(f"{shown(path)}: has no array images; save it by numpy.savez(path, images=...)")
    return arrays


def _not_an_array(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split()) or type(error).__name__
    if "Object arrays" in reason or "Python objects" in reason:
        return UserError(f"{shown(path)}: holds Python objects, which could run code; save plain uint8 arrays")
    if "pickle" in reason:  # numpy takes any unknown file for a pickle
        reason = "neither .npz nor .npy inside"
    return UserError(f"{shown(path)}: not a whole array file ({shown(reason)}); save it again by numpy.save or savez")


def _as_images(array: np.ndarray, layout: str, where: str) -> np.ndarray:
    if array.dtype != np.uint8:
        raise UserError(f"{where} are {array.dtype}; they must be uint8 in 0..255: scale, round and convert them")
    if array.ndim != len(layout):
        raise UserError(f"{where} have shape {array.shape}, layout is {layout}; set layout to what they are")
    if layout == "NHW":
        return array[:, None]
    return array.transpose(0, 3, 1, 2) if layout == "NHWC" else array


def _as_labels(array: np.ndarray | None, count: int, where: str) -> np.ndarray | None:
    if array is None:
        return None
    if array.dtype.kind not in "iu" or array.ndim != 1 or len(array) != count:
        raise UserError(f"{where} are {array.dtype} {array.shape}; give one whole number for each of {count:,} images")
    if count and not 0 <= int(array.min()) <= int(array.max()) < count:
        raise UserError(f"{where} run from {array.min()} to {array.max()}; number the classes from 0 without gaps")
    return array.astype(np.int64)
