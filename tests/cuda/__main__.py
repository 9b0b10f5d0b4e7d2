"""`make test-gpu`: the CUDA tests on a real device; where there is none it says so and ends well."""

import os
import subprocess
import sys

import torch


def main() -> int:
    """The exit status of the tests, 0 without a device."""
    if not torch.cuda.is_available():
        print("no CUDA device (or a torch without CUDA): the tests of a real device were not run")
        return 0
    print(f"on {torch.cuda.get_device_name(0)}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "tests/cuda", *sys.argv[1:]]
    return subprocess.run(command, env=os.environ | {"WAE_TEST_GPU": "1"}).returncode


if __name__ == "__main__":
    raise SystemExit(main())
