"""One training job for every method: deterministic, resumable to the same bits, stopped by a signal without loss."""

import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

from wae.compute import devices
from wae.core.errors import UserError
from wae.core.files import digest, read_json, remove_leftovers
from wae.core.layout import Cell, RunFolder
from wae.core.locks import alone
from wae.core.settings import ExecutionSettings, RunSettings
from wae.data.source import load
from wae.data.split import train_validation_indices
from wae.planning.jobs import run_settings
from wae.training import checkpoint
from wae.training.run_folder import differing, is_done, write_results
from wae.training.trackers import Trackers
from wae.training.trainer import Trainer


def train(run: RunSettings, data: Path, out: Path, execution: ExecutionSettings, code: str) -> None:
    """Train ``run`` on the prepared images in ``data``; write the run's folder ``out`` (settings, weights, history).

    ``code`` is the digest of the sources; with the settings and the images' sha256 it identifies the run. A non-finite
    loss ends the run as diverged with its step, exit without error. Raises StopSignalError after SIGTERM or SIGINT,
    UserError for data that do not fit.
    """
    out.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(out)
    images = str(read_json(data / "meta.json", "sha256")["sha256"].get("train_images.npy"))
    made_from = {"settings": run_settings(run), "code": code, "data": images}
    identity = digest(made_from, 64)
    with alone(out, "train"):
        if is_done(folder, identity):
            print(f"{out}: this run is finished with the same settings and code; nothing to do", file=sys.stderr)
            return
        if other := differing(folder, made_from):
            print(f"{out}: a finished run of other {' and '.join(other)} is here; it is trained again", file=sys.stderr)
        remove_leftovers(out)
        device = devices.setup(execution)
        trainer = Trainer(run, _training_images(run, data, device), device)
        trainer.trackers = Trackers(execution.trackers, str(Cell(run.dataset, run.method, run.seed)))
        left_out = len(trainer.images) - trainer.images_per_epoch
        if left_out > 0 and run.training.batches != "independent":
            print(
                f"each epoch leaves out {left_out:,} of {len(trainer.images):,} images, a last batch that is not full; "
                "keep_last_batch: true takes them",
                file=sys.stderr,
            )
        state, lines = checkpoint.load(folder.checkpoint, identity)
        if state is not None and state["device"] != device.type:
            # The states of random generators do not fit another kind of device.
            lines.append(
                f"{folder.checkpoint}: of a job on {state['device']}, this one is on {device.type}; begun again"
            )
            state = None
        for line in lines:
            print(line, file=sys.stderr)
        if state is not None:
            trainer.load_state_dict(state)
            print(f"resumed at epoch {trainer.progress.epoch}, step {trainer.progress.step}", file=sys.stderr)
        else:
            shutil.rmtree(folder.snapshots, ignore_errors=True)  # of a run that will not go on
        trainer.note_conditions(execution.threads)
        if len(trainer.progress.conditions) > 1:
            print(
                "the run goes on under other conditions (threads, torch, processor or device) than it began with; "
                "run.json says which, and it may not be made again bit for bit",
                file=sys.stderr,
            )
        with _stop_signals() as stop:
            trainer.run(folder, identity, execution.checkpoint_seconds, stop)
        record = trainer.record() | {"threads": execution.threads, "identity": identity}
        record["made_from"] = made_from
        write_results(folder, run, trainer.method, record, trainer.progress.snapshots)
        checkpoint.remove(folder.checkpoint)


def _training_images(run: RunSettings, data: Path, device: torch.device) -> Tensor:
    images = load(data, "train").images
    fraction = run.training.validation_fraction
    if fraction:
        images = images[train_validation_indices(len(images), fraction)[0]]
    if list(images.shape[1:]) != list(run.shape):
        raise UserError(
            f"{data}: images of shape {list(images.shape[1:])}, the run wants {run.shape}; prepare the dataset again"
        )
    if len(images) < run.training.batch_size:
        raise UserError(
            f"{data}: {len(images)} training images, fewer than one batch of {run.training.batch_size}; "
            "lower batch_size or add images"
        )
    full = run.training.batches == "independent"  # each batch is drawn by itself
    if run.training.keep_last_batch and not full and len(images) % run.training.batch_size == 1:
        raise UserError(
            f"{data}: {len(images)} training images in batches of {run.training.batch_size} leave a last batch of one, "
            "need two or more: change batch_size or set keep_last_batch to false"
        )
    return torch.from_numpy(images).to(device)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that the first SIGTERM or SIGINT is added to; the former handlers come back at the end.

    In another thread than the main one, where Python allows no handlers, signals are left to the caller.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)

    former = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
