"""Which device a job computes on, and the torch switches that make it repeatable."""

import ctypes
import fcntl
import os
import tempfile
from pathlib import Path

import torch

from wae.errors import UserError
from wae.settings import ExecutionSettings

# glibc's mallopt: what is freed stays in the process, as every step asks for the same sizes again.
_MALLOPT = {"M_MMAP_THRESHOLD": (-3, 32 << 20), "M_TRIM_THRESHOLD": (-1, 1 << 30), "M_TOP_PAD": (-2, 16 << 20)}
_held: list[object] = []  # open lock files: a device stays claimed until this process ends, however it ends


def setup(execution: ExecutionSettings) -> tuple[torch.device, list[str]]:
    """Set threads, deterministic kernels and the allocator for this process and choose its device.

    Returns the device and lines for the log. "auto" claims a free CUDA device, or takes the CPU and says so.
    """
    torch.set_num_threads(execution.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic()
    keep_freed_memory()
    if execution.device == "cpu":
        return torch.device("cpu"), []
    if not torch.cuda.is_available():
        if execution.device != "auto":
            raise UserError(f"device {execution.device!r} asked for, none found; set execution.device to cpu or auto")
        return torch.device("cpu"), ["no CUDA device found: computing on the CPU"]
    names = visible_devices(torch.cuda.device_count())
    if execution.device.startswith("cuda:"):
        return torch.device(execution.device), []
    claimed = claim(names)
    if claimed is None:
        return torch.device("cpu"), [f"all {len(names)} CUDA devices are claimed: computing on the CPU"]
    return torch.device("cuda", claimed), [f"claimed CUDA device {names[claimed]}"]


def deterministic() -> None:
    """Deterministic kernels or an error, as ``torch.use_deterministic_algorithms(True)``, which imports the compiler.

    That import takes over a second and 150 MB of every job. Nor are new tensors filled with NaN, a check on
    kernels that read what they did not write: it costs a few percent of a step.
    """
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Have glibc keep freed blocks instead of giving them back at once; does nothing with another C library.

    By default large blocks go back to the system when freed, and each step asks for them anew, at a page fault
    for every 4 KiB: about ten thousand a step, a fifth of its time. Up to 1 GiB at the heap's end stays.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _MALLOPT.values():
            mallopt(parameter, value)


def visible_devices(count: int) -> list[str]:
    """Names under which the ``count`` devices this process sees are known to all: CUDA_VISIBLE_DEVICES' if set."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [part.strip() for part in listed.split(",")] if listed else [str(i) for i in range(count)]
    return names[:count]


def claim(names: list[str], folder: Path | None = None) -> int | None:
    """Index of the first device whose lock is free, now held by this process; None when all are taken.

    A lock is an flock on a file, so the system releases it when the process dies.
    """
    folder = folder or Path(tempfile.gettempdir()) / f"wae-devices-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        file = (folder / f"{name.replace('/', '_')}.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        _held.append(file)
        return index
    return None
