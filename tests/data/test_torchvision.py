"""MNIST, Fashion-MNIST and CIFAR-10: real MNIST where it is on disk, generated files in their layouts elsewhere."""

import functools
import gzip
import hashlib
import http.server
import io
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shared import data as make
from wae.core.errors import UserError
from wae.core.settings import DatasetSettings
from wae.data import downloads
from wae.data.source import load, prepare
from wae.data.torchvision import cifar10, fashion_mnist, mnist
from wae.planning import places, presence

MONKEY = pytest.MonkeyPatch
NOWHERE = "http://127.0.0.1:9/"  # the discard port: refused at once


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address that serves it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def mirrors(monkeypatch: MONKEY, *addresses: str) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", list(addresses))


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


def test_only_what_is_not_on_disk_is_fetched(tmp_path: Path, monkeypatch: MONKEY, server: tuple[Path, str]) -> None:
    raw = tmp_path / "MNIST/raw"
    arrays = make.make_idx(raw, monkeypatch)
    folder, address = server
    make.make_archives(folder, arrays, monkeypatch)
    mirrors(monkeypatch, NOWHERE, address)
    kept = "train-images-idx3-ubyte"
    (folder / f"{kept}.gz").unlink()  # asking for it would fail
    for file in set(arrays) - {kept}:
        (raw / file).unlink()
    before = (raw / kept).stat()
    dataset = mnist(tmp_path)
    np.testing.assert_array_equal(dataset.test.images[:, 0], arrays["t10k-images-idx3-ubyte"])
    assert sorted(file.name for file in raw.iterdir()) == sorted(arrays)
    assert (raw / kept).stat().st_mtime_ns == before.st_mtime_ns


def test_without_a_root_the_data_folder_is_filled(
    tmp_path: Path, monkeypatch: MONKEY, server: tuple[Path, str]
) -> None:
    arrays = make.make_idx(tmp_path / "made", monkeypatch)
    make.make_archives(server[0], arrays, monkeypatch)
    mirrors(monkeypatch, server[1])
    monkeypatch.chdir(tmp_path)
    assert len(mnist(None).train.images) == 28
    assert (tmp_path / "data/MNIST/raw/train-images-idx3-ubyte").is_file()


def test_without_a_network_the_missing_file_and_the_mirrors_are_named(tmp_path: Path, monkeypatch: MONKEY) -> None:
    mirrors(monkeypatch, NOWHERE, "http://127.0.0.1:9/second/")
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte: is not there and cannot be fetched") as caught:
        mnist(tmp_path)
    assert str(caught.value).count("127.0.0.1:9") == 2
    assert "data_root" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"<html>moved</html>", gzip.compress(b"other bytes", mtime=0)])
def test_a_download_with_a_bad_checksum_is_not_kept(
    content: bytes, tmp_path: Path, monkeypatch: MONKEY, server: tuple[Path, str]
) -> None:
    arrays = make.make_idx(tmp_path / "made", monkeypatch)
    make.make_archives(server[0], arrays, monkeypatch)
    (server[0] / "train-images-idx3-ubyte.gz").write_bytes(content)
    mirrors(monkeypatch, server[1])
    with pytest.raises(UserError, match="cannot be fetched") as caught:
        mnist(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "MNIST").exists()


def test_a_download_that_unpacks_to_other_bytes_is_not_kept(
    tmp_path: Path, monkeypatch: MONKEY, server: tuple[Path, str]
) -> None:
    """torchvision's MD5 fits and the recorded sha256 does not."""
    arrays = make.make_idx(tmp_path / "made", monkeypatch)
    arrays["train-images-idx3-ubyte"] = arrays["train-images-idx3-ubyte"] ^ 1
    make.make_archives(server[0], arrays, monkeypatch)
    mirrors(monkeypatch, server[1])
    with pytest.raises(UserError, match="unpacks to other bytes"):
        mnist(tmp_path)
    assert not (tmp_path / "MNIST").exists()


def test_a_root_that_cannot_be_written(tmp_path: Path, monkeypatch: MONKEY) -> None:
    (tmp_path / "MNIST").write_text("a file in the way")
    with pytest.raises(UserError, match="MNIST is not all on disk and cannot be put there"):
        mnist(tmp_path)


def test_cifar10_keeps_the_order_of_the_batches(tmp_path: Path, monkeypatch: MONKEY) -> None:
    images = make.make_cifar(tmp_path, monkeypatch)
    dataset = cifar10(tmp_path)
    np.testing.assert_array_equal(
        dataset.train.images, np.concatenate([images[f"data_batch_{i}"] for i in range(1, 6)])
    )
    np.testing.assert_array_equal(dataset.test.images, images["test_batch"])
    assert dataset.test.labels is not None
    assert dataset.test.labels.tolist() == [i % 10 for i in range(12)]
    chosen = DatasetSettings(source="wae.data.torchvision:cifar10", shape=[3, 32, 32])
    prepare(chosen, tmp_path, tmp_path / "out")
    np.testing.assert_array_equal(load(tmp_path / "out", "train").images, dataset.train.images)


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_an_altered_pickle_is_never_opened(name: str, tmp_path: Path, monkeypatch: MONKEY) -> None:
    make.make_cifar(tmp_path, monkeypatch)
    sign = tmp_path / "opened"
    hostile = b"cpathlib\nPath.touch\n(cpathlib\nPath\n(V" + str(sign).encode() + b"\ntRtR."
    (tmp_path / "cifar-10-batches-py" / name).write_bytes(hostile)
    with pytest.raises(UserError, match=f"{name}: MD5 is .* must be .*; delete it"):
        cifar10(tmp_path)
    assert not sign.exists()


def test_a_missing_batch_is_named(tmp_path: Path, monkeypatch: MONKEY) -> None:
    make.make_cifar(tmp_path, monkeypatch)
    (tmp_path / "cifar-10-batches-py/data_batch_4").unlink()
    with pytest.raises(UserError, match=r"cifar-10-batches-py: lacks data_batch_4; add"):
        cifar10(tmp_path)


def pack_cifar(root: Path, monkeypatch: MONKEY, member: str = "") -> bytes:
    """The archive of a generated CIFAR-10 under ``root``, known to the suite, with one more ``member``."""
    from torchvision.datasets import CIFAR10

    make.make_cifar(root, monkeypatch)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
        if member:
            tar.addfile(tarfile.TarInfo(member))
    packed = stream.getvalue()
    monkeypatch.setattr(downloads, "CIFAR_SHA256", make.sha256(packed))
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(packed).hexdigest())
    return packed


def test_cifar10_is_unpacked_from_an_archive_on_disk(tmp_path: Path, monkeypatch: MONKEY) -> None:
    packed = pack_cifar(tmp_path / "made", monkeypatch)
    root = tmp_path / "root"
    root.mkdir()
    (root / "cifar-10-python.tar.gz").write_bytes(packed)
    assert len(cifar10(root).train.images) == 60
    assert sorted(path.name for path in root.iterdir()) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]
    (root / "cifar-10-python.tar.gz").unlink()
    assert len(cifar10(root).train.images) == 60


def test_cifar10_is_fetched(tmp_path: Path, monkeypatch: MONKEY, server: tuple[Path, str]) -> None:
    from torchvision.datasets import CIFAR10

    (server[0] / "cifar-10-python.tar.gz").write_bytes(pack_cifar(tmp_path / "made", monkeypatch))
    monkeypatch.setattr(CIFAR10, "url", f"{server[1]}cifar-10-python.tar.gz")
    (tmp_path / "root").mkdir()
    assert len(cifar10(tmp_path / "root").test.images) == 12
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["cifar-10-batches-py"]


def test_cifar10_without_network(tmp_path: Path, monkeypatch: MONKEY) -> None:
    from torchvision.datasets import CIFAR10

    monkeypatch.setattr(CIFAR10, "url", f"{NOWHERE}cifar-10-python.tar.gz")
    with pytest.raises(UserError, match=r"cifar-10-batches-py: is not there and http://127.* cannot be fetched"):
        cifar10(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_altered_archive_is_not_unpacked(tmp_path: Path, monkeypatch: MONKEY) -> None:
    packed = pack_cifar(tmp_path / "made", monkeypatch)
    root = tmp_path / "root"
    root.mkdir()
    (root / "cifar-10-python.tar.gz").write_bytes(packed + b"\0")
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz: sha256 is"):
        cifar10(root)
    assert [path.name for path in root.iterdir()] == ["cifar-10-python.tar.gz"]


@pytest.mark.parametrize("member", ["../escaped", "/escaped-from-archive"])
def test_an_archive_cannot_leave_its_folder(member: str, tmp_path: Path, monkeypatch: MONKEY) -> None:
    packed = pack_cifar(tmp_path / "made", monkeypatch, member)
    root = tmp_path / "root"
    root.mkdir()
    (root / "cifar-10-python.tar.gz").write_bytes(packed)
    if member.startswith("/"):
        cifar10(root)  # unpacked below the folder: the leading slash is dropped
    else:
        with pytest.raises(UserError, match="cannot be unpacked"):
            cifar10(root)
    assert not list(tmp_path.rglob("escaped"))
    assert not Path("/escaped-from-archive").exists()


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


def test_where_nothing_can_be_fetched_no_empty_folders_stay(tmp_path: Path, monkeypatch: MONKEY) -> None:
    mirrors(monkeypatch, NOWHERE)
    (tmp_path / "root").mkdir()
    with pytest.raises(UserError, match="cannot be fetched"):
        mnist(tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_data_root_that_is_not_there_is_refused_and_what_must_be_fetched_is_known(tmp_path: Path) -> None:
    for source in ("wae.data.torchvision:mnist", "wae.data.torchvision:cifar10", "my_data:load"):
        line = presence.missing(source, {}, tmp_path / "nowhere")
        assert line == f"{tmp_path}/nowhere: no such folder; correct data_root (or WAE_DATA_ROOT), or make the folder"
        assert presence.missing(source, {}, tmp_path) is None
    assert presence.missing("wae.data.embedded:digits", {}, tmp_path / "nowhere") is None
    assert presence.to_fetch("wae.data.torchvision:mnist", tmp_path) == (
        f"{tmp_path}/MNIST/raw: lacks {', '.join(places.IDX_FILES['MNIST'])}"
    )
    assert "has neither" in str(presence.to_fetch("wae.data.torchvision:cifar10", tmp_path))
    raw = tmp_path / "MNIST/raw"
    raw.mkdir(parents=True)
    for name in places.IDX_FILES["MNIST"]:
        (raw / f"{name}.gz").write_bytes(b"")
    assert presence.to_fetch("wae.data.torchvision:mnist", tmp_path) is None


def test_the_first_images_alone(tmp_path: Path, monkeypatch: MONKEY) -> None:
    make.make_idx(tmp_path / "MNIST/raw", monkeypatch)
    whole, some = mnist(tmp_path), mnist(tmp_path, first=9)
    np.testing.assert_array_equal(some.train.images, whole.train.images[:9])
    assert whole.train.labels is not None
    np.testing.assert_array_equal(some.train.labels, whole.train.labels[:9])
    np.testing.assert_array_equal(some.test.images, whole.test.images)
