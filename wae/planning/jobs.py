"""What the rules hand to their jobs: a plan file, and digests of settings and code. Imports no torch."""

import importlib.metadata
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from filelock import BaseFileLock

from wae.core import locks
from wae.core.errors import UserError
from wae.core.files import canonical_json, digest, remove_leftovers, write_text
from wae.core.layout import PREPARED, Layout
from wae.core.plugins import ROOT
from wae.core.settings import ReportSettings, RunSettings, TrainingSettings
from wae.planning.config import data_root, refuse_missing_files
from wae.planning.fingerprint import code_digest
from wae.planning.places import shown
from wae.planning.plan import Plan

_held: list[BaseFileLock] = []  # until this process ends
LEDGER = "config/anchors.yaml"  # of published numbers
LOCK = Path(".snakemake/wae.lock")
PLANS = Path(".snakemake/wae-plans")
CUDA_DEVICES = Path("/proc/driver/nvidia/gpus")  # exists where the driver is loaded; asking torch costs two seconds
STAGES = {  # the module that each stage's numbers come from
    "plan": "wae.commands.check",
    "prepare": "wae.data.source",
    "extractor": "wae.evaluation.features",
    "reference": "wae.evaluation.reference",
    "train": "wae.training.loop",
    "evaluate": "wae.evaluation.run",
    "timing": "wae.timing.study",
    "collect": "wae.analysis.collecting",
    "manifest": "wae.commands.manifest",
    "analyse": "wae.analysis",
    "tables": "wae.report.tables.write",
    "figures": "wae.report.figures.draw",
    "page": "wae.report.page.render",
}


def code_of(stage: str, *plugins: str) -> str:
    """Digest of the code that a stage runs, with that of what it loads by dotted path (``package.module:name``)."""
    return code_digest(STAGES[stage], *sorted({name.partition(":")[0] for name in plugins if ":" in name}))


def plugins_of(training: TrainingSettings) -> list[str]:
    """What training settings may name by dotted path: the method, and networks, prior or cost of one's own."""
    return [training.implementation, training.architecture, training.prior, training.cost]


def training_code(run: RunSettings) -> str:
    """Digest of the code that trains ``run``; a part of its checkpoint's identity."""
    return code_of("train", *plugins_of(run.training))


def run_settings(run: RunSettings) -> str:
    """Digest of everything that the config says of a run."""
    return digest(run.model_dump(), 16)


def timing_settings(plan: Plan) -> str:
    """Digest of what decides the wall-clock study: its settings, device and threads, the runs it steps, and the
    defaults it builds on.
    """
    execution = plan.config.execution.model_dump(include={"device", "threads", "tf32", "kernel_gradients"})
    defaults = TrainingSettings(implementation="none:none").model_dump()
    timed = [run for _, run in sorted(plan.first_runs.items()) if run.training.seed_stream == "all"]
    runs = [run.model_dump() for run in timed]
    decisive = {"timing": plan.config.timing.model_dump(), "execution": execution, "runs": runs, "defaults": defaults}
    return digest(decisive, 16)


def write_plan(plan: Plan) -> str:
    """Write the plan for the jobs of this workflow, under a name made of its content; returns the path.

    It is no rule's output, so that its loss or a failed check of it never makes a training run again. Another
    workflow's plan of the same experiment has another name.
    """
    path = PLANS / f"plan-{plan.digest()}.json"
    text = canonical_json(plan.document())
    try:
        if not path.exists() or path.read_bytes() != text.encode():  # one that was altered is written again
            write_text(path, text)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); work in a folder of yours") from error
    return str(path)


def suite_file(path: str) -> str:
    """``path`` as it stands, but this suite's own file of that name where only the suite has one."""
    own = ROOT / path
    return os.path.relpath(own) if own.exists() and not Path(path).exists() else path


def claims_file(plan: Plan) -> str:
    """The path of the plan's claims; UserError where the config names a file that is not there."""
    named = plan.config.report.claims
    path = suite_file(named)
    if named != ReportSettings().claims and not Path(path).exists():
        raise UserError(f"{shown(named)}: no such file; correct report.claims")
    return path


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


def refuse_unprepared(plan: Plan, layout: Layout, outdated: Mapping[str, str]) -> None:
    """UserError, with a line per dataset, where files are not there that this workflow would prepare data from.

    ``outdated``: as ``say_outdated`` takes them.
    """

    def to_prepare(dataset: str) -> bool:
        paths = [layout.data(plan.data_id(dataset)) / name for name in PREPARED]
        return str(paths[-1]) in outdated or not all(path.exists() for path in paths)

    refuse_missing_files(plan.config, filter(to_prepare, plan.config.run.datasets))


def say_outdated(records: Mapping[str, str], partial: bool = False) -> None:
    """Say on stderr which results will be made again, and why: the first few of each reason.

    A ``partial`` report makes no run, score or time again, nor what they need.
    """
    done = "made again where they are asked for"
    if partial:
        done += ", but for data, extractors, references, runs, scores and times: a partial report takes what is there"
    for words in dict.fromkeys(records.values()):
        paths = list(dict.fromkeys(str(Path(path).parent) for path, found in records.items() if found == words))
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        print(f"{', '.join(paths[:3])}{more}: {words}; {done}", file=sys.stderr)


def devices_per_job(plan: Plan) -> int:
    """CUDA devices that a computing job asks for: 1 where it can use one and the config allows it, else 0."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1", "NoDevFiles")
    return int(plan.config.execution.device != "cpu" and CUDA_DEVICES.is_dir() and not hidden and _torch_has_cuda())


def _torch_has_cuda() -> bool:
    """Whether the installed torch was built for CUDA, as its version file says; True where that is not to be found."""
    try:
        found = importlib.metadata.distribution("torch").locate_file("torch/version.py")
        return re.search(r"^cuda.*=\s*None\s*$", Path(str(found)).read_text(encoding="utf-8"), re.MULTILINE) is None
    except (OSError, importlib.metadata.PackageNotFoundError):
        return True


def set_environment(plan: Plan) -> None:
    """Tell the jobs where the library and the data lie, and how many threads to use: no part of a result.

    One thread per job unless the config says otherwise, as runs side by side are faster than threads in one run. What
    computes scores and weights sets it itself (wae.compute.devices); the environment can change it for the rest alone.
    """
    root = data_root(plan.config)
    if root is not None:
        os.environ["WAE_DATA_ROOT"] = os.path.abspath(root)  # links kept: the folders of data are named by this path
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(plan.config.execution.threads))
