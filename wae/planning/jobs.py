"""What the rules of the workflow hand to their jobs: one param, and the environment. Imports no torch."""

import os
import tempfile
from pathlib import Path
from typing import Any

from filelock import BaseFileLock

from wae.core import locks
from wae.core.errors import UserError
from wae.core.files import canonical_json, remove_leftovers
from wae.planning.fingerprint import code_digest
from wae.planning.plan import Plan, data_root

_held: list[BaseFileLock] = []  # until this process ends
LOCK = Path(".snakemake/wae.lock")
CUDA_DEVICES = Path("/proc/driver/nvidia/gpus")  # exists where the driver is loaded; asking torch costs two seconds


def job(modules: list[str], **settings: Any) -> str:
    """A rule's one param: its settings and the digest of the code that it runs, as sorted JSON.

    Snakemake compares params as a set of values without names; one JSON text leaves no value to swap.
    """
    return canonical_json({**settings, "code": code_digest(*modules)})


def claim_folder() -> None:
    """Make this the only workflow at work in the working folder until this process ends, however it ends.

    UserError if another one is at work, or if results/ or reports/ cannot be written. Dry runs claim nothing.
    """
    for folder in (Path("results"), Path("reports")):
        try:
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UserError(f"{folder}: cannot be written ({error.strerror}); fix that, or work elsewhere") from error
    lock = locks.take(LOCK)
    if lock is None:
        raise UserError(f"a workflow is at work here already ({locks.holder(LOCK)}); wait for its end or stop it")
    _held.append(lock)
    for folder in (Path("results"), Path("reports")):
        remove_leftovers(folder, "*")  # runs and data are cleaned by their own jobs, alone in their folders


def devices_per_job(plan: Plan) -> int:
    """CUDA devices that a computing job asks for: 1 where there are some and the config allows them, else 0."""
    return int(plan.config.execution.device != "cpu" and CUDA_DEVICES.is_dir())


def set_environment(plan: Plan) -> None:
    """Tell the jobs how and where to run through the environment: no part of a result, so it reruns none.

    One thread a job unless the config or the environment says otherwise, as runs side by side are faster
    than threads in one run.
    """
    execution = plan.config.execution
    os.environ["WAE_EXECUTION"] = execution.model_dump_json()
    root = data_root(plan.config)
    if root is not None:
        os.environ["WAE_DATA_ROOT"] = str(root.resolve())
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(execution.threads))
