"""Whether two results are of one origin, so that their bits must be the same: commit, versions, machine and devices."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wae.analysis.runs import load_runs
from wae.core.errors import plain, printable
from wae.core.layout import Cell

MACHINE = ("processor", "cpu_capability", "cuda_devices")  # of the hardware, what decides the bits


def same_origin(recorded: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Whether both are of one commit without changes, with the same versions, on processors and devices of one kind.

    False where the runs of one differ in versions or processor among themselves: its manifest then states others.
    """
    clean = recorded.get("clean_tree") is True and fresh.get("clean_tree") is True
    machines = ({key: made.get("hardware", {}).get(key) for key in MACHINE} for made in (recorded, fresh))
    first, second = machines
    for made in (recorded, fresh):
        if made.get("runs_differ", {}).keys() & {*MACHINE, *made.get("versions", {})}:
            return False
    same = recorded.get("commit") == fresh.get("commit") and recorded.get("versions") == fresh.get("versions")
    return clean and recorded.get("commit") is not None and same and first == second


def devices(runs: Path) -> dict[str, str]:
    """What each run of a runs.csv was trained on, by DATASET/METHOD/seedN: "cpu" or the name of a GPU.

    Runs that say nothing of it are left out; empty where there is no such file.
    """
    if not runs.exists():
        return {}
    found = {}
    for run in load_runs(runs).to_dict("records"):
        gpu = run.get("gpu")
        name = gpu if isinstance(gpu, str) and gpu and run["device"] != "cpu" else run["device"]
        if name:
            found[str(Cell(run["dataset"], run["method"], run["seed"]))] = str(name)
    return found


def moved(recorded: Mapping[str, str], fresh: Mapping[str, str]) -> list[str]:
    """A line for each pair of ``devices`` between which runs of the record have moved: the GPU may be taken, say."""
    pairs = {(device, fresh[run]) for run, device in recorded.items() if run in fresh and fresh[run] != device}
    return [f"recorded on {printable(old)[:100]}, made again on {printable(new)[:100]}" for old, new in sorted(pairs)]


def origin_said(record: Mapping[str, Any]) -> str:
    """The origin of a result in a line."""
    tree = "" if record.get("clean_tree") else " with changes"
    machine = record.get("hardware", {})
    return (
        f"commit {str(record.get('commit'))[:12]}{tree}, torch {plain(record.get('versions', {}).get('torch'))}, "
        f"{printable(machine.get('processor'))[:100]}, {printable(machine.get('cpu_capability'))[:100]}"
    )
