"""Fixtures that several test files share."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Maps merged, everything else replaced: what Snakemake does with a second --configfile."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture
def config(root: Path) -> dict[str, Any]:
    """The default config, as read from its file."""
    loaded: dict[str, Any] = yaml.safe_load((root / "config/config.yaml").read_text())
    return loaded


@pytest.fixture
def smoke(root: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The smoke config, merged over the default one."""
    return merge(config, yaml.safe_load((root / "config/smoke.yaml").read_text()))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """A torchvision folder with MNIST, from WAE_DATA_ROOT; the test is skipped without one."""
    root = os.environ.get("WAE_DATA_ROOT")
    if not root or not (Path(root) / "MNIST/raw").is_dir():
        pytest.skip("WAE_DATA_ROOT names no folder with MNIST/raw; set it to test on real data")
    return Path(root)
