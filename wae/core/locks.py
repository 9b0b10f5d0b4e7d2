"""Locks that end with their holder, however it ends; by the library filelock.

Where the file system has no locks the user is told, and work goes on without.
"""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
POLL_SECONDS = 0.2


def take(path: Path, wait: bool = False) -> BaseFileLock | None:
    """The lock at ``path``, held until it is released or this process ends; None if another process holds it.

    With ``wait`` it returns only once the lock is had. The file says who holds it and stays behind, unlocked. A
    symbolic link in its place is not followed (OSError).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=-1 if wait else 0, poll_interval=POLL_SECONDS, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(f"{path}: this file system has no locks; going on without", file=sys.stderr)
        return lock
    with contextlib.suppress(OSError):  # a full disk, or a system that locks the content too
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
    return lock


def take_any(folder: Path, names: Sequence[str]) -> tuple[int, BaseFileLock] | None:
    """Index of the first of ``names`` whose lock in ``folder`` is free, and that lock, held; None if none is."""
    for index, name in enumerate(names):
        lock = take(folder / f"{name}.lock")
        if lock is not None:
            return index, lock
    return None


def holder(path: Path) -> str:
    """Who holds the lock at ``path``, as it wrote itself down."""
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip() or "another process"
    return "another process"


@contextlib.contextmanager
def alone(folder: Path, stage: str) -> Iterator[float | None]:
    """Keep a second process of ``stage`` out of ``folder``.

    Yields None, or where this process had to wait for another's end, since when that one was at work: a time of the
    lock's file system, to be compared with those of the files that the stage reads and writes.

    A workflow that is killed can leave its jobs running; the same command then starts them again beside the old ones.
    """
    path = folder / f"{stage}.lock"
    lock = take(path)
    since = None
    if lock is None:
        print(f"{holder(path)} is at this job already; waiting for it to end", file=sys.stderr, flush=True)
        since = path.stat().st_mtime
        lock = take(path, wait=True)
    try:
        yield since
    finally:
        if lock is not None:
            lock.release()
