"""Locks that the system releases when their holder dies, however it dies: flock on a file."""

import fcntl
import os
import socket
from pathlib import Path
from typing import TextIO


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


def holder(path: Path) -> str:
    """Who holds the lock at ``path``, as it wrote itself down."""
    return path.read_text().strip() or "another process"
