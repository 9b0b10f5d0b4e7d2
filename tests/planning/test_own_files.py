"""Own data: by place and content, looked at for changes, and needed until they are prepared and no longer."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import wae
from tests.shared.own_images import replace_array, replace_picture, small
from wae.commands import api, experiment, stages
from wae.core.errors import UserError
from wae.core.files import load_yaml, read_json
from wae.core.layout import Cell, Layout
from wae.data import folders, source
from wae.planning import jobs, made_from, own_files
from wae.planning.plan import load_plan

LAYOUT = Layout()
CELL = "mine/wae_mmd/seed0"
FEW = {"evaluation": load_yaml(Path(__file__).parents[2] / "config/smoke.yaml")["evaluation"]}

CHANGES: dict[str, Any] = {
    "a picture replaced": ("folder", "pictures", replace_picture),
    "a picture renamed": ("folder", "pictures", lambda r: (r / "pictures/a/000.png").rename(r / "pictures/a/99.png")),
    "a picture added": ("folder", "pictures", lambda r: shutil.copy(r / "pictures/a/000.png", r / "pictures/b/98.png")),
    "a picture deleted": ("folder", "pictures", lambda r: (r / "pictures/a/000.png").unlink()),
    "arrays replaced": ("array", "set.npz", replace_array),
}


@pytest.mark.parametrize(("kind", "path"), [("folder", "pictures"), ("array", "set.npz")])
def test_two_data_roots_with_equal_paths_share_nothing(kind: str, path: str, roots: list[Path]) -> None:
    means = []
    for root in roots:
        plan = small(root, path, kind)
        folder = stages.prepare(plan, "mine", LAYOUT)
        means.append(source.load(folder, "train").images.mean())
    assert means[0] < 50 < 220 < means[1]
    assert small(roots[0], path, kind).data_id("mine") != small(roots[1], path, kind).data_id("mine")


def test_jobs_find_the_data_behind_a_link(roots: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    (roots[0].parent / "link").symlink_to(roots[0])
    config = small(roots[0], "set.npz", "array").config.model_dump()
    monkeypatch.setattr(os, "environ", {**os.environ, "WAE_DATA_ROOT": "link"})
    plan = load_plan(config | {"data_root": None})
    before = plan.data_id("mine")
    jobs.set_environment(plan)
    assert os.environ["WAE_DATA_ROOT"] == str(roots[0].parent / "link")
    assert plan.data_id("mine") == before


def test_the_place_of_data_whose_content_is_known_does_not_count(roots: list[Path]) -> None:
    config: dict[str, Any] = {
        "experiment": "known",
        "run": {"datasets": ["digits"], "methods": ["wae_mmd"], "seeds": [0]},
    }
    first, second = (load_plan(config | {"data_root": str(root)}) for root in roots)
    assert first.data_id("digits") == second.data_id("digits")
    assert made_from.of_data(first, "digits")["files"] == ""


def test_a_stage_by_hand_takes_no_images_whose_source_has_changed(roots: list[Path]) -> None:
    plan = small(roots[0], "set.npz", "array")
    stages.prepare(plan, "mine", LAYOUT)
    replace_array(roots[0])
    calls = [
        lambda: stages.train(plan, Cell.parse(CELL), LAYOUT),
        lambda: stages.evaluate(plan, Cell.parse(CELL), LAYOUT),
        lambda: stages.extractor(plan, "mine", "classifier", LAYOUT),
        lambda: stages.reference(plan, "mine", "classifier", LAYOUT),
    ]
    for call in calls:
        with pytest.raises(UserError, match=r"its files have changed since; prepare it again: wae prepare"):
            call()
    (roots[0] / "set.npz").unlink()  # on a machine without the source, prepared images are what there is
    stages.train(plan, Cell.parse(CELL), LAYOUT)


@pytest.mark.parametrize(("kind", "path"), [("folder", "pictures"), ("array", "set.npz")])
def test_prepared_data_need_their_files_no_more(kind: str, path: str, roots: list[Path]) -> None:
    plan = load_plan(small(roots[0], path, kind).config.model_dump() | FEW)
    wae.train(plan, CELL)
    (roots[0] / path).rename(roots[0] / "elsewhere")
    plan = load_plan(plan.config.model_dump())  # as each command does
    assert made_from.outdated(plan, LAYOUT) == {}
    jobs.refuse_unprepared(plan, LAYOUT, {})
    wae.evaluate(plan, CELL)
    experiment.collect(plan, LAYOUT)
    record = LAYOUT.data(plan.data_id("mine")) / "meta.json"
    said = re.escape(f"config: datasets.mine: {roots[0] / path}: no such ")
    with pytest.raises(UserError, match=said):  # before anything is deleted
        jobs.refuse_unprepared(plan, LAYOUT, {str(record): "made by other code"})
    with pytest.raises(UserError, match=said):
        stages.prepare(plan, "mine", LAYOUT)
    record.unlink()
    with pytest.raises(UserError, match=said):
        jobs.refuse_unprepared(plan, LAYOUT, {})
    with pytest.raises(UserError, match=said):
        wae.train(plan, CELL)


def test_a_dataset_needs_no_files_of_the_others(roots: list[Path]) -> None:
    config = small(roots[0], "set.npz", "array").config.model_dump()
    for name in ("faces", "more"):
        config["datasets"][name] = config["datasets"]["mine"] | {"source": "wae.data.torchvision:celeba", "options": {}}
    plan = load_plan(config | {"run": config["run"] | {"datasets": ["faces", "mine", "more"]}})
    wae.train(plan, CELL)
    with pytest.raises(UserError, match=r"datasets.faces: .* download CelebA yourself"):
        wae.train(plan, "faces/wae_mmd/seed0")
    with pytest.raises(UserError) as caught:
        jobs.refuse_unprepared(plan, LAYOUT, {})
    assert [line.partition(": /")[0] for line in str(caught.value).splitlines()] == [
        "config: datasets.faces",
        "config: datasets.more",
    ]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_source_is_noticed_said_and_prepared_again(change: str, roots: list[Path]) -> None:
    kind, path, apply = CHANGES[change]
    plan = small(roots[0], path, kind)
    record = stages.prepare(plan, "mine", LAYOUT) / "meta.json"
    before = read_json(record)
    assert made_from.outdated(plan, LAYOUT) == {}
    hidden = roots[0] / "pictures/.thumbnails"
    hidden.write_bytes(b"of a file manager")
    assert made_from.outdated(plan, LAYOUT) == {}
    apply(roots[0])
    assert made_from.outdated(plan, LAYOUT) == {str(record): "its files have changed since"}
    api.prepared(plan, "mine", LAYOUT)
    assert made_from.outdated(plan, LAYOUT) == {}
    if change != "a picture renamed":
        assert read_json(record)["sha256"] != before["sha256"]


def test_files_that_change_while_they_are_read_are_refused(roots: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read = folders.read_picture

    def slowly(*arguments: Any) -> Any:
        (roots[0] / "pictures/a/late.txt").write_text("copied meanwhile")
        return read(*arguments)

    monkeypatch.setattr(folders, "read_picture", slowly)
    with pytest.raises(UserError, match="folder pictures: its files changed while they were read; run again"):
        stages.prepare(small(roots[0], "pictures"), "mine", LAYOUT)


def test_a_plugins_files_are_those_that_its_options_name(roots: list[Path]) -> None:
    options = {"file": "set.npz", "word": "set", "number": 3}
    first = own_files.listing("my_data:load", options, roots[0])
    replace_array(roots[0])
    assert own_files.listing("my_data:load", options, roots[0]) != first
    assert own_files.place("my_data:load", options, roots[0]) == [str(roots[0])]
    assert own_files.place("my_data:load", options, None) == []


@pytest.mark.parametrize("source", ["my_data:load", "wae.data.own:array"])
def test_an_option_that_begins_with_the_home_of_nobody_is_text(source: str, roots: list[Path]) -> None:
    options = {"path": "~nobody-has-this-name: about 3"}
    assert own_files.listing(source, options, roots[0]) == own_files.listing(source, options, roots[1])
    places = [str(roots[0])] if source.startswith("my_data") else [str(roots[0] / options["path"])]
    assert own_files.place(source, options, roots[0]) == places


def test_a_changed_time_alone_is_taken_for_a_change(roots: list[Path]) -> None:
    plan = small(roots[0], "set.npz", "array")
    stages.prepare(plan, "mine", LAYOUT)
    os.utime(roots[0] / "set.npz", (1, 1))
    assert made_from.outdated(plan, LAYOUT)
