"""Checks of the machine before a long run: each finding with what to do about it."""

import getpass
import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wae.commands.disk import bytes_needed
from wae.core.errors import UserError
from wae.core.plugins import ROOT
from wae.core.settings import EXTRACTORS
from wae.planning.config import data_root
from wae.planning.made_from import difference, of_prepared
from wae.planning.plan import Plan
from wae.planning.presence import missing, to_fetch

# Files in torch's cache by kind of extractor, as torch-fidelity, whose import takes two seconds, names them.
FETCHED = {
    **dict.fromkeys(("inception", "inception-v3-compat"), "weights-inception-2015-12-05-6726825d.pth"),
    "vgg16": "vgg16-*.pth",
    **{kind: f"{kind}-{'[0-9a-f]' * 64}.pt" for kind in EXTRACTORS if kind.startswith("clip-")},
    **{f"dinov2-vit-{size}-14": f"dinov2_vit{size}14_pretrain.pth" for size in "sblg"},
}


@dataclass(frozen=True)
class Finding:
    """``level``: ok, warning or error. ``remedy`` is empty when all is well."""

    level: str
    text: str
    remedy: str = ""


def examine(plan: Plan) -> list[Finding]:
    """All findings for a plan, in the order of the checks."""
    checks: list[Callable[[Plan], Iterator[Finding]]] = [
        _python,
        _versions,
        _devices,
        _threads,
        _memory,
        _disk,
        _writable,
        _surroundings,
        _datasets,
        _extractors,
    ]
    return [finding for check in checks for finding in check(plan)]


def _python(plan: Plan) -> Iterator[Finding]:
    yield Finding("ok", "Python " + ".".join(map(str, sys.version_info[:3])))


def _versions(plan: Plan) -> Iterator[Finding]:
    locked = _locked_versions()
    other = []
    for name in _dependencies():
        try:
            installed = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            yield Finding("error", f"{name} is not installed", "run `make setup`, or `pip install .` in the checkout")
            continue
        if installed != locked.get(name, installed):
            other.append(f"{name} {installed} (locked: {locked[name]})")
    if other:
        yield Finding("warning", ", ".join(other), "results may differ in the last bits; run `make setup`")
    elif locked:
        yield Finding("ok", "packages at the versions of requirements.lock")
    else:
        yield Finding("ok", "packages installed; no requirements.lock at hand to compare their versions with")


def _dependencies() -> list[str]:
    """Names of the packages that this suite imports."""
    checkout = ROOT / "pyproject.toml"
    if checkout.is_file():
        requirements = tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        requirements = importlib.metadata.requires("wae-benchmark") or []
    return [re.split(r"[^\w.-]", line)[0] for line in requirements if "extra ==" not in line]


def _locked_versions() -> dict[str, str]:
    """The version of each package that the results are recorded with; empty where the lock is not at hand."""
    try:
        lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name: version for name, found, version in (line.partition("==") for line in lines) if found}


def _devices(plan: Plan) -> Iterator[Finding]:
    import torch

    wanted = plan.config.execution.device
    if torch.cuda.is_available():
        from wae.compute.devices import fault_of

        count = torch.cuda.device_count()
        if wanted.startswith("cuda:") and int(wanted.partition(":")[2]) >= count:
            text = f"execution.device is {wanted!r}, {count} CUDA device(s) visible, numbered from 0"
            yield Finding("error", text, "set execution.device to auto, cuda or one of these")
        faults = [fault_of(torch.device("cuda", index)) for index in range(count)]
        for index, fault in enumerate(faults):
            text = f"torch {torch.__version__}, CUDA device {index}: {torch.cuda.get_device_name(index)}"
            if fault is None:
                yield Finding("ok", f"{text}, computes")
            else:  # one that is busy or broken stops nothing while fewer jobs run than others compute
                needed = wanted == f"cuda:{index}" or (wanted in ("auto", "cuda") and all(faults))
                remedy = "free or repair it, or hide it by CUDA_VISIBLE_DEVICES"
                yield Finding("error" if needed else "warning", f"{text}: {fault}", remedy)
    elif wanted.startswith("cuda"):
        yield Finding("error", f"execution.device is {wanted!r}, no CUDA device", "set execution.device to cpu")
    else:
        yield Finding("ok", f"torch {torch.__version__}, no CUDA device: computing on the CPU")


def _threads(plan: Plan) -> Iterator[Finding]:
    cores = _cores()
    threads = plan.config.execution.threads
    if threads > cores:
        yield Finding("warning", f"execution.threads is {threads}, {cores} cores", "set execution.threads to 1")
    else:
        yield Finding("ok", f"{cores} cores, {threads} thread(s) per job: --cores {cores} runs {cores // threads} jobs")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory(plan: Plan) -> Iterator[Finding]:
    import psutil

    free = psutil.virtual_memory().available
    text = f"{free / 1e9:.1f} GB of memory free"
    yield Finding("ok", text) if free > 2e9 else Finding("warning", text, "a job takes about 1 GB: use fewer --cores")


def _disk(plan: Plan) -> Iterator[Finding]:
    results = Path("results")  # which may be a link to another disk
    free = shutil.disk_usage(results if results.exists() else Path.cwd()).free
    need = bytes_needed(plan, _cores() // plan.config.execution.threads)
    text = f"{free / 1e9:,.1f} GB of disk free, about {need / 1e9:,.2f} GB needed by {len(plan.runs):,} runs"
    if any(":" in run.training.architecture for run in plan.runs):
        text += ", without the weights of networks of your own"
    level = "ok" if free > 2 * need else "warning" if free > need else "error"
    yield Finding(level, text, "" if level == "ok" else "free some, or run from another disk")


def _writable(plan: Plan) -> Iterator[Finding]:
    for name in ("results", "reports"):
        folder = Path(name)
        place = folder if folder.exists() else folder.resolve().parent
        if os.access(place, os.W_OK):
            yield Finding("ok", f"{name}/ can be written")
        else:
            yield Finding("error", f"{place} cannot be written", "correct its permissions")


def _surroundings(plan: Plan) -> Iterator[Finding]:
    """What Snakemake and torch need of the account, and answer with a traceback where it lacks."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~"), ".cache"))
    place = next((path for path in (cache, *cache.parents) if path.exists()), cache)
    if os.access(place, os.W_OK):
        yield Finding("ok", f"{cache} can be written")
    else:
        yield Finding("error", f"{cache} cannot be written", "set HOME, or XDG_CACHE_HOME, to a folder of yours")
    try:
        temporary = Path(tempfile.gettempdir())
        free = shutil.disk_usage(temporary).free
    except OSError as error:
        yield Finding("error", f"no folder for temporary files ({error.strerror})", "set TMPDIR to a folder of yours")
    else:
        text = f"{free / 1e6:,.0f} MB free for temporary files in {temporary}"
        yield Finding("ok", text) if free > 2e8 else Finding("error", text, "free some, or set TMPDIR elsewhere")
    try:
        getpass.getuser()
    except (OSError, KeyError):  # KeyError before Python 3.13
        yield Finding("error", "this user has no name", "set USER, as by `docker run --env USER=me`")


def _datasets(plan: Plan) -> Iterator[Finding]:
    from wae.data.source import verify

    root = data_root(plan.config)
    for name in plan.config.run.datasets:
        settings = plan.config.datasets[name]
        lacking = missing(settings.source, settings.options, root)
        prepared = Path("results/data") / plan.data_id(name)
        changed = difference(prepared / "meta.json", of_prepared(plan, name, prepared))
        if (prepared / "meta.json").exists():
            try:
                verify(prepared)
            except UserError as error:
                yield Finding("error", f"dataset {name}: {error}", f"delete {prepared} and run again")
            else:
                yield Finding("ok", f"dataset {name} is prepared, its sha256 as recorded")
            if changed and lacking:
                text = f"dataset {name}: {changed}, and cannot be prepared again: {lacking}"
                yield Finding("error", text, "put the files there or set data_root")
            elif changed:
                yield Finding("warning", f"dataset {name}: {changed}", "it is prepared again at the next start")
        elif lacking:
            yield Finding("error", f"dataset {name}: {lacking}", "put the files there or set data_root")
        else:
            if wanted := to_fetch(settings.source, root):
                yield Finding("warning", f"dataset {name} is fetched when first needed: {wanted}", "or set data_root")
            yield Finding("ok", f"dataset {name} from {settings.source}, data root {root or 'not set'}")


def _extractors(plan: Plan) -> Iterator[Finding]:
    for name in plan.config.run.extractors:
        settings = plan.config.extractors[name]
        if settings.weights is None and settings.kind == "efficientnet_lite0":
            yield _packaged_weights(name)
        elif settings.weights is None and settings.kind in FETCHED:
            yield _hub_weights(name, settings.kind)
        elif settings.weights is not None and not Path(settings.weights).expanduser().exists():
            yield Finding("error", f"extractor {name}: no file {settings.weights}", "put the weights there")
        else:
            yield Finding("ok", f"extractor {name} ({settings.kind})")


def _packaged_weights(name: str) -> Finding:
    from wae.evaluation.efficientnet_lite0 import packaged_weights

    try:
        return Finding("ok", f"extractor {name} (efficientnet_lite0), weights in {packaged_weights()}")
    except UserError as error:
        return Finding("error", f"extractor {name}: {error}", f"or set extractors.{name}.weights to its file")


def _hub_weights(name: str, kind: str) -> Finding:
    import torch

    hub = Path(torch.hub.get_dir())
    if path := next((hub / "checkpoints").glob(FETCHED[kind]), None):
        return Finding("ok", f"extractor {name} ({kind}), weights in {path}")
    remedy = f"set extractors.{name}.weights to a local file"
    if kind.startswith("dinov2-"):  # torch-fidelity reads no weights file for these
        remedy = f"copy {hub} of one that has them, or set TORCH_HOME"
    text = f"extractor {name}: the weights of {kind} are fetched from the network when first needed"
    return Finding("warning", text, f"on a machine without network {remedy}")


def print_findings(plan: Plan) -> bool:
    """Print every finding; True when none is an error."""
    findings = examine(plan)
    for finding in findings:
        print(f"{finding.level:8}{finding.text}" + (f" -> {finding.remedy}" if finding.remedy else ""))
    return not any(finding.level == "error" for finding in findings)
