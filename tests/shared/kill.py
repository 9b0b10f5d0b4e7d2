"""Kill the workflow at random points and go on: what the kill test and `make soak` share.

python -m tests.shared.kill --kills 50 --seed 1 FOLDER
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from safetensors.numpy import load_file

from tests.shared.workflow import SNAKEMAKE, copy_project, environment

TARGET = "results/kill/metrics.csv"
CONFIG = """
experiment: kill
run: {datasets: [digits], methods: [wae_gan, vae], seeds: [0]}
execution: {device: cpu, checkpoint_seconds: 0.2}
training:
  common: {snapshots: 2, critic_width: 64}
  datasets: {digits: {width: 8, epochs: 40}}
extractors: {classifier: {width: 8, features: 16, epochs: 1, min_steps: 0}}
evaluation:
  {samples: 100, draws: 1, curve_points: 0, halves: 0, permutations: 19, kid_subsets: 2, kid_subset_size: 50,
   interpolations: false}
"""
# How a workflow dies: (signal, whether the whole process group gets it or only the main process).
DEATHS = [
    (signal.SIGKILL, True),
    (signal.SIGKILL, False),
    (signal.SIGTERM, True),
    (signal.SIGKILL, True),
    (signal.SIGINT, True),
]


def start(folder: Path, target: str = TARGET) -> subprocess.Popen[bytes]:
    """The workflow in a process group of its own; its words go to FOLDER/workflow.log."""
    command = [*SNAKEMAKE, "--configfile", "config/kill.yaml", "--", target]
    with (folder / "workflow.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log, start_new_session=True)


def run(folder: Path, target: str = TARGET) -> float:
    """Run the workflow to its end; returns the seconds it took."""
    begun = time.monotonic()
    status = start(folder, target).wait()
    if status:
        raise RuntimeError(f"the workflow failed ({status}):\n{(folder / 'workflow.log').read_text()[-4000:]}")
    return time.monotonic() - begun


def tables(folder: Path) -> dict[str, bytes]:
    """All that must not depend on kills: the scores, and the weights and snapshots of each run."""
    found = {TARGET: (folder / TARGET).read_bytes()}
    for path in sorted((folder / "results/kill/digits").rglob("*.safetensors")):
        arrays = load_file(path)
        found[str(path.relative_to(folder))] = b"".join(arrays[name].tobytes() for name in sorted(arrays))
    return found


def new_project(folder: Path) -> Path:
    """A copy of the project with the config that is killed."""
    copy_project(folder)
    (folder / "config/kill.yaml").write_text(CONFIG)
    return folder


def kill_and_resume(folder: Path, expected: dict[str, bytes], kills: int, seconds: float, rng: random.Random) -> int:
    """Start the workflow and kill it ``kills`` times, each time after up to ``seconds``, then let it end.

    Whenever it ends its tables must be ``expected``; with kills left it then starts from nothing. Returns how
    many times it ended.
    """
    delivered = ends = 0
    orphans: list[psutil.Process] = []
    while True:
        process = start(folder)
        if delivered < kills:
            try:
                process.wait(rng.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                number, group = DEATHS[delivered % len(DEATHS)]
                orphans += psutil.Process(process.pid).children(recursive=True)
                (os.killpg if group else os.kill)(process.pid, number)
                _wait_for_end(process)
                delivered += 1
                continue
        status = process.wait()
        assert status == 0, (folder / "workflow.log").read_text()[-4000:]
        assert tables(folder) == expected
        ends += 1
        psutil.wait_procs(orphans, timeout=300)
        assert tables(folder) == expected  # nothing that was left running has changed it since
        if delivered == kills:
            return ends
        for name in ("results", ".snakemake"):
            shutil.rmtree(folder / name)


def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a signalled workflow has ended; kill one that hangs.

    Snakemake 9.27 takes a lock in its handler of SIGTERM, which it never gets where the signal came while it held it.
    """
    try:
        process.wait(120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> int:
    """`make soak`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    seconds = run(new_project(arguments.folder / "whole"))
    expected = tables(arguments.folder / "whole")
    print(f"undisturbed: {seconds:.0f} s", flush=True)
    killed = new_project(arguments.folder / "killed")
    begun = time.monotonic()
    ends = kill_and_resume(killed, expected, arguments.kills, seconds, random.Random(arguments.seed))
    print(f"{arguments.kills} kills, {ends} times to the end, every table and weight equal to the undisturbed run's")
    print(f"{time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
