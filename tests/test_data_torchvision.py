"""The torchvision datasets: real MNIST where it is on disk, generated files in the published layouts elsewhere."""

import functools
import gzip
import hashlib
import http.server
import io
import random
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import data_fixtures as make
from wae.data import downloads, places
from wae.data.source import Dataset, load, prepare
from wae.data.torchvision import authors_shuffle, celeba, cifar10, fashion_mnist, mnist
from wae.errors import UserError
from wae.settings import DatasetSettings

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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pad": -1}, "option pad is -1; it must be a whole number from 0 to 100"),
        ({"pad": 101}, "option pad is 101"),
        ({"pad": "2"}, "option pad is '2'"),
        ({"split": "papers"}, "value of option split 'papers': known are official, paper; did you mean 'paper'"),
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
    assert list((tmp_path / "MNIST/raw").iterdir()) == []


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
    assert list((tmp_path / "MNIST/raw").iterdir()) == []


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


def expected_celeba(path: Path) -> np.ndarray:
    """The authors' lines: crop (19, 39, 159, 179), resize to 64 x 64 by Lanczos; here as (3, 64, 64)."""
    with Image.open(path) as picture:
        cut = picture.crop((19, 39, 159, 179)).resize((64, 64), Image.Resampling.LANCZOS)
    return np.moveaxis(np.array(cut), 2, 0)


def names_of(dataset: Dataset, root: Path, names: list[str]) -> tuple[list[str], list[str]]:
    """Which files the images of train and test come from."""
    of = {expected_celeba(root / "celeba/img_align_celeba" / name).tobytes(): name for name in names}
    return tuple([of[image.tobytes()] for image in split.images] for split in (dataset.train, dataset.test))  # type: ignore[return-value]


def test_celeba_is_cropped_and_split_as_its_lists_say(tmp_path: Path) -> None:
    names = make.make_celeba(tmp_path)
    dataset = celeba(tmp_path, checked=False)
    assert dataset.train.images.shape == (6, 3, 64, 64)
    assert dataset.train.labels is None
    assert names_of(dataset, tmp_path, names) == (names[:6], names[9:])
    valid = celeba(tmp_path, checked=False, held_out="valid")
    assert names_of(valid, tmp_path, names) == (names[:6], names[6:9])


def test_celebas_crop_is_the_middle_of_the_picture(tmp_path: Path) -> None:
    from torchvision.transforms.functional import center_crop

    make.make_celeba(tmp_path)
    with Image.open(tmp_path / "celeba/img_align_celeba/000001.jpg") as picture:
        cut = center_crop(picture, [140, 140]).resize((64, 64), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(celeba(tmp_path, checked=False).train.images[0], np.moveaxis(np.array(cut), 2, 0))


def test_celeba_from_its_zip_is_the_same_and_nothing_is_unpacked(tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    unpacked = celeba(tmp_path, checked=False)
    images = tmp_path / "celeba/img_align_celeba"
    with zipfile.ZipFile(tmp_path / "celeba/img_align_celeba.zip", "w") as archive:
        archive.writestr("../escaped.jpg", b"hostile")
        for file in sorted(images.iterdir()):
            archive.write(file, f"img_align_celeba/{file.name}")
    images.rename(tmp_path / "elsewhere")
    before = sorted(tmp_path.rglob("*"))
    zipped = celeba(tmp_path, checked=False)
    np.testing.assert_array_equal(zipped.train.images, unpacked.train.images)
    np.testing.assert_array_equal(zipped.test.images, unpacked.test.images)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_attribute_labels_the_images(tmp_path: Path) -> None:
    make.make_celeba(tmp_path, (6, 4, 4))
    dataset = celeba(tmp_path, checked=False, attribute="Smiling")
    assert dataset.train.labels is not None
    assert dataset.test.labels is not None
    assert dataset.train.labels.tolist() == [int(i % 3 > 0) for i in range(6)]
    assert dataset.test.labels.tolist() == [int(i % 3 > 0) for i in range(10, 14)]
    other = celeba(tmp_path, checked=False, attribute="Eyeglasses").train.labels
    assert other is not None
    assert other.tolist() == [1, 0, 1, 0, 1, 0]
    with pytest.raises(UserError, match="attribute of CelebA 'Smilng': known are Eyeglasses, Smiling; did you mean"):
        celeba(tmp_path, checked=False, attribute="Smilng")


def test_celebas_random_split_holds_out_the_authors_share(tmp_path: Path) -> None:
    names = make.make_celeba(tmp_path, (14, 5, 11))
    dataset = celeba(tmp_path, checked=False, split="paper")
    train, test = names_of(dataset, tmp_path, names)
    assert len(test) == 3  # 30 * 20,000 / 202,599 is 2.96
    assert sorted([*train, *test]) == names
    assert test == sorted(np.array(names)[authors_shuffle(30)[-3:]])


def test_the_authors_shuffle_is_that_of_python_2() -> None:
    """``for i in reversed(xrange(1, len(x))): j = int(random() * (i + 1))``, then the two are swapped."""
    generator = random.Random(123)
    draws = [generator.random() for _ in range(4)]
    assert [round(draw, 4) for draw in draws] == [0.0524, 0.0872, 0.4072, 0.1077]
    # Places 4, 3, 2, 1 change with int(draw * 5), int(draw * 4), ... = 0, 0, 1, 0:
    # 41230, 31240, 32140, 23140.
    assert authors_shuffle(5).tolist() == [2, 3, 1, 4, 0]
    order = authors_shuffle(202_599)
    assert sorted(order.tolist()) == list(range(202_599))
    assert round(len(order) * 20_000 / 202_599) == 20_000


Change = Callable[[Path], object]


def _edit(file: str, old: str, new: str) -> Change:
    def change(base: Path) -> None:
        text = (base / file).read_text()
        assert old in text
        (base / file).write_text(text.replace(old, new, 1))

    return change


def _truncate(base: Path) -> None:
    file = base / "img_align_celeba/000002.jpg"
    file.write_bytes(file.read_bytes()[:-700])


CELEBA_FAULTS: dict[str, tuple[Change, str]] = {
    "no list": (lambda base: (base / "list_eval_partition.txt").unlink(), "celeba: lacks list_eval_partition.txt;"),
    "no attributes": (lambda base: (base / "list_attr_celeba.txt").unlink(), "celeba: lacks list_attr_celeba.txt;"),
    "no images": (
        lambda base: (base / "img_align_celeba").rename(base / "images"),
        r"celeba: lacks img_align_celeba/ \(or img_align_celeba.zip\);",
    ),
    "missing image": (lambda base: (base / "img_align_celeba/000002.jpg").unlink(), "000002.jpg: not a whole PNG or"),
    "truncated image": (_truncate, "000002.jpg: not a whole PNG or JPEG image .*truncated"),
    "other size": (
        lambda base: (base / "img_align_celeba/000002.jpg").write_bytes(make.jpeg(218, 180)),
        "000002.jpg: 180 x 218 pixels, aligned images have 178 x 218",
    ),
    "part 3": (_edit("list_eval_partition.txt", "000004.jpg 0", "000004.jpg 3"), r"'000004.jpg' has 3, must be one of"),
    "no part": (_edit("list_eval_partition.txt", "000004.jpg 0", "000004.jpg"), "'000004.jpg' has nothing"),
    "escape": (_edit("list_eval_partition.txt", "000004.jpg", "../../x.jpg"), "'../../x.jpg' is not a file name"),
    "empty list": (lambda base: (base / "list_eval_partition.txt").write_text(""), "partition.txt: is empty"),
    "binary list": (
        lambda base: (base / "list_eval_partition.txt").write_bytes(b"\xff\xfe"),
        "partition.txt: not text",
    ),
    "other order": (_edit("list_attr_celeba.txt", "000004.jpg", "000099.jpg"), "does not list the images of"),
    "other value": (_edit("list_attr_celeba.txt", "000001.jpg -1", "000001.jpg 5"), "'000001.jpg' has 5, must be one"),
}


@pytest.mark.parametrize("name", CELEBA_FAULTS)
def test_celebas_faults(name: str, tmp_path: Path) -> None:
    change, message = CELEBA_FAULTS[name]
    make.make_celeba(tmp_path)
    change(tmp_path / "celeba")
    with pytest.raises(UserError, match=message) as caught:
        celeba(tmp_path, checked=False, attribute="Smiling")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn"])
def test_a_torn_celeba_zip(content: bytes, tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    (tmp_path / "celeba/img_align_celeba").rename(tmp_path / "celeba/images")
    (tmp_path / "celeba/img_align_celeba.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"img_align_celeba\.zip: not a whole zip"):
        celeba(tmp_path, checked=False)


def test_celeba_zip_without_an_image_and_with_a_broken_one(tmp_path: Path) -> None:
    names = make.make_celeba(tmp_path)
    images = tmp_path / "celeba/img_align_celeba"
    images.rename(tmp_path / "celeba/images")
    path = tmp_path / "celeba/img_align_celeba.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names[:-1]:
            archive.write(tmp_path / "celeba/images" / name, f"img_align_celeba/{name}")
    with pytest.raises(UserError, match=r"zip:img_align_celeba/000013\.jpg: cannot be read"):
        celeba(tmp_path, checked=False)
    data = bytearray(path.read_bytes())
    data[300] ^= 255
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"000001\.jpg: cannot be read \(Bad CRC-32"):
        celeba(tmp_path, checked=False)


def test_generated_lists_are_not_taken_for_the_published_ones(tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    with pytest.raises(UserError, match=r"list_eval_partition\.txt: MD5 is .* must be d32c9cbf5e040fd4025c59"):
        celeba(tmp_path)


def test_checked_asks_for_the_published_count_and_archive(tmp_path: Path, monkeypatch: MONKEY) -> None:
    from torchvision.datasets import CelebA

    make.make_celeba(tmp_path)
    base = tmp_path / "celeba"
    digest = hashlib.md5((base / "list_eval_partition.txt").read_bytes()).hexdigest()
    rest = [entry for entry in CelebA.file_list if entry[2] != "list_eval_partition.txt"]
    monkeypatch.setattr(CelebA, "file_list", [("", digest, "list_eval_partition.txt"), *rest])
    with pytest.raises(UserError, match=r"lists 13 images, must be 202,599"):
        celeba(tmp_path)
    (base / "img_align_celeba").rename(base / "images")
    (base / "img_align_celeba.zip").write_bytes(b"other")
    with pytest.raises(UserError, match=r"img_align_celeba\.zip: MD5 is"):
        celeba(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "random"}, "value of option split"),
        ({"held_out": "train"}, "value of option held_out"),
        ({"checked": "no"}, "option checked is 'no'; it must be true or false"),
        ({"attribute": 3}, "option attribute is 3"),
    ],
)
def test_options_of_celeba(options: dict[str, object], message: str, tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    with pytest.raises(UserError, match=message):
        celeba(tmp_path, **options)  # type: ignore[arg-type]


def test_celeba_prepared_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    options = {"checked": False, "split": "paper"}
    chosen = DatasetSettings(source="wae.data.torchvision:celeba", shape=[3, 64, 64], options=options)
    make.make_celeba(tmp_path / "big", (20, 5, 10))
    for out in ("a", "b"):
        prepare(chosen, tmp_path / "big", tmp_path / out)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert load(tmp_path / "a", "test").images.shape == (3, 3, 64, 64)


def test_the_recorded_sums_are_of_files_of_the_right_size() -> None:
    for files in places.IDX_FILES.values():
        assert [size for size, _ in files.values()] == [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]
        assert len({digest for _, digest in files.values()}) == 4
