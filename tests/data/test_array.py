"""Arrays of one's own: their layouts, labels and files, and a line for each fault."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shared.data import noise
from wae.core.errors import UserError
from wae.core.settings import DatasetSettings
from wae.data.own import array
from wae.data.source import load, prepare

IMAGES = noise(30, 3, 6, 5)
NUMBERS = np.array([0, 1, 2] * 10)


def test_an_array_in_each_layout(tmp_path: Path) -> None:
    np.save(tmp_path / "nchw.npy", IMAGES)
    np.save(tmp_path / "nhwc.npy", IMAGES.transpose(0, 2, 3, 1))
    np.save(tmp_path / "grey.npy", IMAGES[:, 0])
    plain = array(tmp_path, path="nchw.npy")
    turned = array(tmp_path, path="nhwc.npy", layout="NHWC")
    grey = array(tmp_path, path="grey.npy", layout="NHW")
    assert (plain.train.images.shape, plain.test.images.shape) == ((27, 3, 6, 5), (3, 3, 6, 5))
    assert plain.train.labels is None
    found = {image.tobytes() for split in (plain.train, plain.test) for image in split.images}
    assert found == {image.tobytes() for image in IMAGES}
    np.testing.assert_array_equal(turned.train.images, plain.train.images)
    np.testing.assert_array_equal(turned.test.images, plain.test.images)
    np.testing.assert_array_equal(grey.train.images, plain.train.images[:, :1])


def test_an_array_with_labels_and_test_files_is_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES[:20])
    np.save(tmp_path / "y.npy", NUMBERS[:20].astype(np.uint8))
    np.save(tmp_path / "xt.npy", IMAGES[20:])
    np.save(tmp_path / "yt.npy", NUMBERS[20:].astype(">i4"))
    options: dict[str, Any] = {"path": "x.npy", "labels": "y.npy", "test": "xt.npy", "test_labels": "yt.npy"}
    dataset = array(tmp_path, **options)
    assert isinstance(dataset.train.images, np.memmap)
    np.testing.assert_array_equal(dataset.test.images, IMAGES[20:])
    assert dataset.test.labels is not None
    assert dataset.test.labels.dtype == np.int64
    assert dataset.test.labels.tolist() == NUMBERS[20:].tolist()
    prepare(DatasetSettings(source="wae.data.own:array", shape=[3, 6, 5], options=options), tmp_path, tmp_path / "out")
    np.testing.assert_array_equal(load(tmp_path / "out", "train").images, IMAGES[:20])


def test_labels_stay_with_their_images(tmp_path: Path) -> None:
    images = np.repeat(NUMBERS, 30).reshape(30, 1, 6, 5).astype(np.uint8)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", NUMBERS)
    dataset = array(tmp_path, path="x.npy", labels="y.npy", test_fraction=0.2)
    for split in (dataset.train, dataset.test):
        assert split.labels is not None
        assert (split.images[:, 0, 0, 0] == split.labels).all()
    assert dataset.test.labels is not None
    assert np.bincount(dataset.test.labels).tolist() == [2, 2, 2]


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_an_npz_holds_up_to_four_arrays(pack: Callable[..., None], tmp_path: Path) -> None:
    pack(tmp_path / "a.npz", images=IMAGES)
    assert len(array(tmp_path, path="a.npz").test.images) == 3
    pack(tmp_path / "b.npz", images=IMAGES[:20], labels=NUMBERS[:20], test_images=IMAGES[20:], test_labels=NUMBERS[20:])
    dataset = array(tmp_path, path="b.npz")
    np.testing.assert_array_equal(dataset.train.images, IMAGES[:20])
    assert dataset.test.labels is not None
    assert dataset.test.labels.tolist() == NUMBERS[20:].tolist()


class Hostile:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_objects_are_refused_and_never_opened(tmp_path: Path) -> None:
    objects = np.array([Hostile(tmp_path / "opened")] * 3, dtype=object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", images=objects)
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Hostile(tmp_path / "opened")))
    (tmp_path / "p.npz").write_bytes(pickle.dumps(Hostile(tmp_path / "opened")))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(UserError, match=f"{name}: holds Python objects, which could run code"):
            array(tmp_path, path=name)
    for name in ("p.npy", "p.npz"):
        with pytest.raises(UserError, match=name):
            array(tmp_path, path=name)
    assert not (tmp_path / "opened").exists()


def test_an_npz_with_a_path_that_leads_out_writes_nothing(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    stream = io.BytesIO()
    np.save(stream, IMAGES)
    with zipfile.ZipFile(inner / "x.npz", "w") as archive:
        archive.writestr("images.npy", stream.getvalue())
        archive.writestr("../escaped.npy", stream.getvalue())
    with pytest.raises(UserError, match=r"unknown array in .*x\.npz '../escaped': known are images"):
        array(inner, path="x.npz")
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "x.npz"]


def npy(pixels: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, pixels)
    return stream.getvalue()


ARRAY_FAULTS: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "empty": (b"", {}, "x.npy: not a whole array file"),
    "text": (b"no array", {}, "x.npy: not a whole array file"),
    "truncated": (npy(IMAGES)[:-1], {}, "x.npy: not a whole array file"),
    "cut in the header": (npy(IMAGES)[:30], {}, "x.npy: not a whole array file"),
    "floats": (npy(IMAGES / 255), {}, "x.npy: images are float64; they must be uint8 in 0..255"),
    "NaN": (npy(np.full((30, 3, 6, 5), np.nan, np.float32)), {}, "images are float32"),
    "int64": (npy(IMAGES.astype(int)), {}, "images are int64"),
    "bool": (npy(IMAGES > 0), {}, "images are bool"),
    "flat": (npy(IMAGES.reshape(30, -1)), {}, r"images have shape \(30, 90\), layout is NCHW"),
    "grey": (npy(IMAGES[:, 0]), {}, r"images have shape \(30, 6, 5\), layout is NCHW; set layout"),
    "layout": (npy(IMAGES), {"layout": "NWHC"}, "value of option layout 'NWHC'.*did you mean 'NHWC'"),
    "no images": (npy(IMAGES[:0]), {}, "test_fraction 0.1 of 0 images leaves 0 to train"),
    "no path": (npy(IMAGES), {"path": ""}, "option path is empty; set it to the file"),
    "no file": (npy(IMAGES), {"path": "y.npy"}, "y.npy: no such file; correct option path"),
    "suffix": (npy(IMAGES), {"path": "note.txt"}, "note.txt: option path must name a .npy file or a .npz file"),
    "label suffix": (npy(IMAGES), {"labels": "note.txt"}, "note.txt: option labels must name a .npy file$"),
    "test labels alone": (npy(IMAGES), {"test_labels": "labels.npy"}, "has test labels but no test images"),
    "few labels": (
        npy(IMAGES[1:]),
        {"labels": "labels.npy"},
        r"labels are int64 \(30,\); give one whole number",
    ),
    "image labels": (npy(IMAGES), {"labels": "x.npy"}, r"labels are uint8 \(30, 3, 6, 5\)"),
    "float labels": (npy(IMAGES), {"labels": "floats.npy"}, r"labels are float64 \(30,\)"),
    "negative labels": (npy(IMAGES), {"labels": "negative.npy"}, "labels run from -1 to 1; number the classes from 0"),
    "large labels": (npy(IMAGES), {"labels": "large.npy"}, "labels run from 0 to 1000000000000;"),
}


@pytest.mark.parametrize("name", ARRAY_FAULTS)
def test_array_faults(name: str, tmp_path: Path) -> None:
    content, options, message = ARRAY_FAULTS[name]
    (tmp_path / "x.npy").write_bytes(content)
    (tmp_path / "note.txt").write_text("")
    np.save(tmp_path / "labels.npy", NUMBERS)
    np.save(tmp_path / "floats.npy", NUMBERS / 1)
    np.save(tmp_path / "negative.npy", NUMBERS - 1)
    np.save(tmp_path / "large.npy", NUMBERS // 2 * 10**12)
    with pytest.raises(UserError, match=message) as caught:
        array(tmp_path, **({"path": "x.npy"} | options))
    assert "\n" not in str(caught.value)


NPZ_FAULTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"pictures": IMAGES}, {}, "unknown array in .*x.npz 'pictures': known are images, labels, test_images"),
    ({"labels": NUMBERS}, {}, "x.npz: has no array images"),
    ({"images": IMAGES}, {"labels": "labels.npy"}, "option labels is 'labels.npy', but a .npz file holds it itself"),
    ({"images": IMAGES, "test_labels": NUMBERS}, {}, "has test labels but no test images"),
    ({"images": IMAGES, "test_images": IMAGES[:, 0]}, {}, r"test images have shape \(30, 6, 5\)"),
    ({"images": IMAGES, "test_images": IMAGES, "test_labels": NUMBERS[1:]}, {}, "test labels are int64"),
]


@pytest.mark.parametrize(("arrays", "options", "message"), NPZ_FAULTS)
def test_npz_faults(arrays: dict[str, Any], options: dict[str, Any], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    np.save(tmp_path / "labels.npy", NUMBERS)
    with pytest.raises(UserError, match=message):
        array(tmp_path, path="x.npz", **options)


@pytest.mark.parametrize("cut", [0, 3, 100, -1, -30])
def test_a_torn_npz(cut: int, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", images=IMAGES)
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:cut])
    with pytest.raises(UserError, match=r"x\.npz: not a whole array file") as caught:
        array(tmp_path, path="x.npz")
    assert "\n" not in str(caught.value)


def npz(pack: Callable[..., None]) -> bytes:
    stream = io.BytesIO()
    pack(stream, images=IMAGES[:4], labels=NUMBERS[:4] // 2)
    return stream.getvalue()


WHOLE = {"x.npy": [npy(IMAGES[:4])], "x.npz": [npz(np.savez), npz(np.savez_compressed)]}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_gives_an_array_or_one_line(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    whole = data.draw(st.sampled_from(WHOLE[name]))
    content = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if content:  # half of the damage in the header
            end = data.draw(st.sampled_from([len(content), min(len(content), 128)]))
            content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(content)
    try:
        dtype, line = array(tmp_path, path=name, test_fraction=0.5).train.images.dtype, name
    except UserError as error:
        dtype, line = np.dtype(np.uint8), str(error)
    assert dtype == np.uint8
    assert line.isprintable()
