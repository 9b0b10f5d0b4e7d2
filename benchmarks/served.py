"""Contestants in processes of their own, all alive at once, so that their rounds can be interleaved."""

import json
import os
import subprocess
import sys
from typing import Any, Self

THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Served:
    """Processes that answer a line of text with a line of JSON; they end with the ``with`` block."""

    def __init__(self, commands: dict[str, list[str]], environments: dict[str, dict[str, str]] | None = None) -> None:
        """``commands``: by label, the arguments of Python; ``environments``: what some labels have besides."""
        added = environments or {}
        self.commands = commands
        self.processes = {
            label: subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, **THREADS, **added.get(label, {})},
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
