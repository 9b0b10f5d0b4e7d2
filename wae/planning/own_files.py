"""The files that a dataset of the user's own is read from: where they lie, and whether they are still as they were.

Nothing here opens a file: names, sizes and times of change tell a replaced image, and cost a second for 200,000 files.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wae.planning.places import CELEBA_ATTRIBUTES, CELEBA_FOLDER, CELEBA_IMAGES, CELEBA_PARTITION, data_folder, own_path
from wae.planning.presence import missing

OWN = {"wae.data.own:folder": ("path", "test"), "wae.data.own:array": ("path", "labels", "test", "test_labels")}
CELEBA = "wae.data.torchvision:celeba"
SUITE = ("wae.data.embedded:", "wae.data.torchvision:")  # compared with sha256 that the suite knows, but for CelebA


def place(source: str, options: dict[str, Any], root: Path | None) -> list[str]:
    """The absolute paths that tell two datasets of equal settings apart; none for data whose content is known.

    Of a source that is a plug-in: the data root, where one is set.
    """
    if source in OWN:
        return [os.path.abspath(own_path(path, root)) for path in _named(source, options)]
    if source == CELEBA:
        return [os.path.abspath(data_folder(root))]
    return [] if source.startswith(SUITE) or root is None else [os.path.abspath(root)]


def listing(source: str, options: dict[str, Any], root: Path | None) -> str:
    """Sixteen hex digits of the names, sizes and times of change of a source's files, hidden ones left out.

    Empty for data whose content is known. Of a plug-in those files count that text among its options names, and what
    lies in a folder that it names.
    """
    if source.startswith(SUITE) and source != CELEBA:
        return ""
    total = hashlib.sha256()
    for path in _paths(source, options, root):
        for name, size, changed in sorted(_entries(path)):
            total.update(b"%s\0%d\0%d\0" % (os.fsencode(name), size, changed))
    return total.hexdigest()[:16]


def at_hand(source: str, options: dict[str, Any], root: Path | None) -> bool:
    """Whether a dataset's files lie on this machine. Of a plug-in: any that its options name."""
    return missing(source, options, root) is None and any(map(os.path.exists, _paths(source, options, root)))


def _named(source: str, options: dict[str, Any]) -> list[str]:
    found = (options.get(key, "") for key in OWN.get(source, options))
    return [value for value in found if isinstance(value, str) and value.strip() and "\0" not in value]


def _paths(source: str, options: dict[str, Any], root: Path | None) -> list[Path]:
    if source == CELEBA:
        base = data_folder(root) / CELEBA_FOLDER
        return [base / name for name in (CELEBA_PARTITION, CELEBA_ATTRIBUTES, CELEBA_IMAGES, f"{CELEBA_IMAGES}.zip")]
    return [own_path(name, root) for name in _named(source, options)]


def _entries(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, size in bytes and time of change in ns of the file ``path``, or of every file below it."""
    waiting = [(os.fspath(path), "")]
    while waiting:
        at, name = waiting.pop()
        try:
            found = os.stat(at)
            if not stat.S_ISDIR(found.st_mode):
                yield name, found.st_size, found.st_mtime_ns
                continue
            with os.scandir(at) as entries:
                waiting += [
                    (entry.path, f"{name}/{entry.name}")
                    for entry in entries
                    if not entry.name.startswith(".") and not (entry.is_symlink() and entry.is_dir())
                ]
        except OSError:  # missing or not readable: the source says so when it is read
            yield name, -1, -1
