"""Fixtures of the tests of evaluation."""

from pathlib import Path

import pytest

from tests.shared.evaluation import build


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Prepared data, extractor and reference."""
    return build(tmp_path_factory.mktemp("world"))
