"""Extra memory that a call takes at its peak, beyond what was held before it."""

import os
from collections.abc import Callable

import psutil
import torch

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
