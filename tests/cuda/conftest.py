"""One thread, a prepared dataset with its reference, and every job on the device of these tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.cuda.rules import CUDA
from tests.cuda.runs import EVALUATION, on_device
from wae.compute import devices
from wae.core.settings import DatasetSettings, ExtractorSettings
from wae.data.source import prepare
from wae.evaluation import features
from wae.evaluation.reference import build_reference


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a prepared dataset, an extractor and a reference that was computed on the device."""
    folder = tmp_path_factory.mktemp("made")
    prepare(DatasetSettings(source="tests.cuda.runs:tiny", shape=[1, 8, 8]), None, folder / "data")
    settings = ExtractorSettings(width=2, features=4, epochs=1, min_steps=0, batch_size=8)
    features.build_extractor(folder / "data", settings, folder / "extractor")
    with on_device():
        build_reference(folder / "data", folder / "extractor", EVALUATION, [0.0, 0.2], folder / "reference", CUDA)
    return folder


@pytest.fixture(autouse=True)
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "setup", lambda execution: CUDA)
