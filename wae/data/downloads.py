"""Fetching with torchvision's downloader, so that a file is in its place whole and checked, or not at all."""

import http.client
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError

from wae.core.errors import UserError, one_line
from wae.core.files import sha256_file
from wae.planning.places import CIFAR_ARCHIVE, CIFAR_FOLDER, CIFAR_SHA256, IDX_FILES, shown

_TIMEOUT = 60.0  # seconds without an answer


def check_md5(path: Path, expected: str) -> None:
    """UserError unless the file at ``path`` has that MD5, in hex (torchvision's own check)."""
    from torchvision.datasets.utils import calculate_md5

    try:
        found = calculate_md5(str(path), chunk_size=2**20)
    except OSError as error:
        raise UserError(f"{shown(path)}: {error.strerror}; restore it") from error
    if found != expected:
        raise UserError(f"{shown(path)}: MD5 is {found}, must be {expected}; delete it and fetch it again")


def fetch_idx(name: str, raw: Path, files: list[str]) -> None:
    """Fetch ``files`` of torchvision's dataset class ``name`` into the folder ``raw``, from the first mirror that
    gives the right bytes."""
    from torchvision import datasets
    from torchvision.datasets.utils import download_and_extract_archive

    source = getattr(datasets, name)
    sums = dict(source.resources)
    with _beside(raw, name) as folder:
        for file in files:
            failures = []
            for mirror in source.mirrors:
                try:
                    archive = f"{file}.gz"
                    download_and_extract_archive(f"{mirror}{archive}", str(folder), filename=archive, md5=sums[archive])
                    break
                except (RuntimeError, URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                    failures.append(f"{mirror}: {one_line(error)}")
            else:
                raise UserError(
                    f"{shown(raw / file)}: is not there and cannot be fetched ({'; '.join(failures)}); connect, or put "
                    f"it there, or set data_root to a folder that has {name}/raw/"
                )
            size, expected = IDX_FILES[name][file]
            if sha256_file(folder / file) != expected:
                raise UserError(f"{mirror}{file}.gz: unpacks to other bytes than the {size:,} expected; report it")
            (folder / file).replace(raw / file)


def fetch_cifar10(folder: Path) -> None:
    """Unpack ``folder``/cifar-10-python.tar.gz, fetched first if it is not there, into ``folder``."""
    from torchvision import datasets
    from torchvision.datasets.utils import download_url

    archive = folder / CIFAR_ARCHIVE
    with _beside(folder, "CIFAR10") as temporary:
        if not archive.exists():
            archive = temporary / CIFAR_ARCHIVE
            try:
                download_url(datasets.CIFAR10.url, str(temporary), CIFAR_ARCHIVE, datasets.CIFAR10.tgz_md5)
            except (RuntimeError, URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                raise UserError(
                    f"{shown(folder / CIFAR_FOLDER)}: is not there and {datasets.CIFAR10.url} cannot be fetched "
                    f"({one_line(error)}); connect, or set data_root to a folder that has {CIFAR_FOLDER}/"
                ) from error
        if (found := sha256_file(archive)) != CIFAR_SHA256:
            raise UserError(
                f"{shown(archive)}: sha256 is {found}, must be {CIFAR_SHA256}; delete it and fetch it again"
            )
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, filter="data")  # members that leave the folder are refused
        except (tarfile.TarError, EOFError) as error:
            raise UserError(f"{shown(archive)}: cannot be unpacked ({error}); delete it and fetch it again") from error
        try:
            (temporary / CIFAR_FOLDER).replace(folder / CIFAR_FOLDER)
        except OSError:
            if not (folder / CIFAR_FOLDER).is_dir():  # else another process has put it there meanwhile
                raise


@contextmanager
def _beside(folder: Path, name: str) -> Iterator[Path]:
    """A temporary folder in ``folder``, gone afterwards; disk faults become UserErrors, no answer a timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    temporary = None
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".download."))
        yield temporary
    except OSError as error:
        raise UserError(
            f"{shown(error.filename or folder)}: {name} is not all on disk and cannot be put there "
            f"({error.strerror or error}); set data_root to a folder that has it or can be written"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        for path in made:  # where nothing came, no empty folders stay behind
            with suppress(OSError):
                path.rmdir()
