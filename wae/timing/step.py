"""What is timed in the step study: whole training steps of the plan's methods, on their own networks and data."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from wae.compute import devices
from wae.compute.seeds import Streams
from wae.core.settings import RunSettings, TimingSettings
from wae.data.source import load
from wae.methods.base import Method, build, no_mark
from wae.timing.clock import Mark
from wae.timing.rounds import Point, TooLargeError

Call = Callable[[Mark], object]


def step_points(
    runs: Sequence[RunSettings], images: dict[str, Path], settings: TimingSettings, device: torch.device
) -> Iterator[Point]:
    """A point for each (dataset, method) of ``runs``, the first seed's, and each batch size that the data allow.

    Variants that differ in their random streams alone have the same steps, and none of their own here.
    """
    seen: set[tuple[str, str]] = set()
    for run in runs:
        if (run.dataset, run.method) in seen or run.training.seed_stream != "all":
            continue
        seen.add((run.dataset, run.method))
        for n in sorted(set(settings.step_batch_sizes)):
            labels = {
                "study": "step",
                "dataset": run.dataset,
                "subject": run.method,
                "n": n,
                "latent_dim": run.training.latent_dim,
                "critic_width": None,
            }
            yield Point(labels, (run.dataset, run.method), n, _preparation(run, images[run.dataset], n, device, labels))


def _preparation(
    run: RunSettings, data: Path, n: int, device: torch.device, labels: dict[str, Any]
) -> Callable[[], Call]:
    def prepare() -> Call:
        method = build(run).to(device)
        if hasattr(method, "critic"):
            labels["critic_width"] = run.training.critic_width
        return step_call(method, run, data, n, device)

    return prepare


def step_call(method: Method, run: RunSettings, data: Path, n: int, device: torch.device) -> Call:
    """One step of ``run``'s method on the next ``n`` images; "data" includes gathering them, as in training.

    "penalty" is its value alone: its gradient is found in the one backward pass of the loss, within "backward".

    What is to be compiled has been before it returns. TooLargeError when there are fewer images than that.
    """
    method.prepare_training()
    method.train()
    streams = Streams(run.seed, device)
    found = load(data, "train").images
    if len(found) < n:
        raise TooLargeError(f"{len(found)} training images make no batch of {n}")
    stored = torch.from_numpy(found).to(device)
    order = torch.randperm(len(stored), generator=streams["order"]).to(device)
    batches = [order[start : start + n] for start in range(0, len(stored) - n + 1, n)]
    taken = 0

    def call(mark: Mark) -> None:
        nonlocal taken
        batch = batches[taken % len(batches)]
        taken += 1
        with devices.precision(device, run.training.mixed_precision):
            method.step(stored.index_select(0, batch), streams, mark)

    if run.training.compile:  # it compiles within its first call, for longer than the cap allows
        call(no_mark)
    return call
