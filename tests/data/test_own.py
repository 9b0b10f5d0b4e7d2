"""Folders of one's own: what is read, how it is divided, and a line for each fault."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.shared.data import EXACT, noise, save
from wae.core.errors import UserError
from wae.core.files import read_json
from wae.core.settings import DatasetSettings
from wae.data import own
from wae.data.folders import read_pictures
from wae.data.own import folder
from wae.data.source import load, prepare
from wae.evaluation.score import read_images


def test_a_tree_gives_labels_and_a_split_with_the_same_mix(tree: Path) -> None:
    dataset = folder(None, path=str(tree), **EXACT)
    assert dataset.train.images.shape == (27, 3, 8, 8)
    assert dataset.train.labels is not None
    assert dataset.test.labels is not None
    assert np.bincount(dataset.train.labels).tolist() == [18, 9]
    assert np.bincount(dataset.test.labels).tolist() == [2, 1]
    of = {noise(8, 8, 3, seed=seed).tobytes(): int(seed >= 100) for seed in [*range(20), *range(100, 110)]}
    for split in (dataset.train, dataset.test):
        assert split.labels is not None
        assert [of.pop(np.moveaxis(image, 0, 2).tobytes()) for image in split.images] == split.labels.tolist()
    assert not of
    again = folder(None, path=str(tree), **EXACT)
    np.testing.assert_array_equal(again.test.images, dataset.test.images)


def test_the_fraction_decides_how_many_are_held_out(tree: Path) -> None:
    assert len(folder(None, path=str(tree), test_fraction=0.5, **EXACT).test.images) == 15


def test_relative_paths_start_at_the_data_root(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(folder(tree.parent, path="mine", **EXACT).train.images) == 27
    monkeypatch.chdir(tree.parent)
    assert len(folder(None, path="mine", **EXACT).train.images) == 27


def test_a_test_folder_takes_the_train_folders_classes(tree: Path) -> None:
    other = tree.parent / "other"
    for i in range(3):
        save(other / "bee" / f"{i}.png", noise(8, 8, 3, seed=500 + i))
    dataset = folder(None, path=str(tree), test=str(other), **EXACT)
    assert len(dataset.train.images) == 30
    assert dataset.test.labels is not None
    assert dataset.test.labels.tolist() == [1, 1, 1]
    np.testing.assert_array_equal(dataset.test.images[2], np.moveaxis(noise(8, 8, 3, seed=502), 2, 0))
    (other / "bee").rename(other / "cat")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(own, "read_pictures", lambda *_: pytest.fail("read"))
        with pytest.raises(UserError, match=r"0\.png: cat is not a class of the train images"):
            folder(None, path=str(tree), test=str(other), **EXACT)
    assert folder(None, path=str(tree), test=str(other), labels="none", **EXACT).test.labels is None


@pytest.mark.parametrize("inside", ["ant", "."])
def test_train_and_test_folders_must_be_apart(inside: str, tree: Path) -> None:
    with pytest.raises(UserError, match="one holds the other; keep train and test apart"):
        folder(None, path=str(tree), test=str(tree / inside), **EXACT)
    with pytest.raises(UserError, match="one holds the other"):
        folder(None, path=str(tree / inside), test=str(tree), **EXACT)


def test_when_folders_are_labels(tree: Path) -> None:
    def labels(kind: str) -> np.ndarray | None:
        return folder(None, path=str(tree), labels=kind, **EXACT).train.labels

    assert labels("auto") is not None
    assert labels("folders") is not None
    assert labels("none") is None
    save(tree / "loose.png", noise(8, 8, 3))
    assert labels("auto") is None
    with pytest.raises(UserError, match=r"loose\.png: lies in no class's folder"):
        labels("folders")
    (tree / "loose.png").unlink()
    for file in (tree / "bee").iterdir():
        file.unlink()
    assert labels("auto") is None  # one class tells nothing
    only = labels("folders")
    assert only is not None
    assert only.max() == 0


def test_deep_folders_odd_names_and_other_files(tree: Path) -> None:
    save(tree / "ant" / "deep" / "er" / "x.JPEG", noise(8, 8, 3))
    for name in ("tab\there.png", "line\nbreak.png", "ünï ☃.png", "-rf.png", "a'b\"c.png"):
        save(tree / "bee" / name, noise(8, 8, 3, seed=len(name)))
    raw = os.fsencode(tree / "bee") + b"/\xff\xfe.png"
    with open(raw, "wb") as file:
        Image.fromarray(noise(8, 8, 3)).save(file, "PNG")
    (tree / "README.txt").write_text("no picture")
    (tree / "ant" / ".hidden.png").write_bytes(b"broken")
    (tree / ".thumbs").mkdir()
    (tree / ".thumbs" / "a.png").write_bytes(b"broken")
    (tree / "ant" / "folder.png").mkdir()
    dataset = folder(None, path=str(tree), **EXACT)
    assert len(dataset.train.images) + len(dataset.test.images) == 37


@pytest.mark.parametrize("name", ["line\nbreak.png", "ünï ☃.png", "-rf.png", "\udcff.png"])
def test_a_fault_in_an_oddly_named_file_is_still_one_printable_line(name: str, tree: Path) -> None:
    with open(tree / "ant" / name, "wb") as file:
        file.write(b"no picture")
    with pytest.raises(UserError, match=r"\.png'?: not a whole PNG or JPEG") as caught:
        folder(None, path=str(tree), **EXACT)
    assert str(caught.value).isprintable()
    str(caught.value).encode()


FOLDER_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"channels": 2}, "option channels is 2; it must be 1"),
    ({"channels": 4}, "option channels is 4"),
    ({"height": 0}, "option height is 0; it must be a whole number from 1 to 4,096"),
    ({"width": "64"}, "option width is '64'"),
    ({"fit": "pad"}, "value of option fit 'pad': known are crop, exact, stretch"),
    ({"labels": "yes"}, "value of option labels 'yes'"),
    ({"test_fraction": 0}, "option test_fraction is 0; it must be above 0 and below 1"),
    ({"test_fraction": 1.0}, "option test_fraction is 1.0"),
    ({"test_fraction": "0.1"}, "option test_fraction is '0.1'"),
    ({"test_fraction": float("nan")}, "option test_fraction is nan"),
    ({"test_fraction": 0.01}, "test_fraction 0.01 of 30 images leaves 30 to train and 0 to test, need 2"),
    ({"test_fraction": 0.97}, "leaves 1 to train and 29 to test"),
    ({"path": ""}, "option path is empty; set it to the folder"),
    ({"path": 3}, "option path is 3; it must be text"),
    ({"path": "nowhere"}, "nowhere: no such folder; correct option path"),
    ({"test": "nowhere"}, "nowhere: no such folder; correct option test"),
]


@pytest.mark.parametrize(("options", "message"), FOLDER_OPTIONS)
def test_options_of_a_folder_are_refused_before_a_picture_is_read(
    options: dict[str, Any], message: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "read_pictures", lambda *_: pytest.fail("read"))
    with pytest.raises(UserError, match=message):
        folder(tree.parent, **({"path": "mine", **EXACT} | options))


def test_an_empty_folder_and_formats_that_are_not_read(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty" / "a").mkdir(parents=True)
    with pytest.raises(UserError, match=r"empty: found 0 images \(.png, .jpg, .jpeg, .jpe, .jfif\), need 2"):
        folder(tmp_path, path="empty")
    (tree / "ant" / "x.webp").write_bytes(b"")
    with pytest.raises(UserError, match=r"x\.webp: \.webp is not read; convert it"):
        folder(None, path=str(tree), **EXACT)
    monkeypatch.setattr(os, "walk", lambda *_, **__: [(str(tree), [], ["b.bmp", "a.gif"])])
    with pytest.raises(UserError, match=r"a\.gif: \.gif is not read, 2 such files"):
        folder(None, path=str(tree), **EXACT)


def test_a_class_whose_only_image_would_be_held_out(tree: Path) -> None:
    save(tree / "cat" / "only.png", noise(8, 8, 3))
    with pytest.raises(UserError, match="class number 2 would have no train image left"):
        folder(None, path=str(tree), test_fraction=0.9, **EXACT)


def test_a_folder_prepared_twice_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    chosen = DatasetSettings(source="wae.data.own:folder", shape=[3, 8, 8], options={"path": str(tree), **EXACT})
    for out in ("a", "b"):
        prepare(chosen, None, tmp_path / out)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    labels = load(tmp_path / "a", "test").labels
    assert labels is not None
    assert labels.tolist() == [0, 0, 1]


def test_folders_called_train_and_test_are_no_classes(tree: Path) -> None:
    (tree / "ant").rename(tree / "Train")
    (tree / "bee").rename(tree / "val")
    for reader in (lambda path: read_images(path, (3, 8, 8)), lambda path: folder(None, path=str(path), **EXACT)):
        with pytest.raises(UserError, match="holds Train and val, parts of a dataset; name one of them, not both"):
            reader(tree)
    apart = folder(None, path=str(tree / "Train"), test=str(tree / "val"), **EXACT)
    assert (len(apart.train.images), len(apart.test.images)) == (20, 10)
    assert folder(None, path=str(tree), labels="folders", **EXACT).class_names == ("Train", "val")
    assert folder(None, path=str(tree), labels="none", **EXACT).class_names == ()


def test_class_names_are_kept(tree: Path, tmp_path: Path) -> None:
    settings = DatasetSettings(source="wae.data.own:folder", options={"path": str(tree), **EXACT}, shape=[3, 8, 8])
    prepare(settings, None, tmp_path / "out")
    assert read_json(tmp_path / "out/meta.json")["class_names"] == ["ant", "bee"]


def test_a_file_that_is_gone_is_not_called_damaged(tree: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.png: No such file or directory; check the file"):
        read_pictures(tree, [Path("gone.png")], (3, 8, 8), "exact")
