"""The prepared form on disk: same bytes, whole or not at all, and one line for each fault."""

import errno
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.shared.data import noise
from wae.core.errors import UserError
from wae.core.files import read_json
from wae.core.settings import DatasetSettings
from wae.data import source
from wae.data.source import Dataset, Split, choice, hold_out, load, prepare, verify, whole
from wae.planning import own_files

LABELS = np.array([0, 1, 2, 0, 1, 2, 0], np.int64)


def good() -> Dataset:
    return Dataset(Split(noise(7, 1, 5, 6), LABELS), Split(noise(3, 1, 5, 6, seed=1), LABELS[:3]), "here", "free")


Run = Callable[..., Path]
NUMBER = 3


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def prepared(dataset: Any, shape: tuple[int, ...] = (1, 5, 6), **options: Any) -> Path:
        def make(root: Path | None, *, count: int = 1) -> Dataset:
            return dataset  # type: ignore[no-any-return]

        monkeypatch.setattr(sys.modules[__name__], "make", make, raising=False)
        out = tmp_path / "results" / "set"
        prepare(DatasetSettings(source=f"{__name__}:make", shape=list(shape), options=options), None, out)
        return out

    return prepared


def test_what_is_loaded_is_what_the_source_gave(run: Run) -> None:
    dataset = good()
    out = run(dataset)
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        found = load(out, part)
        assert found.images.dtype == np.uint8
        np.testing.assert_array_equal(found.images, split.images)
        assert found.labels is not None
        assert split.labels is not None
        assert found.labels.dtype == np.int64
        np.testing.assert_array_equal(found.labels, split.labels)


def test_loaded_images_are_mapped_and_feed_torch_without_a_warning_or_a_write_to_the_file(run: Run) -> None:
    out = run(good())
    before = (out / "train_images.npy").read_bytes()
    images = load(out, "train").images
    assert isinstance(images, np.memmap)
    tensor = torch.from_numpy(images)
    tensor += 1
    assert (out / "train_images.npy").read_bytes() == before


def test_meta_tells_counts_shape_classes_digests_origin_and_licence(run: Run) -> None:
    out = run(good(), count=3)
    meta = read_json(out / "meta.json")
    assert meta.pop("sha256") == {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in ("train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy")
    }
    assert meta == {
        "source": "tests.data.test_source:make",
        "options": {"count": 3},
        "class_names": [],
        "made_from": {"files": own_files.listing("tests.data.test_source:make", {"count": 3}, None)},
        "shape": [1, 5, 6],
        "counts": {"train": 7, "test": 3},
        "classes": 3,
        "origin": "here",
        "licence": "free",
    }


def test_preparing_twice_gives_the_same_bytes_and_leaves_nothing_else(run: Run) -> None:
    out = run(good())
    first = {file.name: file.read_bytes() for file in out.iterdir()}
    assert run(good()) == out
    assert {file.name: file.read_bytes() for file in out.iterdir()} == first
    assert [path.name for path in out.parent.iterdir()] == ["set"]


def test_images_without_labels(run: Run) -> None:
    dataset = good()
    bare = replace(dataset, train=Split(dataset.train.images, None), test=Split(dataset.test.images, None))
    out = run(bare)
    assert np.load(out / "train_labels.npy").shape == (0,)
    assert load(out, "train").labels is None
    assert json.loads((out / "meta.json").read_text())["classes"] is None


def test_transposed_images_are_written_in_c_order_block_by_block(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run(good()) / "train_images.npy"
    expected = plain.read_bytes()
    monkeypatch.setattr(source, "_BLOCK_BYTES", 70)  # two images of 30 bytes at a time
    largest = 0
    contiguous = np.ascontiguousarray

    def watch(block: np.ndarray) -> np.ndarray:
        nonlocal largest
        largest = max(largest, block.nbytes if block.dtype == np.uint8 else 0)
        return contiguous(block)

    monkeypatch.setattr(source.np, "ascontiguousarray", watch)
    dataset = good()
    images = np.asfortranarray(dataset.train.images)
    run(replace(dataset, train=Split(images, LABELS)))
    assert plain.read_bytes() == expected
    assert largest == 60


def with_train(images: Any, labels: Any = None) -> Dataset:
    dataset = good()
    return replace(dataset, train=Split(images, labels), test=Split(dataset.test.images, None))


def with_labels(train: Any, test: Any) -> Dataset:
    dataset = good()
    return replace(dataset, train=Split(dataset.train.images, train), test=Split(dataset.test.images, test))


FAULTS = {
    "float": (with_train(np.zeros((7, 1, 5, 6))), "train images are float64; they must be uint8"),
    "list": (with_train([1, 2]), "train images are list"),
    "flat": (with_train(noise(7, 5, 6)), "train images are 5x6"),
    "transposed": (with_train(noise(7, 1, 6, 5)), "train images are 1x6x5 .* the config says 1x5x6"),
    "one image": (with_train(noise(1, 1, 5, 6)), "train has 1 images, need 2"),
    "no image": (with_train(noise(0, 1, 5, 6)), "train has 0 images, need 2"),
    "half labelled": (with_train(noise(7, 1, 5, 6), LABELS), "one of train and test has labels"),
    "few labels": (with_labels(LABELS[:6], LABELS[:3]), "train has 6 labels for 7 images"),
    "test labels": (with_labels(LABELS, LABELS[:2]), "test has 2 labels for 3 images"),
    "label dtype": (with_labels(LABELS.astype(np.int32), LABELS[:3]), "train labels are int32"),
    "label shape": (with_labels(LABELS[:, None], LABELS[:3]), "1-D"),
    "negative": (with_labels(LABELS - 1, LABELS[:3]), "reach down to -1"),
    "gap": (with_labels(LABELS * 2, LABELS[:3] * 2), "no train image has label 1, the largest label is 4"),
    "not from 0": (with_labels(LABELS + 1, LABELS[:3] + 1), "no train image has label 0"),
    "stray": (with_labels(LABELS, LABELS[:3] + 1), "test label 3 is on no train image"),
    "no dataset": ((1, 2), "returned a tuple"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_one_line_and_writes_nothing(name: str, run: Run, tmp_path: Path) -> None:
    dataset, message = FAULTS[name]
    with pytest.raises(UserError, match=message) as caught:
        run(dataset)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "results").exists()


def test_only_grey_and_rgb(run: Run) -> None:
    with pytest.raises(UserError, match=r"shape says 4 channels; images have 1 \(grey\) or 3 \(RGB\)$"):
        run(good(), shape=(4, 5, 6))
    with pytest.raises(UserError, match=r"shape says 5 channels; .*; write channels first: \[1, 5, 6\]"):
        run(good(), shape=(5, 6, 1))


def test_noughts_and_ones_are_no_grey_levels(run: Run) -> None:
    binary = with_train((noise(7, 1, 5, 6) > 127).astype(np.uint8))
    with pytest.raises(UserError, match="train images: no value is above 1, which is black where white is 255"):
        run(binary)


def test_an_unknown_option_names_the_known_ones(run: Run) -> None:
    with pytest.raises(UserError, match=r"unknown option of .*:make 'cuont': known are count; did you mean"):
        run(good(), cuont=3)


def free(root: Path | None, **options: Any) -> Dataset:
    return options["dataset"]  # type: ignore[no-any-return]


def test_a_source_with_free_keywords_takes_any_option(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="returned a int"):
        prepare(DatasetSettings(source=f"{__name__}:free", shape=[1, 5, 6], options={"dataset": 3}), None, tmp_path)


def test_a_source_must_be_a_function(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no function; name one that returns Dataset"):
        prepare(DatasetSettings(source=f"{__name__}:NUMBER", shape=[1, 5, 6]), None, tmp_path)


def test_a_full_disk_is_one_line_and_leaves_the_old_dataset_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    out = run(good())
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(source.os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device; free some space"):
        run(good())
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert [path.name for path in out.parent.iterdir()] == ["set"]


def test_a_kill_between_two_moves_leaves_nothing_that_loads(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    out = run(good())
    moves = 0
    move = Path.replace

    def killed(self: Path, target: Path) -> Path:
        nonlocal moves
        moves += 1
        if moves == 3:
            raise KeyboardInterrupt
        return move(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run(good())
    with pytest.raises(UserError, match=r"meta\.json: no such file"):
        load(out, "train")


def test_a_file_in_the_way_of_the_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match="stands in the way"):
        run(good())


def test_leftovers_of_a_killed_attempt_are_replaced(run: Run, tmp_path: Path) -> None:
    partial = tmp_path / "results" / ".set.partial"
    partial.mkdir(parents=True)
    (partial / "train_images.npy").write_bytes(b"half")
    out = run(good())
    verify(out)
    assert not partial.exists()


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("train_images.npy", lambda data: data[:-1]),
        ("train_images.npy", lambda data: b""),
        ("train_images.npy", lambda data: b"PK\x03\x04" + data),
        ("train_images.npy", lambda data: data.replace(b"|u1", b"|i1")),
        ("train_images.npy", lambda data: data.replace(b"(7, 1, 5, 6)", b"(7, 1, 6, 5)")),
        ("train_labels.npy", lambda data: data.replace(b"(7,)", b"(6,)")),
        ("meta.json", lambda data: data[:-10]),
        ("meta.json", lambda data: b"[]"),
        ("meta.json", lambda data: b"{}"),
    ],
)
def test_a_torn_or_foreign_file_is_named_when_loading(file: str, change: Callable[[bytes], bytes], run: Run) -> None:
    out = run(good())
    (out / file).write_bytes(change((out / file).read_bytes()))
    with pytest.raises(UserError, match=file) as caught:
        load(out, "train")
    assert "\n" not in str(caught.value)


def test_a_missing_array_and_an_unknown_part(run: Run) -> None:
    out = run(good())
    with pytest.raises(UserError, match="unknown part of a dataset 'valid'"):
        load(out, "valid")
    (out / "test_images.npy").unlink()
    with pytest.raises(UserError, match=r"test_images\.npy: missing or damaged"):
        load(out, "test")
    with pytest.raises(UserError, match=r"test_images\.npy: No such file"):
        verify(out)


def test_verify_finds_a_single_changed_pixel(run: Run) -> None:
    out = run(good())
    verify(out)
    data = bytearray((out / "test_images.npy").read_bytes())
    data[-1] ^= 1
    (out / "test_images.npy").write_bytes(data)
    for read in (verify, lambda folder: load(folder, "test")):
        with pytest.raises(UserError, match=r"test_images\.npy: corrupt: its sha256 is not .*; delete .* prepare it"):
            read(out)
    load(out, "train")


@pytest.mark.parametrize("value", [0, 11, True, 5.0, "5", None])
def test_whole_refuses(value: object) -> None:
    with pytest.raises(UserError, match=r"option size is .* from 1 to 10"):
        whole("size", value, 1, 10)


def test_whole_and_choice_take_their_limits() -> None:
    assert (whole("size", 1, 1, 10), whole("size", 10, 1, 10)) == (1, 10)
    assert choice("fit", "crop", ("crop", "exact")) == "crop"
    for value in ("crup", 3, None, ["crop"]):
        with pytest.raises(UserError, match="unknown value of option fit"):
            choice("fit", value, ("crop", "exact"))


@pytest.mark.parametrize("labels", [None, np.repeat([0, 1, 2], [50, 30, 20])])
def test_hold_out_is_a_partition_in_order_and_repeats(labels: np.ndarray | None) -> None:
    kept, held = hold_out(labels, 100, 17, 5)
    assert len(held) == 17
    assert sorted([*kept, *held]) == list(range(100))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()
    np.testing.assert_array_equal(held, hold_out(labels, 100, 17, 5)[1])
    assert not np.array_equal(held, hold_out(labels, 100, 17, 6)[1])
    assert not np.array_equal(held, np.arange(17))


def test_hold_out_gives_each_class_its_share_and_the_rest_to_the_largest_remainders() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    _, held = hold_out(labels, 100, 17, 5)  # shares 8.5, 5.1, 3.4
    assert np.bincount(labels[held]).tolist() == [9, 5, 3]
