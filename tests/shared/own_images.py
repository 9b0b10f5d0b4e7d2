"""Small runs on images of one's own, and what can happen to their files."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wae.planning.plan import Plan, load_plan


def small(root: Path, path: str, kind: str = "folder", **changes: Any) -> Plan:
    """One short run on images of one's own under ``root``."""
    options = {"path": path} | ({"height": 8, "width": 8, "fit": "exact"} if kind == "folder" else {})
    return load_plan(
        {
            "experiment": "own",
            "data_root": str(root),
            "run": {"datasets": ["mine"], "methods": ["wae_mmd"], "seeds": [0], "extractors": ["classifier"]},
            "datasets": {"mine": {"source": f"wae.data.own:{kind}", "options": options, "shape": [3, 8, 8]}},
            "training": {"common": {"epochs": 1, "batch_size": 8, "architecture": "mlp", "latent_dim": 2, **changes}},
        }
    )


def replace_picture(root: Path) -> None:
    """Another picture of the same name and size in bytes."""
    file = root / "pictures/a/000.png"
    size = file.stat().st_size
    Image.fromarray(np.full((8, 8, 3), 99, np.uint8)).save(file, compress_level=0)
    assert file.stat().st_size == size


def replace_array(root: Path) -> None:
    with np.load(root / "set.npz") as arrays:
        np.savez(root / "set.npz", images=255 - arrays["images"], labels=arrays["labels"])
