"""The workflow as its users run it: the smoke config from data to page, in a copy of the project."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.shared.workflow import copy_project, snakemake
from wae.core.files import read_json
from wae.planning.config import read_config
from wae.planning.plan import load_plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(smoke_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after the smoke config, to be edited."""
    return shutil.copytree(smoke_project, tmp_path_factory.mktemp("workflow") / "project")


def test_every_cell_of_the_tables_comes_from_a_finished_run(done: Path) -> None:
    with (done / "results/smoke/runs.csv").open() as file:
        runs = list(csv.DictReader(file))
    assert [(r["dataset"], r["method"], r["seed"], r["status"]) for r in runs] == [
        ("digits", method, "0", "finished") for method in ("vae", "wae_gan", "wae_mmd")
    ]
    with (done / "results/smoke/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for method in ("vae", "wae_gan", "wae_mmd"):
        found = {(r["metric"], r["subject"]) for r in rows if r["method"] == method}
        assert {("fid_classifier", "prior"), ("fid_classifier", "reconstruction"), ("mse", "reconstruction")} <= found
    assert all(r["label"] == "smoke" for r in rows if r["metric"] == "fid_classifier")


def test_the_page_is_there_and_asks_nothing_of_the_network(done: Path) -> None:
    page = (done / "reports/summary.html").read_text()
    assert page.count("<table") >= 1
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#|https?://doi|https?://arxiv)[^"']+["']""", page)
    assert len(page) < 8_000_000


def test_the_workflow_plans_what_check_plans(done: Path) -> None:
    written = json.loads((done / "results/smoke/plan.json").read_text())
    assert written["runs"] == [run.model_dump() for run in load_plan(read_config(done / "config/smoke.yaml")).runs]


def test_without_a_config_the_default_one_is_run(done: Path) -> None:
    result = snakemake(done, "-n", "--", "all", config="")
    assert result.returncode == 0, result.stdout
    assert "results/default/plan.json" in result.stdout


def test_a_second_run_has_nothing_to_do(done: Path) -> None:
    result = snakemake(done, "-n", "--", "all")
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout


def planned_rules(folder: Path, *arguments: str) -> set[str]:
    result = snakemake(folder, "-n", *arguments, "--", "all")
    assert result.returncode == 0, result.stdout
    return set(re.findall(r"^(?:local)?rule (\w+):", result.stdout, re.MULTILINE)) - {"all"}


def test_an_edit_reruns_what_depends_on_it_and_nothing_else(done: Path) -> None:
    figure = done / "wae/report/figures/draw.py"
    before = figure.read_text()
    figure.write_text(before + "\nUNUSED = 1\n")
    assert planned_rules(done) == {"figures", "page", "summary"}
    figure.write_text(before)
    loss = done / "wae/methods/wae_mmd.py"
    before = loss.read_text()
    loss.write_text(before + "\nUNUSED = 1\n")
    planned = planned_rules(done)
    assert {"plan", "train", "evaluate", "collect", "page"} <= planned  # the plan has what is known of a method
    assert not {"prepare", "classifier", "reference"} & planned
    loss.write_text(before + "\n# A comment changes no number.\n")
    assert planned_rules(done) == set()
    loss.write_text(before)


def test_an_edited_default_reaches_the_plan_with_all_that_it_changes(done: Path) -> None:
    settings = done / "wae/core/settings/training.py"
    before = settings.read_text()
    edited = re.sub(r"(adam_beta1: .*\]) = 0\.5", r"\1 = 0.9", before)
    assert edited != before
    settings.write_text(edited)
    try:
        planned = planned_rules(done)
        assert {"plan", "train", "evaluate", "timing", "collect", "manifest", "analyse", "page"} <= planned
        assert not {"prepare", "classifier", "reference"} & planned
        assert snakemake(done, "--", "results/smoke/plan.json").returncode == 0
        runs = read_json(done / "results/smoke/plan.json")["runs"]
        assert {run["training"]["adam_beta1"] for run in runs} == {0.9}
    finally:
        settings.write_text(before)
    assert snakemake(done, "--", "results/smoke/plan.json").returncode == 0


def test_a_default_of_the_discriminators_that_are_timed_reruns_the_study(done: Path) -> None:
    settings = done / "wae/core/settings/training.py"
    before = settings.read_text()
    edited = re.sub(r"(critic_depth: .*\]) = 4", r"\1 = 5", before)
    assert edited != before
    settings.write_text(edited)
    try:
        assert "timing" in planned_rules(done)
    finally:
        settings.write_text(before)


def test_a_setting_reruns_only_its_own_runs(done: Path) -> None:
    smoke = (done / "config/smoke.yaml").read_text()
    methods = "  methods: {wae_mmd: {lambda_: 11.0}}"
    (done / "config/heavier.yaml").write_text(smoke.replace("training:\n", f"training:\n{methods}\n"))
    result = snakemake(done, "-n", "--", "all", config="config/heavier.yaml")
    assert result.returncode == 0, result.stdout
    retrained = re.findall(
        r"^(?:local)?rule train:.*?wildcards: dataset=(\w+), method=(\w+)", result.stdout, re.M | re.S
    )
    assert retrained == [("digits", "wae_mmd")]


def test_a_typo_stops_before_any_job(done: Path) -> None:
    result = snakemake(done, "--config", 'evaluation={"sampels": 3}', "--", "all")
    assert result.returncode != 0
    assert "config: evaluation: unknown key 'sampels'" in result.stdout
    assert "did you mean 'samples'" in result.stdout
    assert "Traceback" not in result.stdout
    assert "Finished jobid" not in result.stdout


def test_missing_files_stop_the_workflow_unless_the_data_are_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the data root behind a link, as jobs must look in the folder that the workflow names."""
    done, root = copy_project(tmp_path / "project"), tmp_path / "root"
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    monkeypatch.setenv("WAE_DATA_ROOT", str(tmp_path / "link"))
    datasets = {
        name: {"source": "wae.data.own:array", "shape": [1, 8, 8], "options": {"path": f"{name}.npz"}} for name in "ab"
    }
    config = {
        "experiment": "own",
        "datasets": datasets,
        "run": {"datasets": ["a", "b"], "methods": ["vae"], "seeds": [0]},
    }
    (done / "own.yaml").write_text(json.dumps(config))
    prepared = [f"results/data/{load_plan(config).data_id(name)}/meta.json" for name in datasets]
    result = snakemake(done, "--", *prepared, config="own.yaml")
    for name in datasets:  # both at once, and before any job
        said = f"config: datasets.{name}: {tmp_path}/link/{name}.npz: no such file; correct option path"
        assert said in result.stdout, result.stdout
        images = np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), np.uint8)
        np.savez(root / f"{name}.npz", images=images, labels=np.arange(60) % 2)
    assert not (done / "results").exists()
    assert "2 of 2 steps (100%) done" in snakemake(done, "--", *prepared, config="own.yaml").stdout
    for name in datasets:
        (root / f"{name}.npz").unlink()
    result = snakemake(done, "--", *prepared, config="own.yaml")
    assert "Nothing to be done" in result.stdout, result.stdout


def test_status_reads_the_history_files(done: Path) -> None:
    command = [sys.executable, "-m", "wae", "status"]
    result = subprocess.run(command, cwd=done, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[0] == "smoke: 3 runs, 3 evaluated"


def test_without_snakemakes_memory_changes_are_noticed_all_the_same(done: Path, tmp_path: Path) -> None:
    """As with results/ copied alone, or .snakemake deleted: each record says what its result was made from."""
    memory = (done / ".snakemake").rename(tmp_path / "memory")
    try:
        costly = {"prepare", "classifier", "reference", "train", "evaluate", "timing"}
        assert not costly & planned_rules(
            done
        )  # the rest may follow the times of the plan that a test above made again
        for stage, made in (
            ("analysis/collecting", {"collect", "analyse", "page"}),
            ("report/figures/draw", {"figures"}),
        ):
            code = done / f"wae/{stage}.py"
            before = code.read_text()
            code.write_text(before + "\nUNUSED = 1\n")
            planned = planned_rules(done)
            assert made | {"page", "summary"} <= planned
            assert not costly & planned
            code.write_text(before)
        loss = done / "wae/methods/wae_mmd.py"
        before = loss.read_text()
        loss.write_text(before + "\nUNUSED = 1\n")
        planned = planned_rules(done)
        assert {"plan", "train", "evaluate", "timing", "collect", "page"} <= planned
        assert not {"prepare", "classifier", "reference"} & planned
        loss.write_text(before)
        smoke = (done / "config/smoke.yaml").read_text()
        methods = "  methods: {wae_mmd: {lambda_: 11.0}}"
        (done / "config/other.yaml").write_text(smoke.replace("training:\n", f"training:\n{methods}\n"))
        result = snakemake(done, "-n", "--", "all", config="config/other.yaml")
        assert re.findall(r"^(?:local)?rule train:.*?method=(\w+)", result.stdout, re.M | re.S) == ["wae_mmd"]
        assert re.search(
            "^results/.*/digits/wae_mmd/seed0.*: made with other settings; made again", result.stdout, re.M
        )
        assert {"plan", "timing", "collect", "page"} <= set(re.findall(r"^(?:local)?rule (\w+):", result.stdout, re.M))
        assert snakemake(done, "-n", "--", "results/smoke/plan.json").stdout.count("rule train:") == 0
    finally:
        shutil.rmtree(done / ".snakemake", ignore_errors=True)
        memory.rename(done / ".snakemake")


def test_snakemake_looks_for_jobs_to_start_when_one_ends_and_not_every_second(done: Path) -> None:
    snakefile = done / "Snakefile"
    said = "\n\nonsuccess:\n    print(f'limit: {workflow.scheduler.job_rate_limiter}')\n"
    snakefile.write_text(snakefile.read_text() + said)
    result = snakemake(done, "--force", "--", "results/smoke/plan.json")
    assert "limit: None" in result.stdout, result.stdout
