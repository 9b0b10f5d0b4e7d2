"""MNIST, Fashion-MNIST, CIFAR-10 and CelebA, in the places where torchvision.datasets keeps them.

Files that are on disk, MNIST's packed as .gz too, are used as they are and never fetched again; their checksums are
compared first, as torchvision does not look into its own idx files. Missing ones are fetched by torchvision's
downloader into a temporary folder beside their place and moved there whole. CelebA must be on disk: its licence asks
each user.
"""

import gzip
import hashlib
import random
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from wae.core.errors import UserError, one_line
from wae.data import celeba_files, downloads
from wae.data.source import MIN_IMAGES, Dataset, Split, choice, whole
from wae.planning.places import CIFAR_FILES, CIFAR_FOLDER, IDX_FILES, data_folder, shown
from wae.planning.presence import absent_idx, damaged_idx, refuse_missing

_SPLITS = ("official", "paper")
_IDX_SPLITS = (*_SPLITS, "pooled")
_AUTHORS_SEED = 123  # in datahandler.py of the authors' code


def mnist(root: Path | None, *, pad: int = 0, split: str = "official", first: int = 0) -> Dataset:
    """MNIST, (1, 28 + 2 pad, 28 + 2 pad), 10 classes; ``pad`` (0 to 100) black pixels are added on each side.

    ``split``: "official" is 60,000 train / 10,000 test. "paper" pools the 70,000 and holds out 10,000 at random,
    the same images as the authors' code (numpy's shuffle with seed 123). "pooled" trains on all 70,000 and holds out
    none: its test part is the official one, trained on too, so that no score of it is one of generalisation.
    ``first``: the train part is that many images from its start alone (0: all). UserError for a missing, damaged or
    altered file.
    """
    found = _idx_dataset("MNIST", root, pad, split, "MNIST (Y. LeCun, C. Cortes, C. J. C. Burges)", "CC BY-SA 3.0")
    whole("first", first, 0, len(found.train.images))
    if first:
        labels = None if found.train.labels is None else found.train.labels[:first]
        return replace(found, train=Split(found.train.images[:first], labels))
    return found


def fashion_mnist(root: Path | None, *, pad: int = 0, split: str = "official") -> Dataset:
    """Fashion-MNIST, 10 classes; shapes, options and errors as of ``mnist``."""
    origin = "Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, Zalando, 2017)"
    return _idx_dataset("FashionMNIST", root, pad, split, origin, "MIT")


def cifar10(root: Path | None) -> Dataset:
    """CIFAR-10, (3, 32, 32), 10 classes, 50,000 train / 10,000 test.

    torchvision reads pickled batches: each file's MD5 is checked before any is opened. UserError for a missing or
    altered file.
    """
    from torchvision import datasets

    folder = data_folder(root)
    refuse_missing(f"{__name__}:cifar10", {}, root)
    if not (folder / CIFAR_FOLDER).exists():
        downloads.fetch_cifar10(folder)
    sums = dict([*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list])
    sums[datasets.CIFAR10.meta["filename"]] = datasets.CIFAR10.meta["md5"]
    for name in CIFAR_FILES:
        downloads.check_md5(folder / CIFAR_FOLDER / name, sums[name])
    train, test = (datasets.CIFAR10(folder, train=part) for part in (True, False))
    return Dataset(
        Split(train.data.transpose(0, 3, 1, 2), np.array(train.targets, np.int64)),
        Split(test.data.transpose(0, 3, 1, 2), np.array(test.targets, np.int64)),
        "CIFAR-10 (A. Krizhevsky, V. Nair, G. Hinton, 2009)",
        "none stated; cite the report",
    )


def celeba(
    root: Path | None,
    *,
    split: str = "official",
    held_out: str = "test",
    attribute: str = "",
    checked: bool = True,
) -> Dataset:
    """CelebA, (3, 64, 64): the aligned images, centre crop of 140 x 140, Lanczos resize to 64 x 64.

    ``split``: "official" is 162,770 train / 19,962 test, or / 19,867 with ``held_out`` "valid". "paper" holds out
    20,000 of all 202,599 at random, the same images as the authors' code (Python 2's shuffle with seed 123).
    ``attribute``: one of the 40 attributes, such as Smiling, as label 0 or 1; without one there are no labels.
    ``checked``: compare the MD5 of the lists and of the archive with torchvision's, and the count with 202,599.
    Switch it off for images of your own in CelebA's layout ("paper" then holds out 20,000 / 202,599 of them).

    Needed in ``root``/celeba: list_eval_partition.txt, the images as folder img_align_celeba or as
    img_align_celeba.zip, and for an attribute list_attr_celeba.txt.
    """
    choice("split", split, _SPLITS)
    choice("held_out", held_out, ("test", "valid"))
    if not isinstance(checked, bool):
        raise UserError(f"option checked is {checked!r}; it must be true or false")
    if not isinstance(attribute, str):
        raise UserError(f"option attribute is {attribute!r}; it must be text, the name of an attribute")
    refuse_missing(f"{__name__}:celeba", {"attribute": attribute}, root)
    files = celeba_files.CelebAFiles(data_folder(root) / "celeba", checked, attribute)
    if split == "paper":
        order = authors_shuffle(len(files.names))
        held = round(len(order) * 20_000 / 202_599)
        train, test = np.sort(order[: len(order) - held]), np.sort(order[len(order) - held :])
    else:
        train = np.flatnonzero(files.partition == 0)
        test = np.flatnonzero(files.partition == (2 if held_out == "test" else 1))
    for part, chosen in (("train", train), ("test" if split == "paper" else held_out, test)):
        if len(chosen) < MIN_IMAGES:
            raise UserError(f"CelebA's lists give {len(chosen)} {part} images, need {MIN_IMAGES} or more; add images")
    with files:
        return Dataset(
            files.read(train, "train"),
            files.read(test, "test"),
            "CelebA, aligned and cropped (Z. Liu, P. Luo, X. Wang, X. Tang, ICCV 2015)",
            "non-commercial research only; see the CelebA agreement",
        )


def authors_shuffle(n: int) -> np.ndarray:
    """``range(n)`` as ``random.seed(123); random.shuffle`` of Python 2 leaves it, int64 (n,)."""
    generator = random.Random(_AUTHORS_SEED)
    order = list(range(n))
    for i in reversed(range(1, n)):
        j = int(generator.random() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.int64)


def _idx_dataset(name: str, root: Path | None, pad: int, split: str, origin: str, licence: str) -> Dataset:
    whole("pad", pad, 0, 100)
    choice("split", split, _IDX_SPLITS)
    if damaged := damaged_idx(name, root):
        raise UserError(damaged)
    raw = data_folder(root) / name / "raw"
    if absent := absent_idx(name, root):
        downloads.fetch_idx(name, raw, absent)
    arrays = [_idx(raw / file, expected) for file, (_, expected) in IDX_FILES[name].items()]
    images, labels = arrays[::2], [found.astype(np.int64) for found in arrays[1::2]]
    if split == "paper":
        images, labels = _authors_pooled_split(np.concatenate(images), np.concatenate(labels))
    elif split == "pooled":
        images[0], labels[0] = np.concatenate(images), np.concatenate(labels)
    padding = ((0, 0), (pad, pad), (pad, pad))
    train, test = (
        Split(np.pad(part, padding)[:, None], part_labels) for part, part_labels in zip(images, labels, strict=True)
    )
    return Dataset(train, test, origin, licence)


def _idx(file: Path, expected: str) -> np.ndarray:
    """The uint8 array in an idx file, or in its .gz where only that is there; UserError unless its sha256 is right.

    The format: two zero bytes, 8, the number of axes, each length as a big-endian int32, the values.
    """
    at = file if file.exists() else file.with_name(f"{file.name}.gz")
    try:
        content = at.read_bytes() if at == file else gzip.decompress(at.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        reason = (isinstance(error, OSError) and error.strerror) or one_line(error)
        raise UserError(f"{shown(at)}: cannot be read ({reason}); delete it and fetch it again") from error
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise UserError(f"{shown(at)}: sha256 is {found}, must be {expected}; delete it and fetch it again")
    axes = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + axes.nbytes).reshape(axes)


def _authors_pooled_split(images: np.ndarray, labels: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    order = np.arange(len(images))
    np.random.RandomState(_AUTHORS_SEED).shuffle(order)  # numpy keeps this stream as it was
    held = round(len(order) / 7)  # 10,000 of 70,000
    parts = np.sort(order[: len(order) - held]), np.sort(order[len(order) - held :])
    return [images[part] for part in parts], [labels[part] for part in parts]
