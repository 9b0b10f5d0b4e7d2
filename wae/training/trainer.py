"""A run in training: its method, optimisers and random streams, and where it stands."""

import math
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from wae.compute import devices
from wae.compute.machine import processor
from wae.compute.seeds import Streams
from wae.core.errors import StopSignalError, UserError
from wae.core.layout import Cell, RunFolder
from wae.core.progress import progress_bar
from wae.core.settings import RunSettings
from wae.methods.base import Method, build
from wae.training import checkpoint, pretraining, schedules
from wae.training.run_folder import save_weights, write_history
from wae.training.trackers import Trackers

HISTORY_SECONDS = 1.0  # history.csv is rewritten at most so often, as `status` reads it


@dataclass
class Progress:
    """Where a run stands. ``partial``: scalars of the steps done in the current epoch, one row per step.

    ``seconds``: of fit, pre-training and steps, without checkpoints and snapshots.
    """

    epoch: int = 0
    step: int = 0
    names: list[str] = field(default_factory=list)
    partial: list[Tensor] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    prepared_seconds: float = 0.0  # of these, before the first step
    cpu_seconds: float = 0.0
    diverged_step: int | None = None
    snapshots: dict[str, str] = field(default_factory=dict)  # sha256 by file name
    conditions: list[dict[str, Any]] = field(default_factory=list)  # threads, torch and device, from which step on


class Trainer:
    """A method, its optimisers and random streams, and the position in the data."""

    def __init__(self, run: RunSettings, images: Tensor, device: torch.device) -> None:
        """``images``: the training images, uint8 (N, C, H, W), on ``device``."""
        self.settings = run.training
        self.cell = Cell(run.dataset, run.method, run.seed)
        self.device = device
        self.images = images
        self.streams = Streams(run.seed_for, device)
        self.method: Method = build(run).to(device)
        self.method.prepare_training()
        self.progress = Progress()
        self.trackers: Trackers | None = None
        self.images_per_epoch = len(images)
        if not self.settings.keep_last_batch:
            self.images_per_epoch -= len(images) % self.settings.batch_size
        self.steps_per_epoch = math.ceil(self.images_per_epoch / self.settings.batch_size)
        if self.settings.batches == "independent":  # each of them is full
            self.images_per_epoch = self.steps_per_epoch * self.settings.batch_size
        self._order_state = self.streams["order"].get_state()

    def run(self, folder: RunFolder, identity: str, every_seconds: float, stop: list[int]) -> None:
        """Train to the last epoch, with a checkpoint in ``folder`` every so many seconds and at each stop signal.

        StopSignalError once a signal's number is in ``stop``, which is looked at after each step.
        """
        progress = self.progress
        self.method.train()
        if progress.epoch == 0 and progress.step == 0:
            start, cpu = time.perf_counter(), time.process_time()
            self.method.fit(self.images)
            if self.settings.pretrain_steps:
                losses = pretraining.pretrain(self.method, self.images, self.streams, stop)
                print(f"pre-training: {len(losses)} steps, to a loss of {losses[-1]:.3g}", file=sys.stderr)
            progress.seconds = progress.prepared_seconds = time.perf_counter() - start
            progress.cpu_seconds = time.process_time() - cpu
        saved = written = time.monotonic()
        done = progress.epoch * self.steps_per_epoch + progress.step
        with progress_bar(str(self.cell), "step", self.settings.epochs * self.steps_per_epoch, done) as bar:
            while progress.epoch < self.settings.epochs and progress.diverged_step is None:
                for _ in self._epoch_steps():
                    bar.update()
                    now = time.monotonic()
                    if stop or now - saved >= every_seconds:
                        checkpoint.save(folder.checkpoint, identity, self.state_dict())
                        saved = now
                    if stop:
                        raise StopSignalError(
                            f"stopped by {signal.Signals(stop[0]).name} at epoch {progress.epoch}, step "
                            f"{progress.step}; the checkpoint is saved, the same command goes on from there"
                        )
                self._end_epoch(folder)
                bar.set_postfix(loss=f"{progress.history[-1]['loss']:.4g}")
                if time.monotonic() - written >= HISTORY_SECONDS:
                    write_history(progress.history, folder.history)
                    written = time.monotonic()
        write_history(progress.history, folder.history)

    def _epoch_steps(self) -> Iterator[None]:
        """Take the remaining steps of this epoch, yielding after each."""
        progress, size = self.progress, self.settings.batch_size
        if progress.step == 0:
            self._set_schedule()
            self._order_state = self.streams["order"].get_state()
        order = self._epoch_order().to(self.device)
        precision = devices.precision(self.device, self.settings.mixed_precision)
        while progress.step < self.steps_per_epoch:
            start, cpu = time.perf_counter(), time.process_time()
            indices = order[progress.step * size : (progress.step + 1) * size]
            with precision:
                scalars = self.method.step(self.images.index_select(0, indices), self.streams)
            self._check_names(scalars)
            progress.partial.append(torch.stack([scalars[name].detach().float() for name in progress.names]))
            progress.step += 1
            progress.seconds += time.perf_counter() - start
            progress.cpu_seconds += time.process_time() - cpu
            yield

    def _check_names(self, scalars: Mapping[str, Tensor]) -> None:
        """Note the names of the first step's scalars; UserError if a later one gives others, as columns would mix."""
        progress = self.progress
        if not progress.names:
            progress.names = list(scalars)
        elif scalars.keys() != set(progress.names):
            step = progress.epoch * self.steps_per_epoch + progress.step + 1
            differing = ", ".join(sorted(scalars.keys() ^ set(progress.names)))
            raise UserError(
                f"step {step:,} of {type(self.method).__name__} gives other scalars than the first step ({differing}); "
                "return the same names from after_step at every step"
            )

    def _epoch_order(self) -> Tensor:
        """Indices of the images of an epoch's batches, one after the other, from the stream "order" unless fixed."""
        n, size, order = len(self.images), self.settings.batch_size, self.streams["order"]
        if self.settings.batches == "fixed":
            return torch.arange(n)
        if self.settings.batches == "permutation":
            return torch.randperm(n, generator=order)
        return torch.cat([torch.randperm(n, generator=order)[:size] for _ in range(self.steps_per_epoch)])

    def _set_schedule(self) -> None:
        settings, history = self.settings, self.progress.history
        factor = schedules.learning_rate_factor(settings, self.progress.epoch, [row["loss"] for row in history])
        for optimiser in self.method.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["base_lr"] * factor
        self.method.lambda_ = schedules.lambda_at(
            settings,
            [row["reconstruction"] for row in history],
            [row["penalty"] for row in history],
            self.steps_per_epoch,
        )

    def _end_epoch(self, folder: RunFolder) -> None:
        progress = self.progress
        start = time.perf_counter()
        table = torch.stack(progress.partial).double().cpu()  # (steps, scalars); the one synchronisation per epoch
        progress.seconds += time.perf_counter() - start
        bad = (~table.isfinite()).any(dim=1).nonzero()
        if len(bad):
            progress.diverged_step = progress.epoch * self.steps_per_epoch + int(bad[0])
        elif progress.epoch + 1 == self.settings.epochs and not self._finite():  # no later loss would show it
            progress.diverged_step = (progress.epoch + 1) * self.steps_per_epoch - 1
        means = dict(zip(progress.names, table.mean(dim=0).tolist(), strict=True))
        progress.epoch += 1
        row: dict[str, float] = {"epoch": progress.epoch, "step": progress.epoch * self.steps_per_epoch}
        row["learning_rate"] = self.method.optimisers["autoencoder"].param_groups[0]["lr"]
        row["lambda_"] = self.method.lambda_
        progress.history.append(row | means | {"seconds": progress.seconds})
        progress.step, progress.partial = 0, []
        if self.trackers is not None:
            self.trackers(progress.history[-1])
        if progress.epoch in snapshot_epochs(self.settings.epochs, self.settings.snapshots):
            path = folder.snapshot(progress.epoch)
            progress.snapshots[path.name] = save_weights(self.method, path, leave_out=self.method.training_only)

    def _finite(self) -> bool:
        """Whether all weights and buffers are numbers."""
        return all(bool(tensor.isfinite().all()) for tensor in self.method.state_dict().values())

    def note_conditions(self, threads: int) -> None:
        """Note what the steps from here on are computed with; another number of threads or machine moves last bits."""
        now = {"threads": threads, "torch": str(torch.__version__), **processor(), **devices.describe(self.device)}
        known = self.progress.conditions
        one_card = {"device": self.device.type, "gpu_uuid": ""}  # another card of the same kind gives the same bits
        if not known or {**known[-1], **now, **one_card} != {**known[-1], **one_card}:
            step = self.progress.epoch * self.steps_per_epoch + self.progress.step
            known.append({"from_step": step, **now})

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on: weights, optimisers, random streams, position, history."""
        progress = self.progress
        return {
            "device": self.device.type,
            "weights": self.method.state_dict(),
            "optimisers": {name: o.state_dict() for name, o in self.method.optimisers.items()},
            "streams": self.streams.state_dict(),
            "order_state": self._order_state,
            "lambda_": self.method.lambda_,
            "progress": vars(progress) | {"partial": list(progress.partial)},
        }

    def record(self) -> dict[str, Any]:
        """How the run ended, for run.json."""
        progress = self.progress
        return {
            "status": "finished" if progress.diverged_step is None else "diverged",
            "diverged_step": progress.diverged_step,
            "epochs": progress.epoch,
            "steps": progress.epoch * self.steps_per_epoch,
            "images_per_epoch": self.images_per_epoch,
            "seconds": progress.seconds,
            "prepared_seconds": progress.prepared_seconds,
            "cpu_seconds": progress.cpu_seconds,
            "conditions": progress.conditions,
            **devices.describe(self.device),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where ``state_dict`` was taken."""
        self.method.load_state_dict(state["weights"])
        for name, optimiser in self.method.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.streams.load_state_dict(state["streams"])
        self._order_state = state["order_state"]
        self.method.lambda_ = state["lambda_"]
        self.progress = Progress(**state["progress"])
        self.progress.partial = [row.to(self.device) for row in self.progress.partial]
        if self.progress.step:  # in mid-epoch: the epoch's order is drawn again from where it was drawn first
            self.streams["order"].set_state(self._order_state)


def snapshot_epochs(epochs: int, count: int) -> set[int]:
    """``count`` epochs from 1 to ``epochs``, evenly spread in the logarithm (fewer where they coincide)."""
    if count == 0:
        return set()
    if count == 1:
        return {epochs}
    return {round(epochs ** (k / (count - 1))) for k in range(count)}
