import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from wae.core import locks

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from wae.core import locks
lock = locks.take(Path(sys.argv[1]))
print(lock is not None, flush=True)
time.sleep(float(sys.argv[2]))
"""


def holding(path: Path, seconds: float = 60) -> "subprocess.Popen[str]":
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def test_a_lock_is_had_once_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "deep/x.lock"
    process = holding(path)
    assert locks.take(path) is None
    assert locks.holder(path).startswith(f"process {process.pid} on ")
    process.kill()
    process.communicate()
    lock = locks.take(path)
    assert lock is not None
    assert f"process {process.pid} " not in locks.holder(path)
    lock.release()


def test_waiting_ends_with_the_holder(tmp_path: Path) -> None:
    process = holding(tmp_path / "x.lock", seconds=1.0)
    lock = locks.take(tmp_path / "x.lock", wait=True)
    assert lock is not None
    assert process.wait(30) == 0
    process.communicate()
    lock.release()


def test_alone_says_for_whom_it_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locks.alone(tmp_path, "train") as since:
        assert since is None
        assert locks.take(tmp_path / "train.lock") is None
        with locks.alone(tmp_path, "evaluate") as other:
            assert other is None
    process = holding(tmp_path / "train.lock", seconds=1.0)
    began = (tmp_path / "train.lock").stat().st_mtime
    with locks.alone(tmp_path, "train") as since:
        assert since == began
    assert f"process {process.pid} on" in capsys.readouterr().err
    process.communicate()


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locks.alone(tmp_path, "train"):
        raise ZeroDivisionError
    with locks.alone(tmp_path, "train") as since:
        assert since is None


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EIO])
def test_a_file_system_without_locks(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def flock(file: object, operation: int) -> None:
        raise OSError(code, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    if code == errno.EIO:
        with pytest.raises(OSError, match="no locks"), locks.alone(tmp_path, "train"):
            pass
        return
    with locks.alone(tmp_path, "train") as since:
        assert since is None
    assert capsys.readouterr().err == f"{tmp_path / 'train.lock'}: this file system has no locks; going on without\n"
    found = locks.take_any(tmp_path, ["a", "b"])
    assert found is not None
    assert found[0] == 0


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        locks.take(tmp_path / "x.lock")
    assert not (tmp_path / "elsewhere").exists()


def test_locks_and_exits_import_without_what_only_unix_has() -> None:
    code = (
        "import os, signal, sys\n"
        "for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios'): sys.modules[name] = None\n"
        "for name in ('fork', 'getuid', 'sched_getaffinity'): delattr(os, name)\n"
        "for name in ('SIGKILL', 'SIGBUS', 'SIGXCPU', 'pthread_sigmask'): delattr(signal, name)\n"
        "import wae.core.locks, wae.core.exits, wae.core.files, wae.planning.plan, wae.planning.jobs, wae.__main__\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_first_free_one_of_several(tmp_path: Path) -> None:
    process = holding(tmp_path / "a.lock")
    found = locks.take_any(tmp_path, ["a", "b"])
    assert found is not None
    assert found[0] == 1
    assert locks.take_any(tmp_path, ["a", "b"]) is None
    found[1].release()
    process.kill()
    process.communicate()
