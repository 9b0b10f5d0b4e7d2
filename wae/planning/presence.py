"""What a dataset lacks on disk, said before any job starts. Nothing here imports torch or reads a whole file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from wae.core.errors import UserError
from wae.planning.places import (
    CELEBA_ATTRIBUTES,
    CELEBA_FOLDER,
    CELEBA_IMAGES,
    CELEBA_PARTITION,
    CIFAR_ARCHIVE,
    CIFAR_FILES,
    CIFAR_FOLDER,
    IDX_FILES,
    data_folder,
    own_path,
    shown,
)

Options = dict[str, Any]
FOLDER_SHAPE = {"channels": 3, "height": 64, "width": 64}  # options of wae.data.own:folder, with their defaults
WITHOUT_ROOT = ("wae.data.embedded:", "wae.data.own:")  # own paths may be absolute, and are looked for themselves


def missing(source: str, options: Options, root: Path | None) -> str | None:
    """One line on the files that ``source`` needs and that are not there; None if nothing is known to lack.

    Files that the job can download are not missing; a part of them that is damaged is. None for any other source.
    """
    if root is not None and not root.is_dir() and not source.startswith(WITHOUT_ROOT):
        return f"{shown(root)}: no such folder; correct data_root (or WAE_DATA_ROOT), or make the folder"
    check = _CHECKS.get(source)
    try:
        return check(options, root) if check else None
    except (OSError, ValueError) as error:  # no permission, a NUL in a path
        return f"{error}; name a folder that can be read"


def refuse_missing(source: str, options: Options, root: Path | None) -> None:
    """UserError with the line of ``missing``, if there is one: for the source itself, as it may be called by hand."""
    if lacking := missing(source, options, root):
        raise UserError(lacking)


def other_shape(source: str, options: Options, shape: list[int]) -> str | None:
    """One line where pictures of a folder are made of another shape (C, H, W) than a config says, before any is read.

    None for options that are no whole numbers, which the source refuses itself.
    """
    if source != "wae.data.own:folder":
        return None
    made = [options.get(name, default) for name, default in FOLDER_SHAPE.items()]
    if made == shape or not all(type(value) is int for value in made):
        return None
    said = ", ".join(f"{name} {value}" for name, value in zip(FOLDER_SHAPE, made, strict=True))
    return f"shape is {shape}, but its options (or their defaults) say {said}; set them to the same"


def damaged_idx(name: str, root: Path | None) -> str | None:
    """The first of the four files of MNIST or FashionMNIST that is there with a wrong size, or None."""
    for file, (size, _) in IDX_FILES[name].items():
        path = data_folder(root) / name / "raw" / file
        if path.exists() and path.stat().st_size != size:
            found = path.stat().st_size
            return f"{shown(path)}: has {found:,} bytes, must have {size:,}; delete it and fetch it again"
    return None


def absent_idx(name: str, root: Path | None) -> list[str]:
    """Those of the four files of MNIST or FashionMNIST that are not on disk, neither plain nor packed as .gz."""
    raw = data_folder(root) / name / "raw"
    return [file for file in IDX_FILES[name] if not (raw / file).exists() and not (raw / f"{file}.gz").exists()]


def to_fetch(source: str, root: Path | None) -> str | None:
    """What a job would have to download for a dataset, in words; None where nothing is."""
    name = {"wae.data.torchvision:mnist": "MNIST", "wae.data.torchvision:fashion_mnist": "FashionMNIST"}.get(source)
    base = data_folder(root)
    if name is not None and (absent := absent_idx(name, root)):
        return f"{shown(base / name / 'raw')}: lacks {', '.join(absent)}"
    if source == "wae.data.torchvision:cifar10" and not any((base / n).exists() for n in (CIFAR_FOLDER, CIFAR_ARCHIVE)):
        return f"{shown(base)}: has neither {CIFAR_FOLDER} nor {CIFAR_ARCHIVE}"
    return None


def _cifar10(options: Options, root: Path | None) -> str | None:
    folder = data_folder(root) / CIFAR_FOLDER
    lacking = [name for name in CIFAR_FILES if not (folder / name).is_file()]
    if folder.exists() and lacking:
        return f"{shown(folder)}: lacks {', '.join(lacking)}; add them, or delete the folder to unpack it again"
    return None


def _celeba(options: Options, root: Path | None) -> str | None:
    base = data_folder(root) / CELEBA_FOLDER
    lists = [CELEBA_PARTITION, *([CELEBA_ATTRIBUTES] if options.get("attribute") else [])]
    lacking = [name for name in lists if not (base / name).is_file()]
    if not _filled(base / CELEBA_IMAGES) and not (base / f"{CELEBA_IMAGES}.zip").is_file():
        lacking.append(f"{CELEBA_IMAGES}/ (or {CELEBA_IMAGES}.zip)")
    if not lacking:
        return None
    return (
        f"{shown(base)}: lacks {', '.join(lacking)}; its licence does not let us fetch it: download CelebA yourself "
        f"and set data_root to the folder that holds {CELEBA_FOLDER}/"
    )


def _folder(options: Options, root: Path | None) -> str | None:
    return _own(options, root, ("path", "test"), Path.is_dir, "folder") or next(
        (
            f"{shown(options[key])}: an empty folder; correct option {key}, or mount the disk that it is on"
            for key in ("path", "test")
            if options.get(key) and not _filled(own_path(options[key], root))
        ),
        None,
    )


def _filled(folder: Path) -> bool:
    """Whether a folder is there with anything in it that is not hidden: where a disk is not mounted, it is empty."""
    return folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir())


def _array(options: Options, root: Path | None) -> str | None:
    return _own(options, root, ("path", "labels", "test", "test_labels"), Path.is_file, "file") or next(
        (
            f"{shown(options[key])}: option {key} must name a .npy file{' or a .npz file' if key == 'path' else ''}"
            for key in ("path", "labels", "test", "test_labels")
            if options.get(key) and not options[key].endswith((".npy", ".npz") if key == "path" else ".npy")
        ),
        None,
    )


def _own(
    options: Options, root: Path | None, keys: tuple[str, ...], is_there: Callable[[Path], bool], kind: str
) -> str | None:
    for key in keys:
        value = options.get(key, "")
        if not isinstance(value, str):
            return f"option {key} is {value!r}; it must be text, the path of a {kind}"
        if key == "path" and not value.strip():
            return f"option path is empty; set it to the {kind} of your images"
        if value and not is_there(own_path(value, root)):
            return f"{shown(own_path(value, root))}: no such {kind}; correct option {key}"
    return None


_CHECKS: dict[str, Callable[[Options, Path | None], str | None]] = {
    "wae.data.torchvision:mnist": lambda options, root: damaged_idx("MNIST", root),
    "wae.data.torchvision:fashion_mnist": lambda options, root: damaged_idx("FashionMNIST", root),
    "wae.data.torchvision:cifar10": _cifar10,
    "wae.data.torchvision:celeba": _celeba,
    "wae.data.own:folder": _folder,
    "wae.data.own:array": _array,
}
