"""`make test-gpu`: the CUDA tests on a real device, and a slice of the paper's config; without one it says so."""

import os
import subprocess
import sys

import torch

from tests.cuda.report import REPORT, paper_runs, paper_slice, write_report
from wae.compute import devices
from wae.core.settings import ExecutionSettings

BUDGET = 600.0  # seconds of the slice
SECONDS = 15.0  # of each run of it


def main() -> int:
    """The exit status: 0 if the tests passed, all losses were finite and codes are the processor's, or no device."""
    if not torch.cuda.is_available():
        print("no CUDA device (or a torch without CUDA): the tests of a real device were not run")
        return 0
    print(f"on {torch.cuda.get_device_name(0)}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "tests/cuda", *sys.argv[1:]]
    tests = subprocess.run(command, env=os.environ | {"WAE_TEST_GPU": "1"}, stdout=subprocess.PIPE, text=True)
    print(tests.stdout, flush=True)
    device = devices.setup(ExecutionSettings(device="cuda"))
    well = write_report(
        REPORT, tests.stdout.strip().splitlines()[-1], paper_slice(device, BUDGET, SECONDS, paper_runs()), device
    )
    print(f"wrote {REPORT}")
    return tests.returncode or int(not well)


if __name__ == "__main__":
    raise SystemExit(main())
