"""Where the bits of two results must agree: commit, versions, machine, and the device of each run."""

import re
from pathlib import Path
from typing import Any

import pytest

from wae.analysis.collecting import write_table
from wae.analysis.runs import ORIGIN, RUNS_COLUMNS
from wae.commands import origin, verify
from wae.commands.recorded import Recorded, RecordedCell, config_to_rerun
from wae.core.errors import UserError
from wae.core.files import read_json, write_json
from wae.core.settings.types import NAME
from wae.planning.plan import load_plan


def write_runs(path: Path, seeds: int = 5, **said: str) -> None:
    """A runs.csv of method "a" on dataset "d"."""
    run = {"experiment": "e", "dataset": "d", "method": "a", "status": "finished", "threads": 1} | said
    write_table(path, [run | {"seed": seed} for seed in range(seeds)], (*RUNS_COLUMNS, *ORIGIN))


def test_one_commit_is_one_origin_only_without_changes_and_on_one_machine() -> None:
    made = {"commit": "c0", "clean_tree": True, "versions": {"torch": "2"}, "hardware": {"processor": "P", "cores": 2}}
    assert origin.same_origin(made, made | {"hardware": {"processor": "P", "cores": 64}})
    for change in (
        {"commit": "c1"},
        {"clean_tree": False},
        {"clean_tree": None},
        {"versions": {"torch": "3"}},
        {"hardware": {"processor": "Q"}},
    ):
        assert not origin.same_origin(made, made | change)
    assert not origin.same_origin(made | {"commit": None}, made | {"commit": None})


@pytest.mark.parametrize("name", ["torch", "processor", "cpu_capability"])
def test_runs_that_differ_among_themselves_are_of_no_one_origin(name: str) -> None:
    made = {"commit": "c0", "clean_tree": True, "versions": {"torch": "2"}, "hardware": {"processor": "P"}}
    mixed = made | {"runs_differ": {name: ["1", "2"]}}
    assert not origin.same_origin(mixed, made)
    assert not origin.same_origin(made, mixed)
    assert origin.same_origin(made, made | {"runs_differ": {"driver": ["1", "2"]}})
    assert Recorded(experiment="e", config={}, plan=[], **mixed).model_dump()["runs_differ"] == mixed["runs_differ"]


def test_a_gpu_counts_by_its_name_and_a_missing_table_says_nothing(tmp_path: Path) -> None:
    write_runs(tmp_path / "gpu.csv", 2, device="cuda:0", gpu="NVIDIA H200")
    write_runs(tmp_path / "cpu.csv", 1, device="cpu", gpu="")
    write_runs(tmp_path / "silent.csv", 1, device="")
    gpu, cpu = origin.devices(tmp_path / "gpu.csv"), origin.devices(tmp_path / "cpu.csv")
    assert gpu == {"d/a/seed0": "NVIDIA H200", "d/a/seed1": "NVIDIA H200"}
    assert cpu == {"d/a/seed0": "cpu"}
    assert origin.devices(tmp_path / "silent.csv") == origin.devices(tmp_path / "none.csv") == {}
    assert origin.moved(gpu, gpu) == origin.moved(cpu, {}) == origin.moved({}, cpu) == []
    assert origin.moved(gpu, cpu) == ["recorded on NVIDIA H200, made again on cpu"]


def test_a_rerun_keeps_what_moves_the_bits_and_no_more() -> None:
    execution = {
        **{"device": "cuda:3", "threads": 2, "tf32": True, "kernel_gradients": "products"},
        **{"checkpoint_seconds": 9.0, "trackers": ["own.tracker:Tracker"]},
    }
    made = Recorded(experiment="e", config={"execution": execution}, plan=[])
    again = config_to_rerun(made)["execution"]
    assert again == {"device": "auto", "threads": 2, "tf32": True, "kernel_gradients": "products"}
    assert config_to_rerun(Recorded(experiment="e", config={}, plan=[]), "cpu")["execution"] == {"device": "cpu"}
    names = ["e", "e" * 57, "e" * 58, "e" * 63 + "f"]
    named = [config_to_rerun(Recorded(experiment=name, config={}, plan=[]))["experiment"] for name in names]
    assert named[:2] == ["verify_e", "verify_" + "e" * 57]
    assert len(set(named)) == 4
    assert all(re.fullmatch(NAME, name) for name in named)


@pytest.mark.parametrize(("said", "device"), [("cpu", "cpu"), ("cuda:0", "auto"), ("", "auto")])
def test_a_run_of_the_processor_is_made_again_on_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, device: str
) -> None:
    write_runs(tmp_path / "runs.csv", device=said, gpu="NVIDIA H200" if said.startswith("cuda") else "")
    cell: dict[str, Any] = {"dataset": "d", "method": "a", "seed": 0, "settings": {}}
    record = Recorded.model_validate({"experiment": "e", "config": {}, "plan": [cell]})
    asked = []

    def load_plan(config: dict[str, Any]) -> None:
        asked.append(config["execution"]["device"])
        raise UserError("far enough")

    monkeypatch.setattr(verify, "load_plan", load_plan)
    with pytest.raises(UserError, match="far enough"):
        verify.rerun(record, "d/a/seed0", tmp_path / "results", tmp_path)
    assert asked == [device]


def test_a_rerun_plans_the_recorded_names_whatever_the_order_of_the_keys_that_vary(tmp_path: Path) -> None:
    # A manifest's keys are sorted, and a variant's name follows the order in which its config has them.
    grid: list[Any] = [
        {"methods": ["wae_mmd"], "values": {"latent_dim": [2, 8], "lambda_": [1.0, 3.0]}},
        {"methods": ["wae_gan"], "values": {"prior": ["uniform"], "latent_dim": [2], "lambda_": [1.0]}},
        {"methods": ["vae"], "values": {"latent_dim": [2]}},
    ]
    run = {"datasets": ["glyphs"], "methods": [], "seeds": [0], "vary": grid}
    plan = load_plan({"experiment": "e", "run": run})
    write_json(tmp_path / "config.json", {"experiment": "e", "run": run})
    cells = [RecordedCell(dataset="glyphs", method=made.method, seed=0, settings={}) for made in plan.runs]
    made = Recorded(experiment="e", config=read_json(tmp_path / "config.json", own=True), plan=cells)
    again = load_plan(config_to_rerun(made))
    assert [str(cell.method) for cell in again.runs] == [cell.method for cell in plan.runs]
    assert again.runs[-2].method == "wae_gan@prior=uniform+latent_dim=2+lambda_=1.0"
    for config in ({}, {"run": None}, {"run": {"vary": 3}}, {"run": {"vary": [3, {"values": 3}]}}):
        assert config_to_rerun(made.model_copy(update={"config": config})).get("run") == config.get("run")
