import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wae.core import exits as supervisor
from wae.core.errors import StopSignalError, UserError

ROOT = Path(__file__).resolve().parents[2]
DYING = """
import os, signal, sys, time
from wae.core.exits import in_words, supervise
{before}
def run():
    print("at work", file=sys.stderr, flush=True)
    {body}
sys.exit(supervise("train", lambda: in_words("train", run)))
"""


def stage(body: str, before: str = "", **options: object) -> "subprocess.Popen[str]":
    """A supervised stage of the given body; ``before``: what is done in the supervising process first."""
    command = [sys.executable, "-c", DYING.format(body=body, before=before)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    ("number", "part"),
    [
        (signal.SIGKILL, "out of memory, or killed from outside; use fewer --cores"),
        (signal.SIGBUS, "a file got shorter while it was read"),
        (signal.SIGXCPU, "over its limit of processor time"),
        (signal.SIGSEGV, "a fault in native code"),
        (signal.SIGTERM, "stopped from outside; run the same command again"),
    ],
)
def test_death_by_a_signal_is_one_line_with_its_meaning(number: signal.Signals, part: str) -> None:
    process = stage(f"os.kill(os.getpid(), {int(number)})")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    lines = said.splitlines()
    assert lines[0] == "at work"
    assert lines[1] == ""
    assert lines[2].startswith(f"error: stage train died of {number.name}: {part}")
    assert len(lines) == 3


@pytest.mark.parametrize("body", ["sys.exit(7)", "raise SystemExit(7)"])
def test_an_exit_status_is_handed_on(body: str) -> None:
    process = stage(body)
    process.communicate(timeout=60)
    assert process.returncode == 7


SLOW_AFTER_FORK = "real = os.fork; os.fork = lambda: (pid := real()) and (time.sleep(0.5) or pid)"


@pytest.mark.parametrize("before", ["", SLOW_AFTER_FORK], ids=["", "before the supervisor's handlers"])
def test_sigterm_reaches_the_stage(before: str) -> None:
    process = stage(
        "signal.signal(signal.SIGTERM, lambda *a: sys.exit(42));"
        " print('ready', file=sys.stderr, flush=True); time.sleep(60)",
        before,
    )
    assert process.stderr is not None
    while process.stderr.readline().strip() != "ready":
        pass
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    process.communicate()
    assert code == 42


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_the_stage_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    mark = tmp_path / "told"
    process = stage(
        f"signal.signal(signal.SIGTERM, lambda *a: (open({str(mark)!r}, 'w').close(), os._exit(0)));"
        " print('ready', file=sys.stderr, flush=True); time.sleep(60)"
    )
    assert process.stderr is not None
    while process.stderr.readline().strip() != "ready":
        pass
    process.kill()
    process.communicate()
    end = time.monotonic() + 30
    while not mark.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("a: found 1, need 2; add one"), 1, "error: a: found 1, need 2; add one"),
        (StopSignalError("stopped by SIGTERM"), 143, "stopped by SIGTERM"),
        (KeyboardInterrupt(), 130, "stage train: interrupted; run the same command again"),
        (MemoryError("9 GB"), 1, "error: out of memory in stage train (9 GB); lower batch_size or width"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"),
            1,
            "error: out of memory in stage train ([enforce fail",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 1, "error: out of memory in stage train (CUDA"),
        (
            OSError(28, "No space left on device", "a.npy"),
            1,
            "error: stage train: No space left on device: a.npy; mend",
        ),
    ],
)
def test_foreseen_errors_are_one_line(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        raise error

    assert supervisor.in_words("train", run) == status
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(line)


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("x"), KeyError("x")])
def test_unforeseen_errors_are_raised(error: Exception) -> None:
    def run() -> None:
        raise error

    with pytest.raises(type(error)):
        supervisor.in_words("train", run)


def test_where_the_log_cannot_be_written_the_line_goes_to_the_console() -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-c", "from wae.core.exits import say; say('error: x')"],
            cwd=ROOT,
            stderr=full,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert re.search(r"^error: x$", process.stdout, re.MULTILINE)


def test_a_real_stage_out_of_memory() -> None:
    body = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9)); bytearray(3 * 10**9)"
    process = stage(body, env={**os.environ, "PYTHONPATH": str(ROOT)})
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.splitlines()[1].startswith("error: out of memory in stage train")
