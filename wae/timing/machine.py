"""The machine of a timing study: what a reader needs to judge its seconds."""

from pathlib import Path
from typing import Any

import torch

from wae.compute.checkout import git_state
from wae.compute.machine import hardware, versions
from wae.core.settings import ExecutionSettings

_CPU = Path("/sys/devices/system/cpu")
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def describe(device: torch.device, execution: ExecutionSettings) -> dict[str, Any]:
    """Hardware, versions, commit, threads and processor governor.

    What the system does not tell is {"missing": reason}.
    """
    commit, clean = git_state()
    return {
        "commit": commit,
        "clean_tree": clean,
        "hardware": hardware(),
        "versions": versions(),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "threads": {
            "asked": execution.threads,
            "intra_op": torch.get_num_threads(),
            "inter_op": torch.get_num_interop_threads(),
        },
        "governor": _read(_CPU / "cpu0/cpufreq/scaling_governor"),
        "max_frequency_khz": _read(_CPU / "cpu0/cpufreq/cpuinfo_max_freq"),
        "transparent_huge_pages": _read(_HUGE_PAGES),  # they decide what new memory costs
        "hyperthreading": _read(_CPU / "smt/active"),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def _read(path: Path) -> str | dict[str, str]:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        return {"missing": f"{path}: {error.strerror}"}
