import re
import subprocess
import sys
from pathlib import Path

import pytest

from wae.core.errors import StopSignalError, UserError
from wae.core.exits import in_words

ROOT = Path(__file__).resolve().parents[2]


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
        (
            RuntimeError("CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors"),
            1,
            "error: the GPU failed in stage train (CUDA error: no kernel image is available for execution",
        ),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            1,
            "error: the GPU failed in stage train (CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling",
        ),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), 1, "error: the GPU failed in stage train (cuDNN"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 1, "error: out of memory in stage train (CUDA"),
        (
            OSError(28, "No space left on device", "a.npy"),
            1,
            "error: stage train: No space left on device: a.npy; fix it",
        ),
    ],
)
def test_foreseen_errors_are_one_line(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        raise error

    assert in_words("train", run) == status
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(line)


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("x"), KeyError("x")])
def test_unforeseen_errors_are_raised(error: Exception) -> None:
    def run() -> None:
        raise error

    with pytest.raises(type(error)):
        in_words("train", run)


def test_what_an_error_repeats_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        raise UserError("a\x1b[2J: wrong\nb\x1b]0;x\x07: wrong")

    assert in_words("train", run) == 1
    assert capsys.readouterr().err == "error: a[2J: wrong\nb]0;x: wrong\n"


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


def test_a_reader_that_has_enough_is_no_fault() -> None:
    code = (
        "from wae.core.exits import in_words; import sys; sys.exit(in_words('claims', lambda: print('x\\n' * 10**6)))"
    )
    command = f'{sys.executable} -c "{code}" | head -n 1; echo ${{PIPESTATUS[0]}}'
    result = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("x\n141\n", "")


def test_a_real_stage_out_of_memory() -> None:
    code = """
import resource, sys
from wae.core.exits import in_words
resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))
sys.exit(in_words("train", lambda: bytearray(3 * 10**9)))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: out of memory in stage train")


def test_preparing_data_has_no_batch_size(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        raise MemoryError("Unable to allocate 90 GiB")

    assert in_words("prepare", run) == 1
    line = "error: out of memory in stage prepare (Unable to allocate 90 GiB); make the images smaller or fewer, or use"
    assert capsys.readouterr().err.startswith(line)
