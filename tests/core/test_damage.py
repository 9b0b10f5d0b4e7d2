"""Damage of every kind to every kind of file: one line with the remedy, or the same content as before; never else."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from wae.analysis.collecting import collect_plan
from wae.analysis.results import Results
from wae.analysis.runs import load_metrics, load_runs, load_runs_files
from wae.commands import api, experiment, stages
from wae.commands.check import write_checked_plan
from wae.core.errors import UserError
from wae.core.files import read_json
from wae.core.layout import Layout, RunFolder
from wae.data.source import load
from wae.evaluation.features import load_extractor
from wae.evaluation.reference import load_reference
from wae.evaluation.subjects import read_run
from wae.planning.config import merge
from wae.planning.plan import Plan, load_plan
from wae.report.page.explorer import explorer

CELL = "digits/vae/seed0"
SMALL = {
    "run": {"methods": ["vae"], "seeds": [0]},
    "training": {"common": {"epochs": 2, "snapshots": 2}},
    "extractors": {"classifier": {"epochs": 1, "min_steps": 1}},
    "evaluation": {"samples": 100, "draws": 1, "halves": 1, "permutations": 19, "importance_samples": 0},
}


class World:
    """A finished experiment of one run, and what reads each of its files."""

    def __init__(self, plan: Plan, results: Path) -> None:
        layout = Layout(results)
        data_id = plan.data_id("digits")
        self.data = layout.data(data_id)
        self.extractor = layout.extractor(data_id, plan.extractor_id("classifier"))
        self.reference = layout.reference(data_id, plan.reference_id("classifier"))
        self.experiment = plan.folder(layout).path
        self.run = self.experiment / CELL
        self.plan = plan
        self.layout = layout
        self.snapshot = min(path.name for path in (self.run / "snapshots").iterdir())

    def collected(self) -> str:
        collect_plan(self.plan, self.layout)
        return (self.experiment / "metrics.csv").read_text()

    def readers(self) -> dict[Path, Callable[[], Any]]:
        def rows(name: str) -> Callable[[], Any]:
            return lambda: load_runs_files(self.experiment, load_runs(self.experiment / "runs.csv"), name)

        def trained() -> Any:
            return read_run(RunFolder(self.run)), api.load(self.run).sample(2, 0)

        found: dict[Path, Callable[[], Any]] = {}
        for split in ("train", "test"):
            for part in ("images", "labels"):
                found[self.data / f"{split}_{part}.npy"] = lambda s=split: load(self.data, s)  # type: ignore[misc]
        found[self.data / "meta.json"] = lambda: (load(self.data, "train"), read_json(self.data / "meta.json"))
        for name in ("extractor.json", "weights.safetensors"):
            found[self.extractor / name] = lambda: load_extractor(self.extractor).module.state_dict()
        for name in ("reference.json", "reference.npz"):
            found[self.reference / name] = lambda: vars(load_reference(self.reference))["features"]
        for name in ("weights.safetensors", "settings.json", "run.json", f"snapshots/{self.snapshot}"):
            found[self.run / name] = trained
        found[self.run / "history.csv"] = rows("history.csv")
        found[self.run / "trajectory.csv"] = rows("trajectory.csv")
        found[self.run / "metrics.json"] = self.collected
        found[self.run / "explorer.json"] = lambda: explorer(Results(self.experiment))
        found[self.experiment / "manifest.json"] = lambda: Results(self.experiment).manifest
        found[self.experiment / "plan.json"] = lambda: load_plan(self.experiment / "plan.json").document()
        return found


@pytest.fixture(scope="module")
def world(root: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    from wae.planning.config import read_config

    plan = load_plan(merge(read_config(root / "config/smoke.yaml"), SMALL))
    results = tmp_path_factory.mktemp("damage") / "results"
    layout = Layout(results)
    api.train(plan, CELL, results)
    api.evaluate(plan, CELL, results)
    write_checked_plan(plan, plan.folder(layout).plan)
    experiment.collect(plan, layout)
    experiment.manifest(plan, layout)
    assert stages.train(plan, api._cell(CELL), layout) == plan.folder(layout).path / CELL
    return World(plan, results)


def flipped(position: float, bit: int) -> Callable[[bytes], bytes]:
    def damage(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[min(int(position * len(content)), len(content) - 1)] ^= 1 << bit
        return bytes(changed)

    return damage


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut to half": lambda content: content[: len(content) // 2],
    "cut by a byte": lambda content: content[:-1],
    "a byte more": lambda content: content + b"0",
    "zeros": lambda content: bytes(len(content)),
    "noise": lambda content: np.random.default_rng(0).bytes(len(content)),
    "text": lambda content: b"x\n",
    "a list": lambda content: b"[]",
    "a number": lambda content: b"3",
    "an empty map": lambda content: b"{}",
    "null": lambda content: b"null",
    "deep": lambda content: b"[" * 100_000,
    "not UTF-8": lambda content: b"\xff\xfe" + content,
} | {
    f"bit {bit} at {position:g}": flipped(position, bit) for position in (0, 0.03, 0.3, 0.5, 0.77, 1) for bit in (0, 4)
}
FILES = (
    *("train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy", "meta.json"),
    *("extractor.json", "classifier weights", "reference.json", "reference.npz"),
    *("weights.safetensors", "settings.json", "run.json", "snapshot", "history.csv", "trajectory.csv", "metrics.json"),
    *("explorer.json", "manifest.json", "plan.json"),
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, pd.DataFrame):
        return a.equals(b)
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "images"):
        return same((a.images, a.labels), (b.images, b.labels))
    return bool(a == b)


@pytest.mark.parametrize("index", range(len(FILES)), ids=FILES)
def test_damage_is_said_in_one_line_with_the_remedy(index: int, world: World) -> None:
    readers = world.readers()
    assert len(readers) == len(FILES)
    path, read = list(readers.items())[index]
    content, whole = path.read_bytes(), read()
    failures = []
    try:
        for number, (name, damage) in enumerate(DAMAGES.items()):
            path.write_bytes(damage(content))
            os.utime(path, ns=(10**18 + number, 10**18 + number))  # so that no clock is too coarse to tell them apart
            try:
                if not same(read(), whole):
                    failures.append(f"{name}: used in silence")
            except UserError as error:
                text = str(error)
                if "\n" in text or path.name not in text or not re.search("again|delete|write", text):
                    failures.append(f"{name}: {text}")
            except Exception as error:
                failures.append(f"{name}: {type(error).__name__}: {error}")
    finally:
        path.write_bytes(content)
    assert failures == []
    assert same(read(), whole)


def test_a_corrupt_run_is_trained_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    weights = world.run / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(flipped(0.9, 0)(content))
    stages.train(world.plan, api._cell(CELL), world.layout)
    assert "weights.safetensors: corrupt" in capsys.readouterr().err
    assert weights.read_bytes() == content


def test_the_collected_table_is_read_back(world: World) -> None:
    assert len(load_metrics(world.experiment / "metrics.csv")) > 5
