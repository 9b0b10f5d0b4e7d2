"""What results are made from: records that are compared at each start, and by each stage run by hand."""

import re
from pathlib import Path

import numpy as np
import pytest

import wae
from tests.shared.data import noise
from tests.shared.own_images import replace_array, small
from wae.commands import api, experiment, stages
from wae.commands.check import write_checked_plan
from wae.core.errors import UserError
from wae.core.files import load_yaml, read_json, write_json
from wae.core.layout import PREPARED, Cell, Layout
from wae.planning import fingerprint, jobs, made_from
from wae.planning.plan import load_plan

LAYOUT = Layout()
CELL = "mine/wae_mmd/seed0"
FEW = {"evaluation": load_yaml(Path(__file__).parents[2] / "config/smoke.yaml")["evaluation"]}
PARTIAL = {"datasets": ["mine"], "methods": ["wae_mmd"], "seeds": [0], "partial": True}


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


def test_data_that_are_prepared_already_stay_as_they_are(roots: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Newer files would have Snakemake delete the runs that were trained on them."""
    plan = small(roots[0], "set.npz", "array")
    folder = stages.prepare(plan, "mine", LAYOUT)
    before = {name: (folder / name).stat().st_mtime_ns for name in PREPARED}
    assert "nothing to do" not in capsys.readouterr().err
    stages.prepare(plan, "mine", LAYOUT)
    assert f"{folder}: prepared already, of the same settings, code and files; nothing to do" in capsys.readouterr().err
    assert {name: (folder / name).stat().st_mtime_ns for name in PREPARED} == before
    images = (folder / "train_images.npy").read_bytes()
    (folder / "train_images.npy").write_bytes(images[:-1] + bytes([images[-1] ^ 1]))
    stages.prepare(plan, "mine", LAYOUT)  # damaged: made again
    assert (folder / "train_images.npy").read_bytes() == images
    replace_array(roots[0])
    stages.prepare(plan, "mine", LAYOUT)
    assert (folder / "train_images.npy").read_bytes() != images


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
    by_judge = [str(results[stage]) for stage in ("manifest", "analyse")]  # a manifest names the judge's file
    assert list(made_from.outdated(plan, LAYOUT, ["titled:judge"])) == by_judge
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


def test_a_manifest_is_made_again_when_code_of_ones_own_that_it_names_has_changed(roots: list[Path]) -> None:
    def digest(figure: str, judge: str) -> str:
        Path("own_figure.py").write_text(figure)
        Path("own_judge.py").write_text(judge)
        fingerprint.clear()
        return made_from.of_stage(plan, "manifest", ["own_judge:judge"])["code"]

    config = small(roots[0], "set.npz", "array").config.model_dump()
    plan = load_plan(config | {"report": {"figures": ["own_figure:plots"]}})
    assert len({digest("A = 0", "A = 0"), digest("A = 1", "A = 0"), digest("A = 0", "A = 1")}) == 3


def test_seed_streams_make_no_wall_clock_study_again(roots: list[Path]) -> None:
    config = small(roots[0], "set.npz", "array").config.model_dump()
    plan, more = (
        load_plan(config | {"run": config["run"] | {"seed_streams": streams}}) for streams in ([], ["data_order"])
    )
    assert len(more.runs) == 2 * len(plan.runs)
    assert jobs.timing_settings(more) == jobs.timing_settings(plan)
