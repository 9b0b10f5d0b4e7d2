"""Fixtures that several test files share."""

import os
from pathlib import Path
from typing import Any

import pytest

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
def data_root() -> Path:
    """A torchvision folder with MNIST, from WAE_DATA_ROOT; the test is skipped without one."""
    root = os.environ.get("WAE_DATA_ROOT")
    if not root or not (Path(root) / "MNIST/raw").is_dir():
        pytest.skip("WAE_DATA_ROOT names no folder with MNIST/raw; set it to test on real data")
    return Path(root)
