"""`make test-slurm`: the smoke config through a real SLURM, one training job cancelled in the middle."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared.workflow import copy_project, environment
from tests.slurm.cluster import cluster, lacking, said

pytestmark = [pytest.mark.slurm, pytest.mark.skipif(lacking() is not None, reason=lacking() or "")]
LONGER = """
execution: {checkpoint_seconds: 0.2}
training: {datasets: {digits: {epochs: 60}}}
"""
CANCELLED = Path("results/smoke/digits/wae_mmd/seed0")


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with cluster(tmp_path_factory.mktemp("slurm")):
        yield


def project(folder: Path) -> Path:
    copy_project(folder)
    (folder / "config/longer.yaml").write_text(LONGER)
    return folder


def command(*options: str) -> list[str]:
    configs = ["--configfile", "config/smoke.yaml", "config/longer.yaml"]
    return [sys.executable, "-m", "snakemake", *options, *configs, "--", "all"]


def test_smoke_through_slurm_equals_the_local_run(tmp_path: Path) -> None:
    local = project(tmp_path / "local")
    subprocess.run(command("--cores", "2"), cwd=local, env=environment(), check=True, capture_output=True)

    folder = project(tmp_path / "cluster")
    options = ["--workflow-profile", "profiles/slurm", "--slurm-status-command", "squeue", "--slurm-no-account"]
    options += [
        "--slurm-init-seconds-before-status-checks",
        "5",
        "--seconds-between-status-checks",
        "5",
        "--cores",
        "2",
    ]
    options += ["--default-resources", "mem_mb=1000", "runtime=60"]
    with (folder / "console.log").open("w") as log:
        process = subprocess.Popen(command(*options), cwd=folder, env=environment(), stdout=log, stderr=log)
    cancelled = None
    while process.poll() is None:
        if cancelled is None and (folder / CANCELLED / "checkpoint.pt").exists():
            jobs = said("squeue", "-h", "-t", "R", "-o", "%i %k").splitlines()
            found = [job.split()[0] for job in jobs if "wae_mmd" in job and "train" in job]
            if found:
                cancelled = found[0]
                subprocess.run(["scancel", cancelled], check=True)
        time.sleep(0.2)
    console = (folder / "console.log").read_text()
    assert process.returncode == 0, console[-3000:]
    assert cancelled is not None
    assert f"external jobid '{cancelled}'" in console or cancelled in console
    assert re.search(r"resumed at epoch \d+, step \d+", (folder / CANCELLED / "train.log").read_text())
    for name in ("metrics.csv", "plan.json"):
        assert (folder / "results/smoke" / name).read_bytes() == (local / "results/smoke" / name).read_bytes()
    assert (folder / "reports/summary.html").exists()
    assert said("squeue", "-h") == ""
