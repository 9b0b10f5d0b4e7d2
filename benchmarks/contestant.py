"""One contestant in a process of its own: an epoch of what each line names, what it spent for each line written.

Processes keep apart what a contestant does to its process (threads, allocator, deterministic kernels); all of
them live at the same time, so that rounds can be interleaved.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.measure import Spent, Stopwatch
from benchmarks.problem import images, run_settings
from wae.compute import devices
from wae.core.layout import RunFolder
from wae.core.settings import ExecutionSettings, RunSettings
from wae.models import blockwise

NAMES = ("ours", "bare", "pythae", "lightning", "lightning_tensors")


def ours(run: RunSettings, data: Tensor) -> Callable[[], Spent]:
    """The suite's Trainer.run: its loop with progress bar, history and checkpoints, as `train` calls it."""
    from wae.training.trainer import Trainer

    devices.setup(ExecutionSettings(device="cpu"))
    trainer = Trainer(run, data, torch.device("cpu"))

    def epoch() -> Spent:
        trainer.settings = run.training.model_copy(update={"epochs": trainer.progress.epoch + 1})
        with tempfile.TemporaryDirectory() as folder:
            out, watch = RunFolder(Path(folder)), Stopwatch()
            trainer.run(out, "", 60.0, [])
            return watch.stop()

    return epoch


def bare(run: RunSettings, data: Tensor) -> Callable[[], Spent]:
    """The bare loop, in a process set up as the suite's."""
    from benchmarks.bare import BareLoop

    devices.setup(ExecutionSettings(device="cpu"))
    loop = BareLoop(run, data)

    def epoch() -> Spent:
        watch = Stopwatch()
        loop.epoch()
        return watch.stop()

    return epoch


def pythae(run: RunSettings, data: Tensor) -> Callable[[], Spent]:
    """pythae's trainer."""
    from benchmarks.peer_pythae import Pythae

    return Pythae(run, data).epoch


def lightning(run: RunSettings, data: Tensor) -> Callable[[], Spent]:
    """Lightning over torchvision's transforms."""
    from benchmarks.peer_lightning import Lightning

    return Lightning(run, data, pictures=True).epoch


def lightning_tensors(run: RunSettings, data: Tensor) -> Callable[[], Spent]:
    """Lightning over float tensors."""
    from benchmarks.peer_lightning import Lightning

    return Lightning(run, data, pictures=False).epoch


def use_torchs_layers() -> None:
    """Have this process compute the decoder's last layer as torch does."""
    blockwise.LANES = 0  # no block fits


def main() -> None:
    """Serve rounds until the input ends: each line names method, network and the number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--changes", type=json.loads, default={}, help="settings of training, a JSON object")
    parser.add_argument("--torchs-layers", action="store_true", help="no layer of the suite's own")
    a = parser.parse_args()
    torch.set_num_threads(1)
    if a.torchs_layers:
        use_torchs_layers()
    answers, sys.stdout = sys.stdout, sys.stderr
    epochs: dict[str, Callable[[], Spent]] = {}
    for line in sys.stdin:
        if line not in epochs:
            method, network, count = line.split()
            run = run_settings(method, network, **{"channels_last": True, **a.changes})
            epochs[line] = globals()[a.name](run, images(int(count))[0])
        print(json.dumps(epochs[line]()), file=answers, flush=True)


if __name__ == "__main__":
    main()
