"""CelebA's own file layout: lists as text, images as a folder of JPEG files or as one zip that is read in place."""

import zipfile
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image

from wae.core.errors import UserError, unknown_name
from wae.core.progress import progress_bar
from wae.data.downloads import check_md5
from wae.data.pictures import read_picture
from wae.data.source import Split
from wae.planning.places import CELEBA_ATTRIBUTES, CELEBA_IMAGES, CELEBA_PARTITION, shown

_COUNT = 202_599
_SIZE = (178, 218)  # width, height of an aligned image
_CROP, _SIDE = 140, 64


class CelebAFiles:
    """The lists of the folder ``base``, and its images while it is open (a context manager).

    ``names``: file names in the order of the partition list; ``partition``: 0 train, 1 valid, 2 test, (N,);
    ``labels``: 0 or 1 by ``attribute``, (N,), or None. With ``checked`` the files must be the published ones.
    """

    def __init__(self, base: Path, checked: bool, attribute: str) -> None:
        self._folder = base / CELEBA_IMAGES
        self._archive_path = base / f"{CELEBA_IMAGES}.zip"
        self._archive: zipfile.ZipFile | None = None
        if checked:
            self._check(base, [CELEBA_PARTITION, *([CELEBA_ATTRIBUTES] if attribute else [])])
        rows = _rows(base / CELEBA_PARTITION, 0)
        self.names = [row[0] for row in rows]
        self.partition = _whole_numbers(base / CELEBA_PARTITION, rows, 1, (0, 1, 2))
        for name in self.names:
            if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
                raise UserError(f"{shown(base / CELEBA_PARTITION)}: {name!r} is not a file name; restore the list")
        if checked and len(self.names) != _COUNT:
            raise UserError(f"{shown(base / CELEBA_PARTITION)}: lists {len(self.names):,} images, must be {_COUNT:,}")
        self.labels = self._attribute(base / CELEBA_ATTRIBUTES, attribute) if attribute else None

    def __enter__(self) -> Self:
        if not self._folder.is_dir():
            try:
                self._archive = zipfile.ZipFile(self._archive_path)
            except (OSError, zipfile.BadZipFile) as error:
                raise UserError(f"{shown(self._archive_path)}: not a whole zip ({error}); fetch it again") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._archive is not None:
            self._archive.close()

    def read(self, indices: np.ndarray, part: str) -> Split:
        """The images of ``indices`` cropped and resized, (n, 3, 64, 64), each decoded straight into its place."""
        images = np.empty((len(indices), 3, _SIDE, _SIDE), np.uint8)
        with progress_bar(f"CelebA {part}", "image", len(indices)) as bar:
            for at, index in enumerate(indices.tolist()):
                images[at] = self._image(self.names[index])
                bar.update()
        return Split(images, None if self.labels is None else self.labels[indices])

    def _image(self, name: str) -> np.ndarray:
        if self._archive is None:
            path = str(self._folder / name)
            picture = read_picture(self._folder / name, path, 3)
        else:
            path = f"{self._archive_path}:{CELEBA_IMAGES}/{name}"
            try:
                content = self._archive.read(f"{CELEBA_IMAGES}/{name}")
            except Exception as error:  # zipfile and zlib fail in many ways on broken archives
                raise UserError(f"{shown(path)}: cannot be read ({error}); fetch the archive again") from error
            picture = read_picture(BytesIO(content), path, 3)
        if picture.size != _SIZE:
            raise UserError(
                f"{shown(path)}: {picture.width} x {picture.height} pixels, aligned images have "
                f"{_SIZE[0]} x {_SIZE[1]}; take the archive {CELEBA_IMAGES}.zip"
            )
        left, top = (_SIZE[0] - _CROP) // 2, (_SIZE[1] - _CROP) // 2
        box = (left, top, left + _CROP, top + _CROP)
        # Cut first, as the authors did: with the box as an argument of resize the filter would look beyond it.
        cut = picture.crop(box).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        return np.asarray(cut).transpose(2, 0, 1)

    def _check(self, base: Path, lists: list[str]) -> None:
        from torchvision.datasets import CelebA

        sums = {name: md5 for _, md5, name in CelebA.file_list}
        for name in lists:
            check_md5(base / name, sums[name])
        if not self._folder.is_dir():
            check_md5(self._archive_path, sums[self._archive_path.name])

    def _attribute(self, path: Path, attribute: str) -> np.ndarray:
        header, *rows = _rows(path, 1)
        if attribute not in header:
            raise unknown_name("attribute of CelebA", attribute, header)
        if [row[0] for row in rows] != self.names:
            raise UserError(f"{shown(path)}: does not list the images of {CELEBA_PARTITION}; restore both lists")
        return (_whole_numbers(path, rows, 1 + header.index(attribute), (-1, 1)) + 1) // 2


def _rows(path: Path, skip: int) -> list[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[skip:]
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(path)}: not text ({error}); restore it") from error
    rows = [line.split() for line in lines if line.strip()]
    if not rows:
        raise UserError(f"{shown(path)}: is empty; restore it")
    return rows


def _whole_numbers(path: Path, rows: list[list[str]], column: int, allowed: tuple[int, ...]) -> np.ndarray:
    texts = {str(value): value for value in allowed}
    numbers = []
    for row in rows:
        text = row[column] if column < len(row) else "nothing"
        if text not in texts:
            raise UserError(f"{shown(path)}: {row[0]!r} has {text}, must be one of {allowed}; restore the list")
        numbers.append(texts[text])
    return np.array(numbers, np.int64)
