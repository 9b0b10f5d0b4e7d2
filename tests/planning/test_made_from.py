"""What results are made from: own data by place and content, and records that are compared at each start."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import wae
from tests.shared.data import noise
from wae.commands import api, experiment, stages
from wae.commands.check import write_checked_plan
from wae.core.errors import UserError
from wae.core.files import load_yaml, read_json, write_json
from wae.core.layout import Cell, Layout
from wae.data import folders, source
from wae.planning import fingerprint, jobs, made_from, own_files
from wae.planning.plan import Plan, load_plan

LAYOUT = Layout()
CELL = "mine/wae_mmd/seed0"
FEW = {"evaluation": load_yaml(Path(__file__).parents[2] / "config/smoke.yaml")["evaluation"]}
PARTIAL = {"datasets": ["mine"], "methods": ["wae_mmd"], "seeds": [0], "partial": True}


def small(root: Path, path: str, kind: str = "folder", **changes: Any) -> Plan:
    """One short run on images of one's own under ``root``."""
    options = {"path": path} | ({"height": 8, "width": 8, "fit": "exact"} if kind == "folder" else {})
    return load_plan(
        {
            "experiment": "own",
            "data_root": str(root),
            "run": {"datasets": ["mine"], "methods": ["wae_mmd"], "seeds": [0], "extractors": ["classifier"]},
            "datasets": {"mine": {"source": f"wae.data.own:{kind}", "options": options, "shape": [3, 8, 8]}},
            "training": {"common": {"epochs": 1, "batch_size": 8, "architecture": "mlp", "latent_dim": 2, **changes}},
        }
    )


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two data roots that hold other images at the same paths: pictures/*/*.png and set.npz, dark and bright."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("dark", 30), ("bright", 220)):
        images = (noise(120, 8, 8, 3, seed=value) // 16 + value).astype(np.uint8)
        for number, image in enumerate(images):
            file = tmp_path / name / "pictures" / "ab"[number % 2] / f"{number:03d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file, compress_level=0)
        np.savez(tmp_path / name / "set.npz", images=images.transpose(0, 3, 1, 2), labels=np.arange(120) % 2)
    return [tmp_path / "dark", tmp_path / "bright"]


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


def replace_picture(root: Path) -> None:
    """Another picture of the same name and size in bytes."""
    file = root / "pictures/a/000.png"
    size = file.stat().st_size
    Image.fromarray(np.full((8, 8, 3), 99, np.uint8)).save(file, compress_level=0)
    assert file.stat().st_size == size


def replace_array(root: Path) -> None:
    with np.load(root / "set.npz") as arrays:
        np.savez(root / "set.npz", images=255 - arrays["images"], labels=arrays["labels"])


CHANGES: dict[str, Any] = {
    "a picture replaced": ("folder", "pictures", replace_picture),
    "a picture renamed": ("folder", "pictures", lambda r: (r / "pictures/a/000.png").rename(r / "pictures/a/99.png")),
    "a picture added": ("folder", "pictures", lambda r: shutil.copy(r / "pictures/a/000.png", r / "pictures/b/98.png")),
    "a picture deleted": ("folder", "pictures", lambda r: (r / "pictures/a/000.png").unlink()),
    "arrays replaced": ("array", "set.npz", replace_array),
}


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
    api._prepared(plan, "mine", LAYOUT)
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


def test_a_run_on_replaced_images_is_trained_again(roots: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    plan = small(roots[0], "set.npz", "array")
    first = wae.train(plan, CELL).sample(4, 0)
    capsys.readouterr()
    wae.train(plan, CELL)
    assert "nothing to do" in capsys.readouterr().err
    replace_array(roots[0])
    again = wae.train(plan, CELL).sample(4, 0)
    assert not np.array_equal(first, again)
    run = LAYOUT.experiment("own").run(Cell.parse(CELL)).record
    stages.prepare(plan, "mine", LAYOUT)  # the same images again: the run stands
    assert made_from.outdated(plan, LAYOUT) == {}
    meta = LAYOUT.data(plan.data_id("mine")) / "meta.json"
    content = read_json(meta)
    content["sha256"]["train_images.npy"] = "0" * 64
    write_json(meta, content, sealed=True)
    assert made_from.outdated(plan, LAYOUT) == {str(run): "made from other data"}


def test_a_run_on_replaced_images_is_not_scored_on_the_others(roots: list[Path]) -> None:
    plan = load_plan(small(roots[0], "set.npz", "array").config.model_dump() | FEW)
    folder, data = plan.folder(LAYOUT).run(Cell.parse(CELL)), LAYOUT.data(plan.data_id("mine"))
    wae.train(plan, CELL)
    wae.evaluate(plan, CELL)
    replace_array(roots[0])
    again = f"make it again: wae train --plan FILE --cell {CELL}"
    said = f"{folder.record}: made from other data than the plan's; {again}"
    references = LAYOUT.reference(plan.data_id("mine"), plan.reference_id("classifier"))
    old = read_json(references / "reference.json")
    with pytest.raises(UserError, match=re.escape(said)):
        wae.evaluate(plan, CELL)
    assert read_json(references / "reference.json") == old  # said before they are made
    for call in (stages.evaluate, lambda *_: experiment.collect(plan, LAYOUT)):
        with pytest.raises(UserError, match=re.escape(said)):
            call(plan, Cell.parse(CELL), LAYOUT)
    wae.train(plan, CELL)
    said = f"{folder.metrics}: made from other data than the plan's; make it again: wae evaluate --plan FILE"
    with pytest.raises(UserError, match=re.escape(said)):
        experiment.collect(plan, LAYOUT)
    wae.evaluate(plan, CELL)
    experiment.collect(plan, LAYOUT)
    record = read_json(folder.record)
    del record["made_from"]["data"]  # as runs of old versions: what cannot be known is not refused
    write_json(folder.record, record, sealed=True)
    stages.evaluate(plan, Cell.parse(CELL), LAYOUT)
    assert made_from.outdated(plan, LAYOUT)[str(folder.record)] == "it does not say from what data it was made"
    (data / "meta.json").unlink()
    experiment.collect(plan, LAYOUT)


def test_extractors_and_references_of_replaced_images_are_made_again(roots: list[Path]) -> None:
    """Also where ``wae prepare`` by hand made the images, or a kill came after it."""
    plan = load_plan(small(roots[0], "set.npz", "array").config.model_dump() | FEW)
    images, data_id = noise(40, 3, 8, 8), plan.data_id("mine")
    records = {
        str(LAYOUT.extractor(data_id, plan.extractor_id("classifier")) / "extractor.json"),
        str(LAYOUT.reference(data_id, plan.reference_id("classifier")) / "reference.json"),
    }
    first = wae.score(images, "mine", plan)
    with np.load(roots[0] / "set.npz") as arrays:  # labels alone: the train images stay
        np.savez(roots[0] / "set.npz", images=arrays["images"], labels=1 - arrays["labels"])
    stages.prepare(plan, "mine", LAYOUT)
    assert made_from.outdated(plan, LAYOUT) == dict.fromkeys(records, "made from other data")
    replace_array(roots[0])
    stages.prepare(plan, "mine", LAYOUT)
    again = wae.score(images, "mine", plan)
    assert made_from.outdated(plan, LAYOUT) == {}
    assert not first["value"].equals(again["value"])
    for record in map(Path, records):
        content = read_json(record)
        del content["made_from"]["data"]
        write_json(record, content, sealed=True)
    assert made_from.outdated(plan, LAYOUT) == dict.fromkeys(records, "it does not say from what data it was made")
    data = LAYOUT.data(data_id)
    stages.extractor(plan, "mine", "classifier", LAYOUT)
    stages.reference(plan, "mine", "classifier", LAYOUT)
    assert {read_json(Path(record))["made_from"]["data"] for record in records} == {made_from.of_arrays(data)["data"]}


def test_a_stage_by_hand_refuses_what_the_one_before_made_of_other_data(roots: list[Path]) -> None:
    plan = load_plan(small(roots[0], "set.npz", "array").config.model_dump() | FEW)
    wae.train(plan, CELL)
    wae.evaluate(plan, CELL)
    replace_array(roots[0])
    stages.prepare(plan, "mine", LAYOUT)
    stages.train(plan, Cell.parse(CELL), LAYOUT)
    with pytest.raises(
        UserError, match=r"reference\.json: made from other data .*; make it again: wae reference --plan"
    ):
        stages.evaluate(plan, Cell.parse(CELL), LAYOUT)
    with pytest.raises(
        UserError, match=r"extractor\.json: made from other data .*; make it again: wae extractor --plan"
    ):
        stages.reference(plan, "mine", "classifier", LAYOUT)
    stages.extractor(plan, "mine", "classifier", LAYOUT)
    stages.reference(plan, "mine", "classifier", LAYOUT)
    stages.evaluate(plan, Cell.parse(CELL), LAYOUT)
    assert made_from.outdated(plan, LAYOUT) == {}


def test_every_result_says_what_it_was_made_from(roots: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """All stages but timing, whose record the workflow's test sees."""
    plan = small(roots[0], "set.npz", "array")
    wae.train(plan, CELL)
    evaluation = load_yaml(Path(__file__).parents[2] / "config/smoke.yaml")["evaluation"]
    evaluated = load_plan(plan.config.model_dump() | {"evaluation": plan.config.evaluation.model_dump() | evaluation})
    wae.evaluate(evaluated, CELL)
    data_id = plan.data_id("mine")
    records = {
        "data": LAYOUT.data(data_id) / "meta.json",
        "extractor": LAYOUT.extractor(data_id, plan.extractor_id("classifier")) / "extractor.json",
        "reference": LAYOUT.reference(data_id, evaluated.reference_id("classifier")) / "reference.json",
        "run": LAYOUT.experiment("own").run(Cell.parse(CELL)).record,
        "scores": LAYOUT.experiment("own").run(Cell.parse(CELL)).metrics,
    }
    assert made_from.outdated(evaluated, LAYOUT) == {}
    code = made_from.code_of
    monkeypatch.setattr(made_from, "code_of", lambda *names: code(*names)[::-1])
    monkeypatch.setattr(made_from, "training_code", lambda run: "other")
    found = made_from.outdated(evaluated, LAYOUT)
    assert found == {str(record): "made by other code" for record in records.values()}
    monkeypatch.undo()
    monkeypatch.chdir(roots[0].parent)
    longer = load_plan(evaluated.config.model_dump() | {"training": {"common": {"epochs": 2}}})
    assert made_from.outdated(longer, LAYOUT)[str(records["run"])] == "made with other settings"
    content = read_json(records["scores"])
    write_json(records["scores"], {key: value for key, value in content.items() if key != "made_from"}, sealed=True)
    assert made_from.outdated(evaluated, LAYOUT) == {str(records["scores"]): "it does not say what it was made from"}


def test_an_edited_method_is_noticed_in_the_plan_that_says_its_title(roots: list[Path]) -> None:
    def written(title: str) -> None:
        method = f"from wae.methods.wae_mmd import WAEMMD\n\n\nclass Titled(WAEMMD):\n    title = {title!r}\n"
        Path("titled.py").write_text(method)
        fingerprint.clear()

    written("First")
    config = small(roots[0], "set.npz", "array").config.model_dump()
    plan = load_plan(config | {"training": {"methods": {"wae_mmd": {"implementation": "titled:Titled"}}}})
    record, before = plan.folder(LAYOUT).plan, made_from.of_plan(plan)
    write_checked_plan(plan, record)
    assert read_json(record)["methods"]["wae_mmd"]["title"] == "First"
    assert made_from.outdated(plan, LAYOUT) == {}
    written("Second")
    assert made_from.of_plan(plan) != before
    assert made_from.outdated(plan, LAYOUT) == {str(record): "made by other code"}
    written("First")
    assert made_from.outdated(plan, LAYOUT) == {}
    other = load_plan(plan.config.model_dump() | {"description": "other words"})
    assert made_from.outdated(other, LAYOUT) == {str(record): "made with other settings"}


def test_a_stale_table_or_page_is_noticed_and_what_was_just_made_is_not(
    roots: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = small(roots[0], "set.npz", "array")
    folder = plan.folder(LAYOUT)
    results = made_from.results_of_stages(folder)
    for path in results.values():  # as results/ and reports/ of a version that noted nothing
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    unsaid = "it does not say what it was made from"
    found = made_from.outdated(plan, LAYOUT)
    assert found == {str(path): unsaid for path in results.values()}
    jobs.say_outdated(found)
    said = f"results/own, reports/own: {unsaid}; made again where they are asked for"
    assert capsys.readouterr().err == f"{said}\n"
    jobs.say_outdated(found, partial=True)
    kept = "but for data, extractors, references, runs, scores and times: a partial report takes what is there"
    assert capsys.readouterr().err == f"{said}, {kept}\n"
    for stage, path in results.items():
        made_from.note(folder, path, made_from.of_stage(plan, stage))
    assert made_from.outdated(plan, LAYOUT) == {}
    changed = {"collect": results["collect"], "page": results["page"]}
    code = made_from.code_of
    monkeypatch.setattr(made_from, "code_of", lambda stage, *own: code(stage, *own)[:: -1 if stage in changed else 1])
    assert made_from.outdated(plan, LAYOUT) == {str(path): "made by other code" for path in changed.values()}
    monkeypatch.setattr(made_from, "code_of", code)
    assert list(made_from.outdated(plan, LAYOUT, ["titled:judge"])) == [str(results["analyse"])]
    results["tables"].unlink()
    folder.made_from.write_text("cut sho")
    del results["tables"]
    assert made_from.outdated(plan, LAYOUT) == {str(path): unsaid for path in results.values()}


def test_a_stage_by_hand_notes_what_its_result_was_made_from(
    roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = load_plan(small(roots[0], "set.npz", "array").config.model_dump() | {"run": PARTIAL})
    folder = plan.folder(LAYOUT)
    experiment.collect(plan, LAYOUT)
    experiment.manifest(plan, LAYOUT)
    assert list(read_json(folder.made_from)) == ["results/own/manifest.json", "results/own/metrics.csv"]
    assert made_from.outdated(plan, LAYOUT) == {}
    monkeypatch.setattr(experiment.made_from, "of_stage", lambda *_: {"code": "another"})
    experiment.collect(plan, LAYOUT)
    monkeypatch.undo()
    monkeypatch.chdir(roots[0].parent)
    assert made_from.outdated(plan, LAYOUT) == {"results/own/metrics.csv": "made by other code"}


def test_a_stage_by_hand_refuses_what_other_settings_made(roots: list[Path]) -> None:
    plan = load_plan(small(roots[0], "set.npz", "array").config.model_dump() | FEW)
    folder = plan.folder(LAYOUT).run(Cell.parse(CELL))
    api.train(plan, CELL)
    other = load_plan(small(roots[0], "set.npz", "array", width=8).config.model_dump() | FEW)
    said = (
        f"{folder.record}: made with other settings than the plan's; make it again: wae train --plan FILE --cell {CELL}"
    )
    with pytest.raises(UserError, match=re.escape(said)):
        stages.evaluate(other, Cell.parse(CELL), LAYOUT)
    assert not folder.metrics.exists()
    api.evaluate(plan, CELL)
    for stage in (experiment.collect, experiment.manifest):
        with pytest.raises(UserError, match=re.escape(said)):
            stage(other, LAYOUT)
    fewer = load_plan(plan.config.model_dump() | {"evaluation": {"samples": 16}})
    said = f"{folder.metrics}: made with other settings than the plan's; make it again: wae evaluate --plan FILE"
    with pytest.raises(UserError, match=re.escape(said)):
        experiment.collect(fewer, LAYOUT)
    experiment.collect(plan, LAYOUT)
    assert plan.folder(LAYOUT).file("metrics.csv").exists()


def test_a_changed_time_alone_is_taken_for_a_change(roots: list[Path]) -> None:
    plan = small(roots[0], "set.npz", "array")
    stages.prepare(plan, "mine", LAYOUT)
    os.utime(roots[0] / "set.npz", (1, 1))
    assert made_from.outdated(plan, LAYOUT)
