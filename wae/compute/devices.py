"""Which device a job computes on, and the torch switches that make it repeatable."""

import ctypes
import os
import re
import stat
import sys
from collections.abc import Container
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from filelock import BaseFileLock
from threadpoolctl import threadpool_limits

from wae.core import locks
from wae.core.errors import UserError, one_line
from wae.core.settings import ExecutionSettings

# glibc's mallopt: what is freed stays in the process, as every step asks for the same sizes again.
_MALLOPT = {"M_MMAP_THRESHOLD": (-3, 32 << 20), "M_TRIM_THRESHOLD": (-1, 1 << 30), "M_TOP_PAD": (-2, 16 << 20)}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
kernel_gradients = "cudnn"  # of this process, as torch's own switches are: execution.kernel_gradients
DRIVER = Path("/proc/driver/nvidia/version")
_held: list[BaseFileLock] = []  # not released: a device stays claimed until this process ends, however it ends
_own: torch.device | None = None  # the device that this process has claimed, for all of its stages
_said: set[str] = set()  # why this process computes on the CPU: said once, not at each of its stages


def setup(execution: ExecutionSettings) -> torch.device:
    """Set threads, deterministic kernels, their gradients, TF32 and the allocator for this process; choose its device.

    "auto" and "cuda" claim a free CUDA device, the first that computes, or take the one that this process has claimed
    before; where there is none, "auto" takes the CPU and says so once on stderr, and "cuda" raises UserError, as both
    do where a free one is unfit. "cuda:N" takes device N unclaimed.
    """
    global kernel_gradients, _own
    kernel_gradients = execution.kernel_gradients
    set_threads(execution.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic()
    set_tf32(execution.tf32)
    keep_freed_memory()
    if execution.device == "cpu":
        return torch.device("cpu")
    names = device_names()
    if execution.device.startswith("cuda:"):
        return _chosen(execution.device, names)
    if _own is not None:
        return _own
    unfit: dict[int, str] = {}
    while (claimed := claim(names, passed_over=unfit)) is not None:
        fault = fault_of(torch.device("cuda", claimed))
        if fault is None:
            print(f"computing on CUDA device {claimed} ({names[claimed]})", file=sys.stderr)
            _own = torch.device("cuda", claimed)
            return _own
        print(f"CUDA device {claimed} ({names[claimed]}) is passed over: {fault}", file=sys.stderr)
        unfit[claimed] = fault
    if unfit:
        said = "; ".join(f"device {index}: {fault}" for index, fault in unfit.items())
        raise UserError(f"no free CUDA device computes ({said}); free or repair one, or set execution.device to cpu")
    lack = f"all {len(names)} CUDA devices are claimed by other jobs" if names else "there is no CUDA device"
    if execution.device == "cuda":
        raise UserError(f"execution.device is 'cuda' and {lack}; lower --resources gpu=N, or set it to auto or cpu")
    if lack not in _said:
        print(f"{lack}: computing on the CPU", file=sys.stderr)
        _said.add(lack)
    return torch.device("cpu")


def set_threads(threads: int) -> None:
    """So many threads for torch, and for the matrix products and decompositions of NumPy, SciPy and scikit-learn.

    Their last bits depend on the number, and left to themselves the latter take every core.
    """
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    for name in THREADS:  # for libraries that are loaded later: they look once, then
        os.environ[name] = str(threads)


def _chosen(wanted: str, names: list[str]) -> torch.device:
    if int(wanted.partition(":")[2]) >= len(names):
        raise UserError(f"execution.device is {wanted!r}, {len(names)} CUDA devices are visible; set it to auto or cpu")
    return torch.device(wanted)


def deterministic() -> None:
    """Deterministic kernels or an error, as ``torch.use_deterministic_algorithms(True)``, which imports the compiler.

    That import takes over a second and 150 MB of every job. Nor are new tensors filled with NaN, a check on
    kernels that read what they did not write: it costs a few percent of a step.
    """
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def set_tf32(wanted: bool) -> None:
    """Whether GPUs round the factors of float32 products to 10 bits of mantissa; torch does it in convolutions."""
    torch.backends.cudnn.allow_tf32 = wanted
    torch.backends.cuda.matmul.allow_tf32 = wanted


def describe(device: torch.device) -> dict[str, Any]:
    """A device as a run records it: its name in torch and, of a GPU, its model, UUID, driver and switches."""
    if device.type != "cuda":
        return {"device": str(device)}
    return {
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device),
        "gpu_uuid": str(getattr(torch.cuda.get_device_properties(device), "uuid", "")),
        "driver": driver_version(),
        "tf32": torch.backends.cudnn.allow_tf32,
        "kernel_gradients": kernel_gradients,
    }


def driver_version() -> str | None:
    """The version of NVIDIA's kernel driver, None where the system does not tell it."""
    try:
        found = re.search(r"\d+\.\d+(\.\d+)?", DRIVER.read_text(encoding="utf-8"))
    except OSError:
        return None
    return found[0] if found else None


def precision(device: torch.device, mixed_precision: str) -> AbstractContextManager[object]:
    """What a training step computes in: bfloat16 where a method's ``mixed_precision`` is that, else float32 ("off")."""
    return torch.autocast(device.type, torch.bfloat16) if mixed_precision == "bfloat16" else nullcontext()


def keep_freed_memory() -> None:
    """Have glibc keep freed blocks instead of giving them back at once; does nothing with another C library.

    By default large blocks go back to the system when freed, and each step asks for them again, at a page fault
    for every 4 KiB: about ten thousand per step, a fifth of its time. Up to 1 GiB at the heap's end stays.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for parameter, value in _MALLOPT.values():
            mallopt(parameter, value)


def device_names() -> list[str]:
    """The CUDA devices that this process sees, by their UUIDs, which are the same for every process of the machine.

    CUDA_VISIBLE_DEVICES, and a cluster's limits, decide which they are and how they are numbered.
    """
    if not torch.cuda.is_available():
        return []
    return [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]


def fault_of(device: torch.device) -> str | None:
    """What is wrong with a CUDA device, as torch says it; None if it multiplies two matrices and convolves an image.

    A device can be busy with another's work alone, too old for this torch, or lack the memory that cuBLAS wants.
    """
    try:
        ones = torch.ones(1, 1, 4, 4, device=device)
        float((ones[0, 0] @ ones[0, 0]).sum() + torch.nn.functional.conv2d(ones, ones).sum())
    except RuntimeError as error:  # out of memory too
        return one_line(error)
    return None


def claim(names: list[str], folder: Path | None = None, passed_over: Container[int] = ()) -> int | None:
    """Index of the first device that no process has claimed, now held by this one; None when all are taken.

    Those ``passed_over`` are not asked.

    A claim is a lock that the system releases when its process dies. Where no folder can hold it the user is told,
    and the first device is taken without a claim.
    """
    known = [index for index in range(len(names)) if index not in passed_over]
    if not known:
        return None
    try:
        found = locks.take_any(private(folder or claims_folder()), [names[index] for index in known])
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home
        print(f"CUDA devices are not claimed ({error}); run one job at a time, or set XDG_CACHE_HOME", file=sys.stderr)
        return next(iter(known), None)
    if found is None:
        return None
    index, lock = found
    _held.append(lock)
    return known[index]


def claims_folder() -> Path:
    """Where this user's claims lie: under the cache folder, so that nobody else can prepare it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wae/devices"


def private(folder: Path) -> Path:
    """``folder``, made if need be; PermissionError unless it is a folder, no link, that is this user's alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if hasattr(os, "getuid"):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{folder}: not a folder that only you can open; delete it")
    return folder
