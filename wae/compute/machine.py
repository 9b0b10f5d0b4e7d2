"""What this machine is: versions and hardware."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from wae.core.version import __version__

PACKAGES = (
    "torch",
    "torchvision",
    "torch-fidelity",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "torchmetrics",
    "matplotlib",
    "seaborn",
    "snakemake",
    "safetensors",
)


def versions() -> dict[str, str | None]:
    """Versions of this suite, Python and the packages that numbers depend on (None where not installed)."""
    found: dict[str, str | None] = {"wae": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def hardware() -> dict[str, Any]:
    """The machine: processor, cores, memory in bytes, system, CUDA devices."""
    import psutil
    import torch

    return {
        "processor": processor_name(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "cuda_devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def processor() -> dict[str, str]:
    """What of the processor decides the bits of a run: its name and the instructions that torch uses."""
    import torch

    return {"processor": processor_name(), "cpu_capability": torch.backends.cpu.get_cpu_capability()}


def processor_name() -> str:
    """The processor's name as /proc/cpuinfo gives it, else what the platform module knows."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
