"""What every contestant of the training benchmark gets: the images, the networks, the settings."""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wae.core.settings import RunSettings
from wae.data.source import Dataset, Split
from wae.planning.plan import load_plan

SIDE = 32
BATCH = 100
METHODS = ("vae", "wae_mmd", "wae_gan")
# dcgan: this suite's own networks for MNIST. mlp: those that pythae takes by default.
NETWORKS = {
    "dcgan": {"architecture": "dcgan", "width": 16, "depth": 3, "decoder_depth": 2},
    "mlp": {"architecture": "mlp", "width": 512, "depth": 1, "decoder_depth": 1},
}


def images(count: int) -> tuple[Tensor, str]:
    """``count`` training images, uint8 (count, 1, 32, 32), and where they are from: MNIST, or glyphs without it."""
    root = os.environ.get("WAE_DATA_ROOT")
    if root and (Path(root) / "MNIST/raw").is_dir():
        from wae.data.torchvision import mnist

        found, origin = mnist(Path(root)).train.images, "MNIST"
    else:
        from wae.data.embedded import glyphs

        found, origin = glyphs(None).train.images, "glyphs"
    margin = (SIDE - found.shape[-1]) // 2
    if count > len(found):
        found = np.concatenate([found] * -(-count // len(found)))
    padded = np.pad(found[:count], [(0, 0), (0, 0), (margin, margin), (margin, margin)])
    return torch.from_numpy(padded), f"{origin} padded to {SIDE}x{SIDE}"


def run_settings(method: str, network: str = "dcgan", side: int = SIDE, **changes: object) -> RunSettings:
    """The settings of one epoch of ``method`` on images of that side, on top of the suite's defaults."""
    raw = {
        "experiment": "benchmark",
        "run": {"datasets": ["glyphs"], "methods": [method], "seeds": [0]},
        "datasets": {"glyphs": {"shape": [1, side, side]}},
        "training": {
            "common": {"batch_size": BATCH},
            "cells": {f"glyphs/{method}": {**NETWORKS[network], "epochs": 1, "snapshots": 0, **changes}},
        },
    }
    return load_plan(raw).cells["glyphs", method, 0]


def padded(root: Path | None) -> Dataset:
    """The images as a source of this suite's `prepare`: as many as the environment's BENCHMARK_IMAGES says."""
    found, origin = images(int(os.environ.get("BENCHMARK_IMAGES", "1000")))
    half = len(found) // 2
    splits = [Split(part.numpy(), None) for part in (found, found[:half])]
    return Dataset(*splits, origin=origin, licence="see the dataset")
