"""What was run, with which versions, on which machine: the manifest of an experiment."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from wae import __version__
from wae.core.files import read_json, sha256_file, write_json
from wae.planning.fingerprint import ROOT

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


def write_manifest(plan_path: Path, results: Path, out: Path, partial: bool = False) -> None:
    """Write the manifest (JSON) of the experiment that ``plan_path`` plans; ``partial``: without what is missing.

    Keys: experiment, description, config, plan (a rerun command a cell), versions, hardware, commit, clean_tree, data
    (each dataset's meta.json), extractors, result_digest (of metrics.csv), training_seconds,
    training_cpu_seconds (sums over the runs, resumed ones whole).
    """
    plan = read_json(plan_path)
    folder = results / plan["config"]["experiment"]
    config_file = f"config/{'config' if folder.name == 'default' else folder.name}.yaml"
    cells, spent = [], {"seconds": 0.0, "cpu_seconds": 0.0}
    for run in plan["runs"]:
        cell = f"{run['dataset']}/{run['method']}/seed{run['seed']}"
        cells.append(
            {
                "dataset": run["dataset"],
                "method": run["method"],
                "seed": run["seed"],
                "settings": run["training"],
                "rerun": f"snakemake --cores 1 --force --configfile {config_file} -- {folder}/{cell}/metrics.json",
            }
        )
        record = read_json(folder / cell / "run.json") if (folder / cell / "run.json").exists() else {}
        spent = {key: total + record.get(key, 0.0) for key, total in spent.items()}
    data = {name: results / "data" / data_id / "meta.json" for name, data_id in plan["data"].items()}
    extractors = {
        f"{name}/{extractor}": results / "extractors" / data_id / extractor_id / "extractor.json"
        for name, data_id in plan["data"].items()
        for extractor, extractor_id in plan["extractors"].items()
    }
    commit, clean = git_state()
    write_json(
        out,
        {
            "experiment": plan["config"]["experiment"],
            "description": plan["config"]["description"],
            "config": plan["config"],
            "plan": cells,
            "versions": versions(),
            "hardware": hardware(),
            "commit": commit,
            "clean_tree": clean,
            "data": {name: read_json(path) for name, path in data.items() if path.exists() or not partial},
            "extractors": {name: read_json(path) for name, path in extractors.items() if path.exists() or not partial},
            "result_digest": sha256_file(out.parent / "metrics.csv"),
            "training_seconds": spent["seconds"],
            "training_cpu_seconds": spent["cpu_seconds"],
        },
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


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout
