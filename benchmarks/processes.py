"""What a whole process spends: wall-clock and computing seconds, and its peak memory."""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """Of a process and all it waited for. ``peak_bytes``: resident memory of the largest of them."""

    wall: float
    cpu: float
    peak_bytes: int


def usage(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Usage:
    """Run ``command`` in ``folder`` to its end; RuntimeError with the end of its output if it fails.

    A small process of this module starts it: a child's peak would otherwise begin at this process's own size.
    """
    with tempfile.NamedTemporaryFile() as answer:
        starter = [sys.executable, str(Path(__file__)), answer.name, *command]
        found = subprocess.run(starter, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if found.returncode:
            raise RuntimeError(f"{' '.join(command)[:200]} ended with {found.returncode}: {found.stderr[-2000:]}")
        return Usage(*json.loads(Path(answer.name).read_text()))


def main() -> int:
    """Run a command and write what it spent to the file named first."""
    start = time.perf_counter()
    status = subprocess.run(sys.argv[2:], check=False).returncode
    wall, found = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(sys.argv[1]).write_text(json.dumps([wall, found.ru_utime + found.ru_stime, found.ru_maxrss * 1024]))
    return status


if __name__ == "__main__":
    sys.exit(main())
