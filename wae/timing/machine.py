"""The machine of a timing study: what a reader needs to judge its seconds."""

from pathlib import Path
from typing import Any

import torch

from wae.compute.machine import hardware, versions
from wae.core.settings import ExecutionSettings

_CPU = Path("/sys/devices/system/cpu")


def describe(device: torch.device, execution: ExecutionSettings) -> dict[str, Any]:
    """Hardware, versions, threads and processor governor. What the system does not tell is {"missing": reason}."""
    return {
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
        "hyperthreading": _read(_CPU / "smt/active"),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def _read(path: Path) -> str | dict[str, str]:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        return {"missing": f"{path}: {error.strerror}"}
