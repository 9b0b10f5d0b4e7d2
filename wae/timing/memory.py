"""Extra memory that a call takes at its peak, beyond what was held before it."""

import ctypes
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import torch

from wae.compute import devices
from wae.mmd import fused

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # its start-up lines would fill the log


def peak_bytes(call: Callable[[], object], device: torch.device) -> int | None:
    """Bytes that torch's allocator held at the peak of ``call``, beyond those held at its start.

    On the CPU every allocation and release of torch is traced by its profiler (tracemalloc does not see them, and
    resident memory has the grain of what the C library keeps); scratch space inside the BLAS is not counted. On CUDA
    the allocator keeps this count. The buffers that the fused penalty keeps between calls are dropped first, so that
    they count. None if the profiler gives no memory events.
    """
    fused.release()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with torch.autograd.profiler.profile(profile_memory=True, use_kineto=True) as profiler:
        call()
    events = [event for event in profiler.kineto_results.events() if event.name() == "[memory]"]
    if not events:
        return None
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def free_bytes(device: torch.device) -> float:
    """Bytes that a call may still take: of the device, or of the system."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return float(psutil.virtual_memory().available)


# Of glibc's mallopt: the size from which the heap's free end is given back, and how many blocks come from the system
# one by one. On the CPU the (n, n) tensors of the official form are such blocks above 32 MiB: given back after each
# call, their pages are made again by the next one.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_MMAP_MAX_DEFAULT = 65_536
_KEPT = {_TRIM_THRESHOLD: -1, _MMAP_MAX: 0}  # -1: never; the largest number is 2 GiB, and a call can hold more
PREFILL_CALLS = 8
FEW_PAGES = 64  # made in well under 0.1 ms


def can_keep(device: torch.device) -> bool:
    """Whether ``keeping`` changes anything: on the CPU with glibc. CUDA's allocator keeps its memory anyway."""
    return device.type == "cpu" and hasattr(ctypes.CDLL(None), "mallopt")


@contextmanager
def keeping() -> Iterator[None]:
    """The C library keeps all memory that is freed, for the next call; at the end all of it is given back.

    Then it keeps again what ``devices.setup`` has it keep, but other calls' pages are gone too: one call makes them.
    """
    library = ctypes.CDLL(None)
    for option, value in _KEPT.items():
        library.mallopt(option, value)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, _MMAP_MAX_DEFAULT)
        devices.keep_freed_memory()
        library.malloc_trim(0)


def prefill(call: Callable[[], object]) -> None:
    """Repeat ``call``, within ``keeping``, until one took hardly a new page from the system, PREFILL_CALLS at most."""
    _fill_thread_cache(ctypes.CDLL(None))
    most = 0
    for _ in range(PREFILL_CALLS):
        taken = _new_pages(call)
        if taken <= max(FEW_PAGES, most / 100):
            return
        most = max(most, taken)


def _fill_thread_cache(library: ctypes.CDLL) -> None:
    """Fill glibc's cache of small freed blocks, seven of each size.

    torch asks for aligned blocks, and what is cut off their ends goes into this cache while it has room. There it lies
    between a freed block and the free memory behind it, and the next call finds the block too small by a few bytes.
    """
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    for block in [library.malloc(size) for size in range(24, 1040, 16) for _ in range(7)]:
        library.free(block)


def _new_pages(call: Callable[[], object]) -> int:
    """Pages that the system had to make for ``call``."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
