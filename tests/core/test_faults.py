"""Jobs that fail by data, memory, disk or limit: a clear line in log and console, and everything else goes on."""

import csv
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.shared.workflow import copy_project
from tests.shared.workflow import snakemake as run_snakemake

METHODS = """
import os
import signal
from pathlib import Path
from typing import Any, ClassVar

from wae.methods.wae_mmd import WAEMMD


class Faulty(WAEMMD):
    options: ClassVar[dict[str, Any]] = {"fault": ""}

    def penalty(self, batch, streams):
        penalty = super().penalty(batch, streams)
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 20:
            if self.own["fault"] == "truncate":
                for file in Path("results/data").glob("cut-*/train_images.npy"):
                    os.truncate(file, 100)
            elif self.own["fault"] == "nan":
                return penalty * float("nan")
            else:
                os.kill(os.getpid(), getattr(signal, self.own["fault"]))
        return penalty
"""
CONFIG = """
experiment: faults
run: {{datasets: [digits], methods: {methods}, seeds: [0]}}
execution: {{device: cpu}}
datasets: {{cut: {{source: "wae.data.embedded:digits", shape: [1, 8, 8], options: {{}}}}}}
training:
  common: {{snapshots: 1}}
  datasets: {{digits: {{width: 8, epochs: 3}}, cut: {{width: 8, depth: 2, epochs: 3}}}}
  methods:
    hungry: {{like: wae_mmd, architecture: mlp, width: 65536}}
    diverging: {{like: wae_mmd, implementation: "faulty:Faulty", options: {{fault: nan}}}}
    killed: {{like: wae_mmd, implementation: "faulty:Faulty", options: {{fault: SIGKILL}}}}
    late: {{like: wae_mmd, implementation: "faulty:Faulty", options: {{fault: SIGTERM}}}}
    cut: {{like: wae_mmd, implementation: "faulty:Faulty", options: {{fault: truncate}}}}
extractors: {{classifier: {{width: 8, features: 16, epochs: 1, min_steps: 0}}}}
evaluation:
  {{samples: 100, draws: 1, curve_points: 0, halves: 0, permutations: 19, kid_subsets: 2, kid_subset_size: 50,
   interpolations: false}}
"""
RUNS = "results/faults/digits"
FAULTS = {  # what each run's log says last, and the console with it
    "hungry": r"error: out of memory in stage train \(.*\); lower batch_size or width, or use fewer --cores",
    "killed": r"digits/killed/seed0: .*step/s.*",  # nothing is left to say anything: the bar stands where it stood
    "late": r"stopped by SIGTERM at epoch \d+, step \d+; the checkpoint is saved, the same command goes on from there",
}


def new_project(folder: Path, methods: list[str], dataset: str = "digits") -> Path:
    copy_project(folder)
    (folder / "faulty.py").write_text(METHODS)
    text = CONFIG.format(methods=methods).replace("[digits]", f"[{dataset}]")
    (folder / "config/faults.yaml").write_text(text)
    return folder


def snakemake(folder: Path, *targets: str, until: str = "", config: str = "") -> tuple[int, str]:
    """Exit status and console of the workflow under --keep-going, with 12 GB of memory for each process."""
    options = ["--keep-going", *(["--until", until] if until else []), *(["--config", config] if config else [])]
    limit = partial(resource.setrlimit, resource.RLIMIT_AS, (12 * 10**9, 12 * 10**9))
    result = run_snakemake(folder, *options, "--", *targets, config="config/faults.yaml", before=limit)
    return result.returncode, result.stdout


def last_line(log: Path) -> str:
    return re.split(r"[\r\n]+", log.read_text().strip())[-1]


@pytest.mark.slow
def test_one_bad_run_stops_no_other_and_the_report_says_what_is_missing(tmp_path: Path) -> None:
    folder = new_project(tmp_path / "project", ["wae_mmd", "diverging", *FAULTS])
    status, said = snakemake(folder, "results/faults/metrics.csv")
    assert status != 0
    assert "Traceback" not in said
    for method, line in FAULTS.items():
        log = folder / RUNS / method / "seed0/train.log"
        assert re.fullmatch(line, last_line(log))
        assert re.search(line, said)
        assert not list(log.parent.rglob(".unfinished.*"))
        assert "Traceback" not in log.read_text()
        assert not (folder / RUNS / method / "seed0/run.json").exists()
    for method in ("wae_mmd", "diverging"):
        assert (folder / RUNS / method / "seed0/metrics.json").exists()
    whole = (folder / RUNS / "wae_mmd/seed0/weights.safetensors").stat()
    for array in (folder / "results/data").rglob("*.npy"):
        array.touch()  # newer than the runs: a whole report would train them again

    status, said = snakemake(folder, "all", config="run={partial: true}")
    assert status == 0, said
    with (folder / "results/faults/runs.csv").open() as file:
        fates = {row["method"]: row["status"] for row in csv.DictReader(file)}
    assert fates == {"wae_mmd": "finished", "diverging": "diverged"} | dict.fromkeys(FAULTS, "missing")
    page = (folder / "reports/faults/summary.html").read_text()
    assert all(page.count(method) for method in FAULTS)
    assert "What is shown is what was complete" in page
    assert (folder / RUNS / "wae_mmd/seed0/weights.safetensors").stat() == whole


@pytest.mark.slow
def test_a_dataset_that_is_cut_or_deleted_in_mid_run(tmp_path: Path) -> None:
    folder = new_project(tmp_path / "project", ["cut"], dataset="cut")
    run = folder / "results/faults/cut/cut/seed0"
    status, said = snakemake(folder, "results/faults/cut/cut/seed0/run.json")
    assert status != 0
    assert "Fatal Python error: Bus error" in said
    assert "Fatal Python error: Bus error" in (run / "train.log").read_text()
    data = next((folder / "results/data").glob("cut-*"))
    (data / "train_images.npy").touch()
    status, said = snakemake(folder, "results/faults/cut/cut/seed0/run.json")
    assert status != 0
    assert re.search(r"error: .*train_images\.npy", last_line(run / "train.log"))
    (data / "train_images.npy").unlink()  # Snakemake makes it again: the remedy of every such line
    text = (folder / "config/faults.yaml").read_text().replace("truncate", "nan")
    (folder / "config/faults.yaml").write_text(text)
    status, said = snakemake(folder, "results/faults/cut/cut/seed0/run.json")
    assert status == 0, said


@pytest.mark.slow
def test_a_corrupt_extractor(tmp_path: Path) -> None:
    folder = new_project(tmp_path / "project", ["wae_mmd"])
    target = "results/faults/digits/wae_mmd/seed0/metrics.json"
    status, said = snakemake(folder, f"{RUNS}/wae_mmd/seed0/run.json")
    assert status == 0, said
    status, said = snakemake(folder, target, until="classifier")
    assert status == 0, said
    weights = next((folder / "results/extractors").rglob("weights.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    status, said = snakemake(folder, target)
    assert status != 0
    assert re.search(r"error: .*weights\.safetensors: sha256 is not the recorded", said)
    assert "Traceback" not in said
    assert (folder / RUNS / "wae_mmd/seed0/weights.safetensors").exists()
    shutil.rmtree(weights.parent)
    status, said = snakemake(folder, target)
    assert status == 0, said


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A project whose results/ is a file system of its own, of 4 MB."""
    folder = new_project(tmp_path / "project", ["wae_mmd"])
    (folder / "results").mkdir()
    if not mount(folder, "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        pytest.skip("no file system can be mounted here: it needs root")
    yield folder
    subprocess.run(["umount", str(folder / "results")], check=True)


def mount(folder: Path, *arguments: str) -> bool:
    command = ["mount", *arguments, str(folder / "results")]
    return (
        shutil.which("mount") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.slow
def test_a_full_disk(mounted: Path) -> None:
    target = f"{RUNS}/wae_mmd/seed0/run.json"
    status, said = snakemake(mounted, target, until="prepare")
    assert status == 0, said
    free = shutil.disk_usage(mounted / "results").free
    (mounted / "results/ballast").write_bytes(bytes(free - 20_000))
    status, said = snakemake(mounted, target)
    assert status != 0
    assert re.search(r"error: .*[Nn]o space left on device", said)
    assert "Traceback" not in said
    (mounted / "results/ballast").unlink()
    status, said = snakemake(mounted, target)
    assert status == 0, said


@pytest.mark.slow
def test_results_that_cannot_be_written(mounted: Path) -> None:
    assert mount(mounted, "-o", "remount,ro")
    status, said = snakemake(mounted, "results/faults/plan.json")
    assert status != 0
    assert re.search(r"results: cannot be written \(.*\); ", said)
    assert "Traceback" not in said
    assert mount(mounted, "-o", "remount,rw")
    status, said = snakemake(mounted, "results/faults/plan.json")
    assert status == 0, said
