"""What of MNIST is fetched, from which mirror, and what is kept of it."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.shared import data as make
from tests.shared.data import NOWHERE, mirrors
from wae.core.errors import UserError
from wae.data.torchvision import mnist
from wae.planning import places, presence

MONKEY = pytest.MonkeyPatch


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
