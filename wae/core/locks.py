"""Locks that the system releases when their holder dies, however it dies: flock on a file."""

import errno
import fcntl
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


def take(path: Path, wait: bool = False) -> TextIO | None:
    """The open file at ``path``, locked until it is closed or this process ends; None if another process holds it.

    With ``wait`` it returns only once the lock is had. The file says who holds it and stays behind, unlocked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")  # not "w": who holds it stays readable for those that come second
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()} on {socket.gethostname()}")
    file.flush()
    return file


def take_any(folder: Path, names: Sequence[str]) -> tuple[int, TextIO] | None:
    """Index of the first of ``names`` whose lock in ``folder`` is free, and that lock, held; None if none is."""
    for index, name in enumerate(names):
        lock = take(folder / f"{name}.lock")
        if lock is not None:
            return index, lock
    return None


def holder(path: Path) -> str:
    """Who holds the lock at ``path``, as it wrote itself down."""
    return path.read_text().strip() or "another process"


@contextmanager
def alone(folder: Path, stage: str) -> Iterator[bool]:
    """Keep a second process of ``stage`` out of ``folder``; yields whether this one had to wait for another's end.

    A workflow that is killed can leave its jobs running; the same command then starts them again beside the old ones.
    """
    path, waited = folder / f"{stage}.lock", False
    try:
        lock = take(path)
        if lock is None:
            print(f"{holder(path)} is at this job already; waiting for it to end", file=sys.stderr, flush=True)
            lock, waited = take(path, wait=True), True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        print(f"{path}: this file system has no locks; going on without", file=sys.stderr)
        lock = None
    try:
        yield waited
    finally:
        if lock is not None:
            lock.close()
