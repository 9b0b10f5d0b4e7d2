"""Fixtures that several test files share."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.shared.workflow import copy_project, snakemake
from wae.planning.config import read_config

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests begin first, so that no worker is left with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture
def config(root: Path) -> dict[str, Any]:
    """The default config, as read from its file."""
    return read_config(root / "config/config.yaml")


@pytest.fixture
def smoke(root: Path) -> dict[str, Any]:
    """The smoke config, merged over the default one."""
    return read_config(root / "config/smoke.yaml")


@pytest.fixture(scope="session")
def smoke_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project after `snakemake --cores 2 --configfile config/smoke.yaml -- all`: to be read, not changed.

    All workers share one: the first that asks makes it, the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # a worker's own folder lies in the folder of all
    folder, done = shared / "smoke/project", shared / "smoke.done"
    with FileLock(shared / "smoke.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            result = snakemake(copy_project(folder), "--", "all")
            assert result.returncode == 0, result.stdout[-3000:]
            done.touch()
    return folder


@pytest.fixture(scope="session")
def data_root() -> Path:
    """A torchvision folder with MNIST, from WAE_DATA_ROOT; the test is skipped without one."""
    root = os.environ.get("WAE_DATA_ROOT")
    if not root or not (Path(root) / "MNIST/raw").is_dir():
        pytest.skip("WAE_DATA_ROOT names no folder with MNIST/raw; set it to test on real data")
    return Path(root)
