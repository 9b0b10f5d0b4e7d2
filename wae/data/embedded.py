"""Datasets that need no download: ``digits`` from scikit-learn, ``glyphs`` and ``letters`` from matplotlib's fonts."""

import hashlib
from pathlib import Path

import numpy as np

from wae.core.errors import UserError
from wae.data import outlines
from wae.data.source import Dataset, Split, hold_out, whole

_DIGITS_SHA256 = "0b7e9c3202d7bcd255d6a19a238d3743bf5e320ba74812a6679958a017c55382"
_GLYPHS_SHA256 = "81ef4546fadd751874923910bd0bb8aad10e8fa4cbffcd7ad0e2c16931940c9e"
_LETTERS_SHA256 = "85ad93c630d18d966a314ea0ae34b5a45a5799a522d3c6b86a5268ca374a12f5"
_DIGITS_SEED = 1998
_TRAIN_SEED, _TEST_SEED = 2018, 2019
_TRAIN, _TEST = 20_000, 5_000  # images of glyphs and of letters


def digits(root: Path | None) -> Dataset:
    """scikit-learn's 1,797 handwritten 8x8 digits, (1, 8, 8), 10 classes; nothing is read from ``root``.

    Pixels are counts 0..16; here round(count * 255 / 16), halves up. 1,437 train / 360 test, a fixed random split
    with the same mix of classes in both; the 13 writers are in both parts. UserError if scikit-learn's copy has
    other bytes than the one the suite was made with.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images = ((data.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)[:, None]  # (1797, 1, 8, 8)
    labels = data.target.astype(np.int64)
    _check_bytes("digits", "scikit-learn", _DIGITS_SHA256, (images, labels))
    train, test = hold_out(labels, len(labels), 360, _DIGITS_SEED)
    return Dataset(
        Split(images[train], labels[train]),
        Split(images[test], labels[test]),
        "Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak, UCI, 1998), test part, as in scikit-learn",
        "CC BY 4.0",
    )


def glyphs(root: Path | None, *, train: int = 20_000, test: int = 5_000) -> Dataset:
    """Digits 0 to 9 drawn from the fonts that matplotlib ships, (1, 28, 28), white on black, 10 classes.

    Each image is a new draw of font, rotation (up to 14 degrees), slant, width, height, place and stroke weight;
    every ten images hold each digit once. ``train`` and ``test`` (10 to 1,000,000) are counts: a smaller part is
    the beginning of a larger one. Both parts use the same fonts and the same law, with independent draws: the test
    part measures how well that law is matched, not how well unseen fonts are. Nothing is read from ``root``.
    At the default counts the bytes are checked; UserError names the versions when they differ.
    """
    return _drawn("glyphs", "Digits", outlines.DIGITS, train, test, _GLYPHS_SHA256)


def letters(root: Path | None, *, train: int = 20_000, test: int = 5_000) -> Dataset:
    """Capital letters A to Z drawn as ``glyphs`` are, from the same fonts, (1, 28, 28), 26 classes.

    Each letter is scaled to fit the same box before it is jittered, so that a W is lower than an I. Every 26 images
    hold each letter once; ``train`` and ``test`` are counts from 26 to 1,000,000. All else is as in ``glyphs``.
    """
    return _drawn("letters", "Capital letters", outlines.LETTERS, train, test, _LETTERS_SHA256)


def _drawn(name: str, what: str, characters: str, train: int, test: int, sha256: str) -> Dataset:
    """``characters`` of the fonts; ``sha256`` is that of the default counts' images and labels."""
    whole("train", train, len(characters), 1_000_000)
    whole("test", test, len(characters), 1_000_000)
    fields = outlines.distance_fields(outlines.font_folder(), characters)
    parts = [outlines.draw(fields, count, seed) for count, seed in ((train, _TRAIN_SEED), (test, _TEST_SEED))]
    if (train, test) == (_TRAIN, _TEST):
        _check_bytes(name, "matplotlib, fonttools or numpy", sha256, (*parts[0], *parts[1]))
    return Dataset(
        Split(*parts[0]),
        Split(*parts[1]),
        f"{what} of {len(outlines.FONTS)} fonts that matplotlib ships, drawn by this suite",
        "Fonts: DejaVu (Bitstream Vera licence), STIX Font License, Computer Modern (BaKoMa Fonts Licence)",
    )


def _check_bytes(name: str, packages: str, expected: str, arrays: tuple[np.ndarray, ...]) -> None:
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    if total.hexdigest() != expected:
        raise UserError(
            f"{name}: sha256 of the images and labels is {total.hexdigest()}, recorded is {expected}; "
            f"install the {packages} of requirements.lock ({_versions()} found)"
        )


def _versions() -> str:
    from importlib.metadata import version

    return ", ".join(
        f"{package} {version(package)}" for package in ("matplotlib", "fonttools", "numpy", "scikit-learn")
    )
