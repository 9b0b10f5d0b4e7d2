"""A second process of a stage waits for the first, and makes again only what that one has not made of the same."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from wae.commands import stages
from wae.core import locks
from wae.core.layout import Layout
from wae.planning.config import merge
from wae.planning.plan import Plan, load_plan

SMALL = {
    "run": {"methods": ["vae"], "seeds": [0]},
    "extractors": {"classifier": {"width": 4, "features": 8, "epochs": 1, "min_steps": 1}},
    "evaluation": {"samples": 100, "halves": 0, "parzen_samples": 0},
}
STAGES: dict[str, Callable[[Plan, Layout], Path]] = {
    "prepare": lambda plan, layout: stages.prepare(plan, "digits", layout) / "meta.json",
    "extractor": lambda plan, layout: stages.extractor(plan, "digits", "classifier", layout) / "extractor.json",
    "reference": lambda plan, layout: stages.reference(plan, "digits", "classifier", layout) / "reference.json",
}


@pytest.fixture
def plan(smoke: dict[str, Any]) -> Plan:
    return load_plan(merge(smoke, SMALL))


def made(plan: Plan, layout: Layout, until: str) -> Path:
    """The record of the stage ``until``, made after the stages before it."""
    for name, stage in STAGES.items():
        record = stage(plan, layout)
        if name == until:
            return record
    raise ValueError(until)


def made_again(
    name: str,
    plan: Plan,
    layout: Layout,
    record: Path,
    meanwhile: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> bool:
    """Whether a stage makes its ``record`` again after it waited for another, which did ``meanwhile``."""
    lock, waiting, holder = locks.take(record.with_name(f"{name}.lock")), threading.Event(), locks.holder
    assert lock is not None
    monkeypatch.setattr(locks, "holder", lambda path: waiting.set() or holder(path))
    with ThreadPoolExecutor(1) as pool:
        try:
            second = pool.submit(STAGES[name], plan, layout)
            assert waiting.wait(60)
            with monkeypatch.context() as first:
                first.setattr(stages, "_alone", lambda *_: nullcontext())  # it has the lock
                meanwhile()
            found = record.stat()
        finally:
            lock.release()
        second.result(120)
    return record.stat().st_mtime_ns != found.st_mtime_ns


@pytest.mark.parametrize("name", STAGES)
def test_what_was_made_meanwhile_is_not_made_again(
    name: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    record = made(plan, layout, name)
    assert not made_again(name, plan, layout, record, lambda: STAGES[name](plan, layout), monkeypatch)


@pytest.mark.parametrize("name", ["extractor", "reference"])
def test_after_a_process_that_was_stopped_the_work_is_done(
    name: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    record = made(plan, layout, name)
    assert made_again(name, plan, layout, record, lambda: None, monkeypatch)


@pytest.mark.parametrize("name", ["extractor", "reference"])
def test_what_was_made_of_older_images_is_made_again(
    name: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    record = made(plan, layout, name)

    def meanwhile() -> None:
        STAGES[name](plan, layout)
        (layout.data(plan.data_id("digits")) / "meta.json").unlink()  # else they stay as they are
        STAGES["prepare"](plan, layout)

    assert made_again(name, plan, layout, record, meanwhile, monkeypatch)


def test_an_output_that_was_removed_meanwhile_is_made_again(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    record = made(plan, layout, "prepare")

    def meanwhile() -> None:
        STAGES["prepare"](plan, layout)
        record.with_name("test_labels.npy").unlink()

    assert made_again("prepare", plan, layout, record, meanwhile, monkeypatch)
    assert record.with_name("test_labels.npy").exists()
