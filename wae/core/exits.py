"""How a stage ends: whatever it can foresee is said in one clear line."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from wae.core.errors import StopSignalError, UserError, one_line, printable

_CUDA = re.compile(r"CUDA|cuDNN|CUBLAS|CUFFT|CURAND|NVIDIA|NCCL", re.IGNORECASE)  # of faults of a device or its driver
_NO_MEMORY = re.compile(r"can't allocate memory|out of memory|bad alloc", re.IGNORECASE)  # torch's words


def in_words(stage: str, run: Callable[[], object]) -> int:
    """Exit status of ``run``; a foreseen error is said in one line, any other is raised.

    1 after an error, 143 after a stop signal that the stage took in order, 130 after Ctrl-C, 141 where the reader of
    its output has gone.
    """
    try:
        run()
        sys.stdout.flush()
    except StopSignalError as error:
        say(str(error))
        return 143
    except KeyboardInterrupt:
        say(f"stage {stage}: interrupted; run the same command again")
        return 130
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_gone():
            return 141
        line = _foreseen(stage, error)
        if line is None:
            raise
        say(f"error: {line}")
        return 1
    return 0


def _reader_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more, as of ``head`` once it has enough.

    What is left to write then goes nowhere, so that Python does not complain of it at its end.
    """
    import select

    if not hasattr(select, "poll"):  # Windows
        return False
    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    gone = any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    if gone:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return gone


def _foreseen(stage: str, error: Exception) -> str | None:
    text = str(error).strip()
    first = text.partition("\n")[0]
    if isinstance(error, UserError):
        return text
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(text)):
        remedy = "make the images smaller or fewer" if stage == "prepare" else "lower batch_size or width"
        return f"out of memory in stage {stage} ({first}); {remedy}, or use fewer --cores"
    if isinstance(error, RuntimeError) and _CUDA.search(first):
        return f"the GPU failed in stage {stage} ({one_line(error)[:200]}); run again, or set execution.device to cpu"
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"stage {stage}: {error.strerror or first}{where}; fix it and run again"
    return None


def say(line: str) -> None:
    """Print ``line``, or lines, to stderr, without what would steer a terminal.

    To stdout where stderr is a log that cannot be written, as on a full disk.
    """
    line = "\n".join(map(printable, line.split("\n")))
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        print(line, flush=True)
