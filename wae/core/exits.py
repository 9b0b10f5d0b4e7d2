"""How a stage ends: whatever stops it, even its sudden death, is said in one clear line."""

import ctypes
import os
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType

from wae.core.errors import StopSignalError, UserError

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HANDED_ON = (signal.SIGTERM, signal.SIGINT)
_NO_MEMORY = re.compile(r"can't allocate memory|out of memory|bad alloc", re.IGNORECASE)  # torch's words
_MEANINGS = {
    signal.SIGKILL: "out of memory, or killed from outside; use fewer --cores or a smaller batch_size or width",
    signal.SIGBUS: "a file got shorter while it was read; check the disk, delete its folder in results/ and run again",
    signal.SIGXCPU: "over its limit of processor time; raise the limit and run again, training goes on where it was",
    signal.SIGTERM: "stopped from outside; run the same command again, it goes on from here",
    signal.SIGINT: "interrupted; run the same command again, it goes on from here",
}


def supervise(stage: str, main: Callable[[], int]) -> int:
    """Exit status of ``main``, run in a child process; if a signal kills that, its meaning on one line.

    SIGTERM and SIGINT are handed on to the child, which gets SIGTERM also when this process dies.
    """
    if not hasattr(os, "fork"):
        return main()
    parent = os.getpid()
    # A signal that comes between the fork and the handlers waits for them, or it would end this process alone.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _die_with(parent)
        return main()

    def hand_on(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in _HANDED_ON:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    name = signal.Signals(-code).name
    meaning = _MEANINGS.get(signal.Signals(-code), "a fault in native code; run again, and report it if it recurs")
    say(f"\nerror: stage {stage} died of {name}: {meaning}")  # on a line of its own, below an unfinished progress bar
    return 128 - code


def _die_with(parent: int) -> None:
    """Ask the system to end this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the system was asked
            os.kill(os.getpid(), signal.SIGTERM)


def in_words(stage: str, run: Callable[[], object]) -> int:
    """Exit status of ``run``; a foreseen error is said in one line, any other is raised.

    1 after an error, 143 after a stop signal that the stage took in order, 130 after Ctrl-C.
    """
    try:
        run()
    except StopSignalError as error:
        say(str(error))
        return 143
    except KeyboardInterrupt:
        say(f"stage {stage}: interrupted; run the same command again")
        return 130
    except Exception as error:
        line = _foreseen(stage, error)
        if line is None:
            raise
        say(f"error: {line}")
        return 1
    return 0


def _foreseen(stage: str, error: Exception) -> str | None:
    text = str(error).strip()
    first = text.partition("\n")[0]
    if isinstance(error, UserError):
        return text
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(text)):
        return f"out of memory in stage {stage} ({first}); lower batch_size or width, or use fewer --cores"
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"stage {stage}: {error.strerror or first}{where}; mend it and run again"
    return None


def say(line: str) -> None:
    """Print ``line`` to stderr; to stdout where stderr is a log that cannot be written, as on a full disk."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        print(line, flush=True)
