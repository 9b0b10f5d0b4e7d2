"""The workflow as a module of another workflow, run from that workflow's folder."""

import json
from pathlib import Path
from textwrap import indent

import pytest

from tests.shared.workflow import copy_project, snakemake

METRICS = "results/smoke/metrics.csv"
SNAKEFILE = """
configfile: "mine.yaml"


module wae:
    snakefile:
        "../suite/workflow/Snakefile"
    config:
        config["wae"]


use rule * from wae as wae_*


rule runs:
    default_target: True
    input:
        page="reports/summary.html",
        runs="results/smoke/runs.csv",
    output:
        "runs.txt",
    shell:
        "wc -l < {input.runs} > {output}"
"""


@pytest.mark.slow
def test_another_workflow_runs_the_smoke_config_in_its_own_folder_to_the_same_bytes(
    smoke_project: Path, tmp_path: Path
) -> None:
    suite, outer = copy_project(tmp_path / "suite"), tmp_path / "outer"
    package = suite / "wae/core/version.py"
    package.write_text(package.read_text().replace('__version__ = "', '__version__ = "of.this.copy.'))
    outer.mkdir()
    (outer / "Snakefile").write_text(SNAKEFILE)
    smoke = (suite / "config/smoke.yaml").read_text()
    (outer / "mine.yaml").write_text(f"of_the_outer_workflow: 1\nwae:\n{indent(smoke, '  ')}")
    result = snakemake(outer, config="")
    assert result.returncode == 0, result.stdout[-3000:]
    assert (outer / "runs.txt").read_text().strip() == "4"  # the header and three runs
    manifest = json.loads((outer / "results/smoke/manifest.json").read_text())
    assert manifest["versions"]["wae"].startswith("of.this.copy.")
    assert (outer / METRICS).read_bytes() == (smoke_project / METRICS).read_bytes()
    assert not (suite / "results").exists()
    assert not (suite / "reports").exists()

    again = snakemake(outer, "--dry-run", config="")
    assert "Nothing to be done" in again.stdout
    (outer / "mine.yaml").write_text((outer / "mine.yaml").read_text().replace("{snapshots: 2}", "{snapshots: 3}"))
    planned = snakemake(outer, "--dry-run", config="").stdout
    assert "rule wae_train:" in planned
    assert "rule wae_prepare:" not in planned
