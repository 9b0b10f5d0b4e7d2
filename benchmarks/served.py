"""Contestants in processes of their own, all alive at once, so that their rounds can be interleaved."""

import functools
import json
import os
import platform
import shutil
import subprocess
import sys
from typing import Any, Self

SAME = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


@functools.cache
def same_addresses() -> tuple[str, ...]:
    """What to put before a command so that its memory lies at the same addresses in every run; () where it can't be.

    Where a process's heap starts decides how often its allocator gives memory back and faults it in again: the official
    penalty at n = 512 takes 15 to 30 ms, by the process, and within a process always about the same.
    """
    command = ("setarch", platform.machine(), "-R")
    works = shutil.which(command[0]) and not subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode
    return command if works else ()


class Served:
    """Processes that answer a line of text with a line of JSON; they end with the ``with`` block."""

    def __init__(self, commands: dict[str, list[str]], environments: dict[str, dict[str, str]] | None = None) -> None:
        """``commands``: by label, the arguments of Python; ``environments``: what some labels have besides."""
        added = environments or {}
        self.commands = commands
        self.processes = {
            label: subprocess.Popen(
                [*same_addresses(), sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, **SAME, **added.get(label, {})},
            )
            for label, arguments in commands.items()
        }

    def ask(self, label: str, line: str) -> Any:
        """That process's answer to ``line``; RuntimeError if it has ended."""
        process = self.processes[label]
        assert process.stdin is not None
        assert process.stdout is not None
        print(line, file=process.stdin, flush=True)
        answer = process.stdout.readline()
        if not answer:
            by_hand = f"echo '{line}' | python {' '.join(self.commands[label])}"
            raise RuntimeError(f"{label} ended; to see why: {by_hand}")
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes.values():
            process.kill()
            process.communicate()
