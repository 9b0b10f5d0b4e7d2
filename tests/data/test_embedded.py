"""digits, glyphs and letters: the recorded bytes, honest parts, and pictures that are what their labels say."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wae.core.errors import UserError
from wae.core.settings import DatasetSettings
from wae.data import embedded, outlines
from wae.data.embedded import digits, glyphs, letters
from wae.data.source import Dataset, load, prepare


@pytest.fixture(scope="module", params=[glyphs, letters])
def drawn(request: pytest.FixtureRequest) -> tuple[Dataset, int]:
    """A whole dataset drawn from fonts, and its count of classes."""
    return request.param(None), {glyphs: 10, letters: 26}[request.param]


@pytest.fixture(scope="module")
def all_glyphs() -> Dataset:
    return glyphs(None)


@pytest.fixture(scope="module")
def fields() -> np.ndarray:
    return outlines.distance_fields(outlines.font_folder())


def test_digits_are_scikit_learns_scaled_to_255() -> None:
    from sklearn.datasets import load_digits

    dataset, original = digits(None), load_digits()
    table = {0: 0, 1: 16, 2: 32, 3: 48, 4: 64, 8: 128, 12: 191, 15: 239, 16: 255}
    images = np.concatenate([dataset.train.images, dataset.test.images])
    assert images.shape == (1797, 1, 8, 8)
    wanted = sorted(zip(original.images.astype(int).tolist(), original.target.tolist(), strict=True))
    assert dataset.train.labels is not None
    assert dataset.test.labels is not None
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    back = {round(count * 255 / 16 + 1e-9): count for count in range(17)}
    counts = np.vectorize(back.__getitem__)(images[:, 0])
    assert sorted(zip(counts.tolist(), labels.tolist(), strict=True)) == wanted
    for count, value in table.items():
        assert back[value] == count


def test_digits_parts_have_the_same_mix_of_classes() -> None:
    dataset = digits(None)
    assert (len(dataset.train.images), len(dataset.test.images)) == (1437, 360)
    assert dataset.test.labels is not None
    assert dataset.train.labels is not None
    assert np.bincount(dataset.test.labels).tolist() == [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]
    assert np.bincount(dataset.train.labels).min() == 139


def test_drawn_images_have_the_stated_form(drawn: tuple[Dataset, int]) -> None:
    dataset, classes = drawn
    for split, count in ((dataset.train, 20_000), (dataset.test, 5_000)):
        assert split.images.shape == (count, 1, 28, 28)
        assert split.images.dtype == np.uint8
        assert split.labels is not None
        whole = count - count % classes
        assert (np.sort(split.labels[:whole].reshape(-1, classes), axis=1) == np.arange(classes)).all()
        assert len(set(split.labels[whole:].tolist())) == count % classes


def test_no_drawn_image_is_in_both_parts_or_twice_in_one(drawn: tuple[Dataset, int]) -> None:
    dataset, _ = drawn
    both = np.concatenate([dataset.train.images, dataset.test.images]).reshape(25_000, -1)
    assert len({image.tobytes() for image in both}) == 25_000


def test_drawn_images_are_white_on_black_well_inside_the_picture(drawn: tuple[Dataset, int]) -> None:
    images = drawn[0].train.images
    assert images.min(axis=(1, 2, 3)).max() == 0
    assert (images.max(axis=(1, 2, 3)) > 200).mean() > 0.99
    corners = images[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.max() == 0
    edges = np.concatenate([images[:, 0, 0], images[:, 0, -1], images[:, 0, :, 0], images[:, 0, :, -1]], axis=1)
    assert (edges.max(axis=1) > 0).mean() < 0.04


def test_labels_name_what_is_drawn(drawn: tuple[Dataset, int]) -> None:
    """A plain nearest-mean rule tells the characters apart, so that labels and pictures belong together."""
    (train, test), classes = (drawn[0].train, drawn[0].test), drawn[1]
    assert train.labels is not None
    means = np.stack([train.images[train.labels == label].mean(axis=0).ravel() for label in range(classes)])
    images, means = test.images.reshape(5000, -1).astype(np.float64), means.astype(np.float64)
    distance = (means**2).sum(axis=1) - 2 * images @ means.T
    assert (distance.argmin(axis=1) == test.labels).mean() > {10: 0.7, 26: 0.5}[classes]


def test_train_and_test_follow_the_same_law(drawn: tuple[Dataset, int]) -> None:
    train, test = drawn[0].train.images, drawn[0].test.images
    assert abs(train.mean() - test.mean()) < 0.5
    assert abs((train > 127).mean() - (test > 127).mean()) < 0.003


def test_a_smaller_glyph_set_is_the_beginning_of_the_default_one(
    all_glyphs: Dataset, fields: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlines, "distance_fields", lambda *_: fields)
    small = glyphs(None, train=1505, test=12)
    assert all_glyphs.train.labels is not None
    assert small.train.labels is not None
    np.testing.assert_array_equal(small.train.images, all_glyphs.train.images[:1505])
    np.testing.assert_array_equal(small.train.labels, all_glyphs.train.labels[:1505])
    np.testing.assert_array_equal(small.test.images, all_glyphs.test.images[:12])


@pytest.mark.parametrize("option", ["train", "test"])
@pytest.mark.parametrize("value", [9, 1_000_001, "2000", 100.0, True])
def test_glyph_counts_are_checked(option: str, value: int) -> None:
    with pytest.raises(UserError, match=f"option {option} is .* from 10 to 1,000,000"):
        glyphs(None, **{option: value})


def test_letter_counts_hold_each_letter() -> None:
    with pytest.raises(UserError, match=r"option test is 25.* from 26 to 1,000,000"):
        letters(None, test=25)


def test_letters_fit_their_box_and_keep_their_form() -> None:
    fields = outlines.distance_fields(outlines.font_folder(), outlines.LETTERS)
    assert fields.shape == (21, 26, 57, 57)
    inside = fields > 0
    high, wide = inside.any(axis=3).sum(axis=2) / 2, inside.any(axis=2).sum(axis=2) / 2  # pixels, (21, 26)
    assert (high <= 20).all()
    assert (wide <= 17).all()
    assert ((high > 19) | (wide >= 16)).all()  # one side fits
    i, w = outlines.LETTERS.index("I"), outlines.LETTERS.index("W")
    assert (high[:, i] > wide[:, i]).all()
    assert (wide[0, w] / high[0, w]) == pytest.approx(1890 / 1493, abs=0.08)  # in DejaVu Sans, font units


@pytest.mark.parametrize("make", [digits, glyphs, letters])
def test_other_bytes_are_refused_with_the_versions(
    make: Callable[[None], Dataset], monkeypatch: pytest.MonkeyPatch, fields: np.ndarray
) -> None:
    draw = outlines.draw
    monkeypatch.setattr(embedded, f"_{make.__name__.upper()}_SHA256", "0" * 64)
    monkeypatch.setattr(outlines, "distance_fields", lambda *_: fields)
    monkeypatch.setattr(outlines, "draw", lambda fields, count, seed: draw(fields, 10, seed))
    with pytest.raises(UserError, match="recorded is 0000") as caught:
        make(None)
    for package in ("matplotlib", "fonttools", "numpy", "scikit-learn"):
        assert f"{package} {importlib.metadata.version(package)}" in str(caught.value)


def test_a_field_holds_the_signed_distance_to_the_outline(tmp_path: Path) -> None:
    """A square ring, 20 pixels high, with a square hole: distances known by hand."""
    outer = np.array([[0, 0], [0, 40], [40, 40], [40, 0]], float)  # clockwise, y up
    inner = np.array([[10, 10], [30, 10], [30, 30], [10, 30]], float)  # counter-clockwise: a hole
    field = outlines._field([outer, inner], 0.5)

    def at(x: float, y: float) -> float:
        return float(field[round((y + 14) * 2), round((x + 14) * 2)])

    assert at(0, 0) == -5
    assert at(7.5, 0) == 2.5
    assert at(-7.5, 2) == 2.5
    assert at(0, -13) == -3
    assert at(13, 14) == pytest.approx(-5)
    assert at(6, 6) == pytest.approx(2**0.5)
    filled = outlines._field([outer, inner[::-1]], 0.5)  # the same sense: no hole
    assert filled[28, 28] == 5


def test_fields_have_y_down_and_zeros_20_pixels_high(fields: np.ndarray) -> None:
    assert fields.shape == (21, 10, 57, 57)
    rows = np.flatnonzero((fields[:, 0] > 0).any(axis=(0, 2)))
    assert (rows[0], rows[-1]) == (9, 47)  # the first and last nodes inside -10..10
    seven = fields[0, 7] > 0
    assert seven[:20].sum() > 1.5 * seven[-20:].sum()  # the bar of a seven is on top


def test_matplotlibs_other_fonts_are_left_out() -> None:
    present = {file.stem for file in outlines.font_folder().glob("*.ttf")}
    assert set(outlines.FONTS) <= present
    assert not set(outlines.FONTS) & {"LastResortHE-Regular", "cmex10", "cmsy10", "cmmi10"}


@pytest.mark.parametrize("content", [None, b"", b"\0\1\0\0 not a font"])
def test_a_torn_font_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "DejaVuSans.ttf").write_bytes(content)
    with pytest.raises(UserError, match=r"DejaVuSans\.ttf: not a font with the characters 0123456789"):
        outlines.distance_fields(tmp_path)


@pytest.mark.parametrize(("name", "side"), [("digits", 8), ("glyphs", 28), ("letters", 28)])
def test_preparing_twice_gives_the_same_bytes(
    name: str, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: np.ndarray
) -> None:
    monkeypatch.setattr(outlines, "distance_fields", lambda *_: fields)
    options = {"train": 50, "test": 30} if name != "digits" else {}
    settings = DatasetSettings(source=f"wae.data.embedded:{name}", shape=[1, side, side], options=options)
    for out in ("a", "b"):
        prepare(settings, None, tmp_path / out)
    files = [{file.name: file.read_bytes() for file in (tmp_path / out).iterdir()} for out in ("a", "b")]
    assert files[0] == files[1]
    assert load(tmp_path / "a", "test").images.shape[1:] == (1, side, side)
