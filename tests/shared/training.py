"""Short runs on images of noise, for the tests of training."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load_file

from wae.core.settings import ExecutionSettings, RunSettings
from wae.data.source import Dataset, Split
from wae.planning.config import merge
from wae.planning.plan import Plan, load_plan

CPU = ExecutionSettings(device="cpu")


def noise(root: Path | None) -> Dataset:
    """250 noise images to train, 50 to test, 8x8, without labels."""
    rng = np.random.default_rng(0)
    splits = [Split(rng.integers(0, 256, (count, 1, 8, 8), np.uint8), None) for count in (250, 50)]
    return Dataset(*splits, origin="noise", licence="none")


def a_plan(smoke: dict[str, Any], method: str, **changes: Any) -> Plan:
    """The smoke plan with four epochs of five steps for ``method`` on digits, on the CPU, and ``changes``."""
    settings = {"epochs": 4, "batch_size": 50, "critic_width": 16, "snapshots": 0, **changes}
    changed = {"training": {"cells": {f"digits/{method}": settings}}, "execution": {"device": "cpu"}}
    return load_plan(merge(smoke, changed))


def a_run(smoke: dict[str, Any], method: str = "wae_gan", **changes: Any) -> RunSettings:
    """Seed 0 of ``a_plan``."""
    return a_plan(smoke, method, **changes).cells["digits", method, 0]


def contents(folder: Path) -> dict[str, Any]:
    """The bytes of a run's weights, and its history without the seconds."""
    weights = load_file(folder / "weights.safetensors")
    history = pd.read_csv(folder / "history.csv").drop(columns="seconds")
    return {"weights": {k: v.numpy().tobytes() for k, v in weights.items()}, "history": history.to_csv()}
