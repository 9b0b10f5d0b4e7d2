"""The folder of one run: who may write to it, and what a trained run leaves there."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import save_file
from torch import nn

from wae import locks
from wae.files import read_json, write_atomic, write_json
from wae.settings import RunSettings

OUTPUTS = ("weights.safetensors", "settings.json", "history.csv", "run.json")
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def alone(out: Path) -> Iterator[bool]:
    """Keep a second process out of the run's folder ``out``; yields whether this one had to wait for another's end.

    A workflow that is killed can leave its jobs running; the same command then starts them again beside the old ones.
    """
    path, waited = out / "train.lock", False
    try:
        lock = locks.take(path)
        if lock is None:
            print(f"{locks.holder(path)} trains this run already; waiting for it to end", file=sys.stderr, flush=True)
            lock, waited = locks.take(path, wait=True), True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        print(f"{path}: this file system has no locks; going on without", file=sys.stderr)
        lock = None
    for folder in (out, out / "snapshots"):
        for temporary in folder.glob(".*"):  # of a process that was killed while it wrote
            temporary.unlink()
    try:
        yield waited
    finally:
        if lock is not None:
            lock.close()


def is_done(out: Path, identity: str) -> bool:
    """Whether ``out`` holds a whole run of these settings and sources."""
    return all((out / name).exists() for name in OUTPUTS) and read_json(out / "run.json")["identity"] == identity


def save_weights(method: nn.Module, path: Path) -> None:
    """The method's state as safetensors, atomically."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in method.state_dict().items()}
    write_atomic(path, lambda temporary: save_file(tensors, temporary))


def write_history(history: list[dict[str, float]], path: Path) -> None:
    """history.csv: a row an epoch."""
    frame = pd.DataFrame(history)
    write_atomic(path, lambda temporary: frame.to_csv(temporary, index=False))


def write_results(out: Path, run: RunSettings, method: nn.Module, record: dict[str, Any]) -> None:
    """Weights, settings and run.json, which comes last: a folder that has it is whole. ``record``: its content."""
    save_weights(method, out / "weights.safetensors")
    write_json(out / "settings.json", run.model_dump())
    write_json(out / "run.json", record | {"parameters": sum(p.numel() for p in method.parameters())})
