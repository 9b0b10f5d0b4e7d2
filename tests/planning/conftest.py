"""Images of one's own, for the tests of what results are made from."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.shared.data import noise


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two data roots that hold other images at the same paths: pictures/*/*.png and set.npz, dark and bright."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("dark", 30), ("bright", 220)):
        images = (noise(120, 8, 8, 3, seed=value) // 16 + value).astype(np.uint8)
        for number, image in enumerate(images):
            file = tmp_path / name / "pictures" / "ab"[number % 2] / f"{number:03d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file, compress_level=0)
        np.savez(tmp_path / name / "set.npz", images=images.transpose(0, 3, 1, 2), labels=np.arange(120) % 2)
    return [tmp_path / "dark", tmp_path / "bright"]
