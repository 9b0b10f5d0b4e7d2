"""What this machine is: versions, hardware, and the state of the checkout."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wae.core.plugins import ROOT
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


def processor_name() -> str:
    """The processor's name as /proc/cpuinfo gives it, else what the platform module knows."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def git_state() -> tuple[str | None, bool | None]:
    """The checkout's commit and whether tracked files are unchanged; (None, None) outside a git checkout."""
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no").strip()
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit, not changed


def last_change(paths: Iterable[Path]) -> tuple[str | None, bool | None]:
    """The commit that last changed one of ``paths``, and whether one differs from what is committed.

    (None, None) outside a git checkout, in one without its whole history, and for a path of no checkout.
    """
    named = [str(path) for path in paths]
    try:
        if _git("rev-parse", "--is-shallow-repository").strip() != "false":
            return None, None
        commit = _git("log", "-1", "--format=%H", "--", *named).strip()
        changed = _git("status", "--porcelain", "--", *named).strip()
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit or None, bool(changed)


def is_ancestor(first: str, second: str) -> bool | None:
    """Whether commit ``second`` holds commit ``first``; None where git does not know them."""
    try:
        found = subprocess.run(
            ["git", "-C", str(ROOT), "merge-base", "--is-ancestor", first, second], capture_output=True, check=False
        ).returncode
    except OSError:
        return None
    return {0: True, 1: False}.get(found)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout
