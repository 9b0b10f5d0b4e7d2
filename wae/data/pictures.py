"""One PNG or JPEG file into pixels, with every fault as one line."""

import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from wae.core.errors import UserError
from wae.planning.places import shown

FITS = ("crop", "stretch", "exact")
_MAX_PIXELS = 100_000_000  # a file may claim any size; decoding this many takes 300 MB


def read_picture(file: Path | BinaryIO, name: str, channels: int) -> Image.Image:
    """The picture in ``file``: 8-bit grey (``channels`` 1, ITU-R 601 luma of colours) or RGB (3), turned upright.

    ``name`` is what errors call it. UserError for what is not PNG or JPEG, is damaged, has more than 8 bits
    per channel, transparent pixels or more than 100 million pixels.
    """
    try:
        with warnings.catch_warnings(), file.open("rb") if isinstance(file, Path) else nullcontext(file) as handle:
            warnings.simplefilter("ignore")  # oddities of metadata; what matters is checked here
            head = handle.read(25)
            handle.seek(0)
            if head[12:16] == b"IHDR" and head[24:] > b"\x08":  # Pillow would keep the upper 8 bits of colours
                raise UserError(f"{shown(name)}: {head[24]} bits per channel; scale it and save it with 8")
            with Image.open(handle, formats=("PNG", "JPEG")) as picture:
                width, height = picture.size
                if width * height > _MAX_PIXELS:
                    raise UserError(f"{shown(name)}: {width} x {height} pixels, at most {_MAX_PIXELS:,}; shrink it")
                return _eight_bits(ImageOps.exif_transpose(picture), name, channels)
    except UserError:
        raise
    except Exception as error:  # Pillow's decoders fail in many ways on broken files
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"{shown(name)}: {error.strerror}; check the file") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{shown(name)}: not a whole PNG or JPEG image ({shown(reason)}); replace or delete it"
        ) from error


def fitted(picture: Image.Image, name: str, height: int, width: int, fit: str) -> np.ndarray:
    """Pixels (C, height, width), uint8.

    ``fit``: "crop" cuts the largest centred part with the asked aspect ratio and resizes it, "stretch" resizes
    the whole, "exact" only takes pictures of that size (UserError otherwise). Resizing is Pillow's Lanczos.
    """
    if fit == "exact":
        if picture.size != (width, height):
            raise UserError(
                f"{shown(name)}: {picture.width} x {picture.height} pixels, the dataset has {width} x {height}; resize "
                "it, or, where a config reads it, set fit to crop or stretch"
            )
    else:
        if fit == "crop":
            picture = picture.crop(centred_box(picture.size, height, width))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def centred_box(size: tuple[int, int], height: int, width: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the largest centred part of (width, height) ``size`` with that aspect ratio."""
    cut_width = min(size[0], max(1, round(size[1] * width / height)))
    cut_height = min(size[1], max(1, round(size[0] * height / width)))
    left, top = (size[0] - cut_width) // 2, (size[1] - cut_height) // 2
    return left, top, left + cut_width, top + cut_height


def _eight_bits(picture: Image.Image, name: str, channels: int) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        raise UserError(f"{shown(name)}: more than 8 bits per pixel (mode {picture.mode}); save it with 8 bits")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").tobytes().count(255) < picture.width * picture.height:
            raise UserError(f"{shown(name)}: has transparent pixels; lay it on a background colour first")
        picture = picture.convert("RGB")
    return picture.convert("L" if channels == 1 else "RGB")
