"""CIFAR-10 from generated files in its layout: on disk, in its archive, and fetched."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shared import data as make
from tests.shared.data import NOWHERE
from wae.core.errors import UserError
from wae.core.settings import DatasetSettings
from wae.data import downloads
from wae.data.source import load, prepare
from wae.data.torchvision import cifar10

MONKEY = pytest.MonkeyPatch


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


def test_cifar10_that_another_process_unpacks_meanwhile_is_taken(tmp_path: Path, monkeypatch: MONKEY) -> None:
    packed, root = pack_cifar(tmp_path / "made", monkeypatch), tmp_path / "root"
    root.mkdir()
    (root / "cifar-10-python.tar.gz").write_bytes(packed)
    opened = tarfile.open

    def unpacked_by_both(*args: Any, **options: Any) -> tarfile.TarFile:
        with opened(root / "cifar-10-python.tar.gz") as tar:
            tar.extractall(root, filter="data")
        return opened(*args, **options)

    monkeypatch.setattr(tarfile, "open", unpacked_by_both)
    assert len(cifar10(root).train.images) == 60
    assert sorted(path.name for path in root.iterdir()) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]


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
