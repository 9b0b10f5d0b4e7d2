"""Training throughput: the suite, the bare loop and the peers, interleaved, one thread each."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Self

from benchmarks.contestant import NAMES
from benchmarks.measure import Spent, interleave
from benchmarks.problem import METHODS, images

THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Contestants:
    """The processes of one comparison, waiting for rounds."""

    def __init__(self, method: str, network: str, count: int, names: dict[str, list[str]]) -> None:
        """``names``: by the label in the results, the contestant's name and further arguments."""
        environment = {**os.environ, **THREADS}
        self.processes = {
            label: subprocess.Popen(
                [sys.executable, "-m", "benchmarks.contestant", name, method, network, str(count), *more],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
            for label, (name, *more) in names.items()
        }

    def round(self, label: str) -> Callable[[], Spent]:
        """A function that has that contestant run an epoch and returns what it spent."""
        process = self.processes[label]
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answer = process.stdin, process.stdout

        def run() -> Spent:
            print("go", file=ask, flush=True)
            found = answer.readline()
            if not found:
                raise RuntimeError(f"{label} ended; run python -m benchmarks.contestant {label} by hand to see why")
            return Spent(*json.loads(found))

        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of an epoch by network, method and contestant; ``ours_contiguous`` is ours without channels_last."""
    count, rounds = (300, 2) if quick else (2000, 5)
    found: dict[str, Any] = {"images": count, "origin": images(count)[1], "rounds": rounds, "seconds": {}}
    labels = {name: [name] for name in NAMES} | {"ours_contiguous": ["ours", "--contiguous"]}
    for network in ("dcgan", "mlp"):
        for method in METHODS:
            used = labels if network == "dcgan" else {name: [name] for name in NAMES}
            with Contestants(method, network, count, used) as contestants:
                seconds = interleave({label: contestants.round(label) for label in used}, rounds)
            found["seconds"][f"{network}/{method}"] = seconds
    return found
