"""MNIST and Fashion-MNIST: real ones where they are on disk, generated files in their layout elsewhere."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shared import data as make
from tests.shared.data import NOWHERE, mirrors
from wae.core.errors import UserError
from wae.core.settings import DatasetSettings
from wae.data.source import load, prepare
from wae.data.torchvision import fashion_mnist, mnist
from wae.planning import places

MONKEY = pytest.MonkeyPatch


@pytest.mark.parametrize(
    ("name", "train_mean", "test_mean", "first"),
    [
        ("mnist", 33.318421449829934, 33.791224489795916, [5, 0, 4]),
        ("fashion_mnist", 72.94035223214286, 73.14656658163265, [9, 0, 0]),
    ],
)
def test_the_real_data(
    name: str, train_mean: float, test_mean: float, first: list[int], data_root: Path, tmp_path: Path
) -> None:
    chosen = DatasetSettings(source=f"wae.data.torchvision:{name}", shape=[1, 28, 28])
    for out in ("a", "b"):
        prepare(chosen, data_root, tmp_path / out)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    train, test = load(tmp_path / "a", "train"), load(tmp_path / "a", "test")
    assert (train.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert train.images.mean() == pytest.approx(train_mean, abs=1e-9)
    assert test.images.mean() == pytest.approx(test_mean, abs=1e-9)
    assert train.labels is not None
    assert train.labels[:3].tolist() == first


def test_the_real_data_in_the_papers_split(data_root: Path) -> None:
    official, paper = mnist(data_root), mnist(data_root, split="paper")
    pooled = np.concatenate([official.train.images, official.test.images])
    assert (len(paper.train.images), len(paper.test.images)) == (60_000, 10_000)
    assert pooled.sum(dtype=np.int64) == paper.train.images.sum(dtype=np.int64) + paper.test.images.sum(dtype=np.int64)
    # The authors' lines, on the pixels themselves: np.random.seed(123); np.random.shuffle(X); X[-10000:].
    np.random.RandomState(123).shuffle(pooled)
    assert {image.tobytes() for image in pooled[-10_000:]} == {image.tobytes() for image in paper.test.images}


def test_idx_files_become_the_two_parts(tmp_path: Path, monkeypatch: MONKEY) -> None:
    arrays = make.make_idx(tmp_path / "MNIST/raw", monkeypatch)
    dataset = mnist(tmp_path)
    np.testing.assert_array_equal(dataset.train.images[:, 0], arrays["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(dataset.test.images[:, 0], arrays["t10k-images-idx3-ubyte"])
    assert dataset.train.labels is not None
    assert dataset.train.labels.dtype == np.int64
    np.testing.assert_array_equal(dataset.train.labels, arrays["train-labels-idx1-ubyte"])


def test_padding_is_black_and_on_every_side(tmp_path: Path, monkeypatch: MONKEY) -> None:
    arrays = make.make_idx(tmp_path / "FashionMNIST/raw", monkeypatch, name="FashionMNIST")
    images = fashion_mnist(tmp_path, pad=2).train.images
    assert images.shape == (28, 1, 32, 32)
    np.testing.assert_array_equal(images[:, 0, 2:-2, 2:-2], arrays["train-images-idx3-ubyte"])
    assert images.sum() == arrays["train-images-idx3-ubyte"].sum()


def test_the_papers_split_pools_and_keeps_labels_with_their_images(tmp_path: Path, monkeypatch: MONKEY) -> None:
    arrays = make.make_idx(tmp_path / "MNIST/raw", monkeypatch)
    dataset = mnist(tmp_path, split="paper")
    assert (len(dataset.train.images), len(dataset.test.images)) == (30, 5)
    files = ("train-{}-idx{}-ubyte", "t10k-{}-idx{}-ubyte")
    images = np.concatenate([arrays[file.format("images", 3)] for file in files])
    labels = np.concatenate([arrays[file.format("labels", 1)] for file in files])
    of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for split in (dataset.train, dataset.test):
        assert split.labels is not None
        assert [of.pop(image.tobytes()) for image in split.images] == split.labels.tolist()
    assert not of


def test_all_images_pooled_are_trained_on_and_the_test_part_is_among_them(tmp_path: Path, monkeypatch: MONKEY) -> None:
    arrays = make.make_idx(tmp_path / "MNIST/raw", monkeypatch)
    dataset, official = mnist(tmp_path, split="pooled"), mnist(tmp_path)
    pooled = [arrays["train-images-idx3-ubyte"], arrays["t10k-images-idx3-ubyte"]]
    np.testing.assert_array_equal(dataset.train.images[:, 0], np.concatenate(pooled))
    assert dataset.train.labels is not None
    assert dataset.train.labels.tolist() == [
        *arrays["train-labels-idx1-ubyte"].tolist(),
        *arrays["t10k-labels-idx1-ubyte"].tolist(),
    ]
    np.testing.assert_array_equal(dataset.test.images, official.test.images)


def test_the_first_images_alone_keep_their_labels_and_the_test_part(tmp_path: Path, monkeypatch: MONKEY) -> None:
    make.make_idx(tmp_path / "MNIST/raw", monkeypatch)
    dataset, whole = mnist(tmp_path, first=7), mnist(tmp_path)
    np.testing.assert_array_equal(dataset.train.images, whole.train.images[:7])
    np.testing.assert_array_equal(dataset.test.images, whole.test.images)
    assert dataset.train.labels is not None
    assert whole.train.labels is not None
    assert dataset.train.labels.tolist() == whole.train.labels[:7].tolist()
    with pytest.raises(UserError, match="option first is 29; it must be a whole number from 0 to 28"):
        mnist(tmp_path, first=29)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pad": -1}, "option pad is -1; it must be a whole number from 0 to 100"),
        ({"pad": 101}, "option pad is 101"),
        ({"pad": "2"}, "option pad is '2'"),
        (
            {"split": "papers"},
            "split 'papers': known are official, paper, pooled; did you mean 'paper'",
        ),
    ],
)
def test_options_of_mnist(options: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        mnist(tmp_path, **options)  # type: ignore[arg-type]


def test_a_truncated_idx_file_is_named_with_both_sizes(tmp_path: Path, monkeypatch: MONKEY) -> None:
    make.make_idx(tmp_path / "MNIST/raw", monkeypatch)
    file = tmp_path / "MNIST/raw/t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte: has 5,496 bytes, must have 5,504; delete it"):
        mnist(tmp_path)


def test_one_altered_byte_of_an_idx_file_is_found(tmp_path: Path, monkeypatch: MONKEY) -> None:
    make.make_idx(tmp_path / "MNIST/raw", monkeypatch)
    file = tmp_path / "MNIST/raw/train-labels-idx1-ubyte"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte: sha256 is .* must be") as caught:
        mnist(tmp_path)
    assert "\n" not in str(caught.value)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_of_an_idx_file_is_found(tmp_path: Path, data: st.DataObject) -> None:
    root = tmp_path / "root"
    with pytest.MonkeyPatch.context() as monkeypatch:
        if root.exists():
            shutil.rmtree(root)
        make.make_idx(root / "MNIST/raw", monkeypatch)
        file = root / "MNIST/raw" / data.draw(st.sampled_from(sorted(places.IDX_FILES["MNIST"])))
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, min(len(content), 40) - 1))] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2, 0]))])
        with pytest.raises(UserError, match=file.name) as caught:
            mnist(root)
        assert str(caught.value).isprintable()


def test_the_recorded_sums_are_of_files_of_the_right_size() -> None:
    for files in places.IDX_FILES.values():
        assert [size for size, _ in files.values()] == [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]
        assert len({digest for _, digest in files.values()}) == 4


def test_packed_files_are_used_where_they_are(tmp_path: Path, monkeypatch: MONKEY) -> None:
    """Also from a disk that cannot be written: nothing is unpacked, nothing fetched."""
    raw = tmp_path / "MNIST/raw"
    arrays = make.make_idx(raw, monkeypatch)
    plain = mnist(tmp_path)
    for name in arrays:
        (raw / f"{name}.gz").write_bytes(gzip.compress((raw / name).read_bytes()))
        (raw / name).unlink()
    mirrors(monkeypatch, NOWHERE)
    before = sorted(raw.iterdir())
    packed = mnist(tmp_path)
    assert sorted(raw.iterdir()) == before
    for one, other in ((plain.train, packed.train), (plain.test, packed.test)):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
    path = raw / "t10k-labels-idx1-ubyte.gz"
    for damaged in (path.read_bytes()[:-9], b"no archive", gzip.compress(b"other bytes")):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz: .*delete it and fetch it again"):
            mnist(tmp_path)
