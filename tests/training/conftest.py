"""The images of noise that the tests of training share."""

from pathlib import Path

import pytest

from wae.core.settings import DatasetSettings
from wae.data.source import prepare


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The noise images, prepared."""
    prepare(DatasetSettings(source="tests.shared.training:noise", shape=[1, 8, 8]), None, tmp_path / "data")
    return tmp_path / "data"
