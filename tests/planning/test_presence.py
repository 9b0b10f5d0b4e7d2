"""What the plan says of files that are not there, before any job starts."""

import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shared import data as make
from wae.data.own import folder
from wae.planning.presence import FOLDER_SHAPE, missing, other_shape

SOURCE = "wae.data.torchvision:"
OWN = "wae.data.own:"


def test_presence_imports_neither_torch_nor_numpy() -> None:
    heavy = "{'torch', 'torchvision', 'numpy', 'PIL'}"
    code = f"import sys, wae.planning.presence; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("source", ["wae.data.embedded:digits", "wae.data.embedded:glyphs", "mine:images", "", "x"])
def test_other_sources_lack_nothing(source: str, tmp_path: Path) -> None:
    assert missing(source, {}, tmp_path) is None
    assert missing(source, {"path": 3}, None) is None


@pytest.mark.parametrize(("source", "name"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_idx_files_are_fetched_unless_one_is_torn(
    source: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert missing(SOURCE + source, {}, tmp_path) is None
    make.make_idx(tmp_path / name / "raw", monkeypatch, name=name)
    assert missing(SOURCE + source, {}, tmp_path) is None
    file = tmp_path / name / "raw/train-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    assert missing(SOURCE + source, {}, tmp_path) == (
        f"{file}: has 35 bytes, must have 36; delete it and fetch it again"
    )
    file.unlink()
    assert missing(SOURCE + source, {}, tmp_path) is None


def test_real_idx_files_are_there(data_root: Path) -> None:
    assert missing(SOURCE + "mnist", {}, data_root) is None
    assert missing(SOURCE + "fashion_mnist", {}, data_root) is None


def test_cifar10_is_fetched_unless_it_is_there_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing(SOURCE + "cifar10", {}, tmp_path) is None
    make.make_cifar(tmp_path, monkeypatch)
    assert missing(SOURCE + "cifar10", {}, tmp_path) is None
    (tmp_path / "cifar-10-batches-py/test_batch").unlink()
    (tmp_path / "cifar-10-batches-py/data_batch_1").unlink()
    line = missing(SOURCE + "cifar10", {}, tmp_path)
    assert line is not None
    assert "lacks data_batch_1, test_batch;" in line


def test_celeba_must_be_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = missing(SOURCE + "celeba", {}, tmp_path)
    assert line is not None
    assert line.startswith(f"{tmp_path}/celeba: lacks list_eval_partition.txt, img_align_celeba/ (or img_align_")
    assert "data_root" in line
    assert "\n" not in line
    make.make_celeba(tmp_path)
    assert missing(SOURCE + "celeba", {"attribute": "Smiling"}, tmp_path) is None
    (tmp_path / "celeba/list_attr_celeba.txt").unlink()
    assert missing(SOURCE + "celeba", {}, tmp_path) is None
    line = missing(SOURCE + "celeba", {"attribute": "Smiling"}, tmp_path)
    assert line is not None
    assert "lacks list_attr_celeba.txt;" in line
    (tmp_path / "celeba/img_align_celeba").rename(tmp_path / "celeba/images")
    (tmp_path / "celeba/img_align_celeba").mkdir()  # where a disk is not mounted
    assert missing(SOURCE + "celeba", {}, tmp_path) is not None
    (tmp_path / "celeba/img_align_celeba.zip").touch()
    assert missing(SOURCE + "celeba", {}, tmp_path) is None
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "celeba").rename(tmp_path / "data/celeba")
    assert missing(SOURCE + "celeba", {}, None) is None


def test_own_files(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    np.save(tmp_path / "x.npy", np.zeros(3))
    (tmp_path / "mine/.hidden").touch()
    empty = f"{tmp_path}/mine: an empty folder; correct option path, or mount the disk that it is on"
    assert missing(OWN + "folder", {"path": "mine"}, tmp_path) == empty.replace(f"{tmp_path}/", "")
    (tmp_path / "mine/a.png").touch()
    assert missing(OWN + "folder", {"path": "mine"}, tmp_path) is None
    assert missing(OWN + "array", {"path": "x.npy", "labels": ""}, tmp_path) is None
    assert missing(OWN + "folder", {"path": str(tmp_path / "mine")}, Path("/nowhere")) is None
    assert missing(OWN + "folder", {"path": "x.npy"}, tmp_path) == (
        f"{tmp_path}/x.npy: no such folder; correct option path"
    )
    assert missing(OWN + "array", {"path": "mine"}, tmp_path) == f"{tmp_path}/mine: no such file; correct option path"
    assert missing(OWN + "folder", {"path": "mine", "test": "theirs"}, tmp_path) == (
        f"{tmp_path}/theirs: no such folder; correct option test"
    )
    for key in ("labels", "test", "test_labels"):
        assert missing(OWN + "array", {"path": "x.npy", key: "y.npy"}, tmp_path) == (
            f"{tmp_path}/y.npy: no such file; correct option {key}"
        )


VALUES: list[Any] = [None, 3, 1.5, True, [], ["a"], {}, "", " ", "\0", "~nobody-has-this-name", "a" * 5000, "\udcff\n"]


@pytest.mark.parametrize("source", ["folder", "array"])
@pytest.mark.parametrize("value", VALUES)
def test_any_value_of_a_path_gives_one_printable_line(source: str, value: object, tmp_path: Path) -> None:
    line = missing(OWN + source, {"path": value}, tmp_path)
    assert line is not None
    assert line.isprintable()


def test_a_name_that_is_not_there_is_printable(tmp_path: Path) -> None:
    line = missing(OWN + "folder", {"path": "a\nb"}, tmp_path)
    assert line is not None
    assert "a\\nb': no such folder" in line


def test_a_folder_of_pictures_of_another_shape_than_the_configs() -> None:
    defaults = {name: signature(folder).parameters[name].default for name in FOLDER_SHAPE}
    assert defaults == FOLDER_SHAPE
    assert other_shape(OWN + "folder", {"path": "x"}, [3, 64, 64]) is None
    assert other_shape(OWN + "folder", {"channels": 1, "height": 28, "width": 32}, [1, 28, 32]) is None
    assert other_shape(OWN + "folder", {"height": "32"}, [3, 32, 32]) is None  # which the source refuses by its type
    assert other_shape(OWN + "array", {}, [1, 8, 8]) is None
    line = "shape is [3, 32, 32], but its options (or their defaults) say channels 3, height 32, width 64"
    assert other_shape(OWN + "folder", {"height": 32}, [3, 32, 32]) == f"{line}; set them to the same"
