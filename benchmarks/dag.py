"""What the workflow adds to the computing of its jobs: whole runs at two cores, a run with nothing to do, a dry run."""

import ast
import functools
import inspect
import os
import shutil
import statistics
import sys
import tempfile
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from benchmarks.processes import Usage, usage
from wae import cli
from wae.commands import experiment, stages
from wae.core.plugins import ROOT
from wae.planning.config import merge, read_config

PARTS = ("Snakefile", "config", "profiles", "workflow", "wae", "baselines", "environment.yml", "pyproject.toml")
CORES = 2
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", str(CORES), "--quiet", "all"]
SHORT: dict[str, Any] = {"timing": read_config(ROOT / "config/smoke.yaml")["timing"]}  # left out of the shares
MNIST: dict[str, Any] = {"training": {"common": {"epochs": 1}}, "run": {"seeds": [0]}, "evaluation": {"draws": 1}}
# Stands for `python` on the jobs' PATH and notes what each spent: stage, start, wall, user and system seconds.
SHIM = """#!/bin/bash
TIMEFORMAT="$3 $EPOCHREALTIME %3R %3U %3S"
exec 3>&2
{{ time {python} "$@" 2>&3 3>&-; }} 2>> {log}
"""


# Two jobs a run, as here, and nothing else: what Snakemake itself takes.
PLAINEST = """rule all:
    input: expand("run{{n}}/metrics.json", n=range({count}))
rule train:
    output: "{{run}}/weights"
    shell: "touch {{output}}"
rule evaluate:
    input: "{{run}}/weights"
    output: "{{run}}/metrics.json"
    shell: "touch {{output}}"
"""


class Workflow:
    """A copy of the project whose jobs are timed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder / "project", folder / "jobs.log"
        self.folder.mkdir()
        for name in PARTS:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, self.folder / name)
        shims = folder / "bin"
        shims.mkdir()
        (shims / "python").write_text(SHIM.format(python=sys.executable, log=self.log))
        (shims / "python").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{shims}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH"):
            self.environment.pop(name, None)

    def write(self, name: str, config: dict[str, Any]) -> str:
        """A config of that name in the copy; its path from there."""
        path = f"config/{name}.yaml"
        (self.folder / path).write_text(yaml.safe_dump(config))
        return path

    def run(self, config: str, *arguments: str) -> Usage:
        """`snakemake --cores 2 --configfile CONFIG ARGUMENTS`, in the copy."""
        command = [*SNAKEMAKE, "--configfile", config, *arguments, "--", "all"]
        return usage(command, self.folder, self.environment)

    def jobs(self) -> list[dict[str, Any]]:
        """What each job since the last call spent, by the order in which they ended."""
        rows = [line.split() for line in self.log.read_text().splitlines()]
        self.log.unlink()
        return [
            {"stage": stage, "start": float(start), "wall": float(wall), "cpu": float(user) + float(system)}
            for stage, start, wall, user, system in (row for row in rows if len(row) == 5)
        ]


@functools.cache
def starting(stage: str) -> float:
    """Computing seconds of `python` with the imports of a stage and nothing else."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "\n".join(["import wae.cli", *imports(stage)])]
    return usage(command, ROOT, environment).cpu


def imports(stage: str) -> list[str]:
    """The import statements that a stage runs: its command's, and those of the function of that name it calls."""
    functions = [getattr(module, stage) for module in (cli, stages, experiment) if hasattr(module, stage)]
    trees = [ast.parse(textwrap.dedent(inspect.getsource(function))) for function in functions]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def summary(whole: Usage, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares of cores x wall that the jobs computed, with and without the study, which holds all cores by intent."""
    study = [job for job in jobs if job["stage"] == "timing"]
    others = [job for job in jobs if job["stage"] != "timing"]
    held = sum(job["wall"] for job in study)
    counts = Counter(job["stage"] for job in jobs)
    start = {stage: starting(stage) for stage in counts}
    rest = CORES * (whole.wall - held)
    cpu = sum(job["cpu"] for job in others)
    return {
        "wall": whole.wall,
        "jobs": len(jobs),
        "study_wall": held,
        "whole": (cpu + CORES * held) / (CORES * whole.wall),
        "computing": sum(job["cpu"] for job in jobs) / (CORES * whole.wall),
        "outside_study": cpu / rest,
        "starting": sum(start[stage] * count for stage, count in counts.items() if stage != "timing") / rest,
        "start_seconds": start,
        "stages": {
            stage: {
                "jobs": counts[stage],
                "cpu": sum(job["cpu"] for job in jobs if job["stage"] == stage),
                "wall": sum(job["wall"] for job in jobs if job["stage"] == stage),
            }
            for stage in sorted(counts)
        },
    }


def short(name: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """config/NAME.yaml with ``changes`` and a short wall-clock study."""
    return merge(read_config(ROOT / f"config/{name}.yaml"), (changes or {}) | SHORT)


def measure(quick: bool) -> dict[str, Any]:
    """The default config; MNIST's at one epoch (one seed and draw, to end in time); nothing to do; dry runs.

    Both with a short wall-clock study, which the shares leave out.
    """
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        workflow = Workflow(Path(name))
        main = "config/smoke.yaml" if quick else workflow.write("default_short", short("config"))
        found["default"] = summary(workflow.run(main), workflow.jobs())
        found["nothing_to_do"] = [workflow.run(main) for _ in range(1 if quick else 3)]
        if not quick and (Path(os.environ.get("WAE_DATA_ROOT", "")) / "MNIST/raw").is_dir():
            mnist = workflow.write("mnist_short", short("mnist", MNIST))
            found["mnist"] = summary(workflow.run(mnist), workflow.jobs())
        counts = [30, 90] if quick else [30, 99, 300, 999]
        found["dry_run"], found["plainest"] = dry_runs(workflow, counts), plainest(Path(name) / "plainest", counts[-1])
    return found


def dry_runs(workflow: Workflow, counts: list[int]) -> dict[int, float]:
    """Seconds of a dry run by the number of runs planned (three methods, a third as many seeds)."""
    found = {}
    for count in counts:
        run = {"datasets": ["digits"], "methods": ["vae", "wae_mmd", "wae_gan"], "seeds": list(range(count // 3))}
        config = {"experiment": "many", "run": run}
        many = workflow.write("many", config)
        repeats = 3 if count == counts[-1] else 1
        found[count] = statistics.median(workflow.run(many, "--dry-run").wall for _ in range(repeats))
    return found


def plainest(folder: Path, count: int) -> float:
    """Seconds of a dry run of as many runs that have one file a job, no settings and no code to look after."""
    folder.mkdir()
    (folder / "Snakefile").write_text(PLAINEST.format(count=count))
    command = [*SNAKEMAKE, "--dry-run"]
    return statistics.median(usage(command, folder, dict(os.environ)).wall for _ in range(3))
