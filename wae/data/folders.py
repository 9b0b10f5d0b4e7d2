"""A folder of PNG and JPEG files, read in one way wherever a folder is read: as a dataset and to be scored."""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from wae.core.errors import UserError
from wae.data.pictures import fitted, read_picture
from wae.planning.places import shown
from wae.planning.validation import listed

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif")
OTHER_PICTURES = (
    *(".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif", ".jp2", ".jxl"),
    *(".ppm", ".pgm", ".pbm", ".tga"),
)
PARTS = ("train", "training", "test", "testing", "val", "valid", "validation")


def picture_files(base: Path, *, parts_apart: bool = True) -> list[Path]:
    """PNG and JPEG files under ``base``, relative to it, in the order of their names' bytes.

    Hidden files and files that are no pictures are left out; how many, and of which kind, is said on stderr. With
    ``parts_apart`` folders called train and test, which nobody means as classes or as one set, are refused. UserError
    for these, for links to folders, for pictures of another format, for what cannot be read and for fewer than two
    pictures.
    """
    found, left_out, other = [], Counter[str](), list[Path]()
    for place, folders, names in os.walk(base, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if (Path(place) / name).is_symlink():
                raise UserError(f"{shown(Path(place) / name)}: a link to a folder, which is not read; copy it there")
        for name in names:
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                left_out["hidden"] += 1
            elif suffix in SUFFIXES:
                found.append((Path(place) / name).relative_to(base))
            elif suffix in OTHER_PICTURES:
                other.append(Path(place) / name)
            else:
                left_out[suffix or "without an ending"] += 1
    if other:
        count = f", {len(other):,} such files" if len(other) > 1 else ""
        first = min(other)
        raise UserError(f"{shown(first)}: {shown(first.suffix)} is not read{count}; convert it to .png or .jpg")
    if len(found) < 2:
        raise UserError(f"{shown(base)}: found {len(found)} images ({', '.join(SUFFIXES)}), need 2; add some")
    if left_out:
        kinds = ", ".join(f"{count:,} {shown(kind)}" for kind, count in sorted(left_out.items()))
        print(f"{shown(base)}: {len(found):,} pictures, other files left out: {kinds}", file=sys.stderr)
    parts = sorted({file.parts[0] for file in found if len(file.parts) > 1 and file.parts[0].lower() in PARTS})
    if parts_apart and len(parts) > 1:
        raise UserError(f"{shown(base)}: holds {' and '.join(parts)}, parts of a dataset; name one of them, not both")
    return sorted(found, key=os.fsencode)


def read_pictures(base: Path, files: Iterable[Path], shape: tuple[int, int, int], fit: str) -> np.ndarray:
    """uint8 images (N, C, H, W) of ``shape`` (C, H, W), in the order of ``files``; ``fit`` as of ``fitted``.

    UserError has a line for each picture that is not fit to be read, not for the first alone.
    """
    files, faults = list(files), list[str]()
    images = np.empty((len(files), *shape), np.uint8)
    channels, height, width = shape
    for at, file in enumerate(files):
        name = str(base / file)
        try:
            images[at] = fitted(read_picture(base / file, name, channels), name, height, width, fit)
        except UserError as error:
            faults.append(str(error))
    if faults:
        raise listed(faults)
    return images


def _unreadable(error: OSError) -> None:
    raise UserError(f"{shown(error.filename or '')}: {error.strerror}; make it readable") from error
