"""Peak memory of a training job against that of the bare loop as a script."""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.processes import usage
from wae.core.plugins import ROOT
from wae.core.settings import DatasetSettings, ExecutionSettings, RunSettings

SCRIPT = "benchmarks.memory"


def bare_script(settings: Path, data: Path) -> None:
    """Load the images as they lie on disk, train an epoch, save the weights: what a careful script would do."""
    import numpy as np
    import torch
    from safetensors.torch import save_file

    from benchmarks.bare import BareLoop

    torch.set_num_threads(1)
    run = RunSettings.model_validate_json(settings.read_text())
    loop = BareLoop(run, torch.from_numpy(np.load(data / "train_images.npy", mmap_mode="c")), held="uint8")
    loop.epoch()
    weights = {name: tensor.contiguous() for name, tensor in loop.method.state_dict().items()}
    save_file(weights, settings.with_name("weights.safetensors"))


def our_script(settings: Path, data: Path) -> None:
    """The training stage of this suite, as a job runs it."""
    from wae.training.loop import train

    run = RunSettings.model_validate_json(settings.read_text())
    train(run, data, settings.parent / run.method, ExecutionSettings(device="cpu"), "benchmark")


def measure(quick: bool) -> dict[str, Any]:
    """Peak bytes of both, by method: a `train` job of one epoch on the padded images, all 60,000 of them."""
    from benchmarks.problem import METHODS, run_settings
    from wae.data.source import prepare

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["BENCHMARK_IMAGES"] = "600" if quick else "3000"
        prepare(DatasetSettings(source="benchmarks.problem:padded", shape=[1, 32, 32]), None, folder / "data")
        for method in METHODS[:1] if quick else METHODS:
            run = run_settings(method)
            (folder / "run.json").write_text(run.model_dump_json())
            script = ["-m", SCRIPT, str(folder / "run.json"), str(folder / "data")]
            found[method] = {
                label: usage([sys.executable, *command], ROOT, environment).peak_bytes
                for label, command in (("ours", [*script, "--ours"]), ("bare", script))
            }
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--ours", action="store_true")
    arguments = parser.parse_args()
    (our_script if arguments.ours else bare_script)(arguments.settings, arguments.data)
