"""What each result is made from, as digests that stand beside it: compared when the workflow starts.

Snakemake remembers params in .snakemake, which does not travel with results/. So each record says it too.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wae.core.errors import UserError
from wae.core.files import digest, read_json, write_json
from wae.core.layout import EXTRACTOR, REFERENCE, Cell, ExperimentFolder, Layout
from wae.core.locks import alone
from wae.planning import own_files
from wae.planning.config import data_root
from wae.planning.jobs import code_of, plugins_of, run_settings, timing_settings, training_code
from wae.planning.plan import Plan

KEY = "made_from"
MadeFrom = dict[str, str]  # digests by what they are of: settings, code, files (of the user's own), data (prepared)
CHANGED = {
    "settings": "made with other settings",
    "code": "made by other code",
    "files": "its files have changed since",
    "data": "made from other data",
}


def of_plan(plan: Plan) -> MadeFrom:
    """Of plan.json beside the config: its methods' classes, which say what is known of them."""
    implementations = {run.training.implementation for run in plan.runs}
    return {"code": code_of("plan", *sorted(implementations))}


def of_data(plan: Plan, dataset: str) -> MadeFrom:
    """Of a prepared dataset."""
    settings = plan.config.datasets[dataset]
    return {
        "settings": digest(settings.model_dump(), 16),
        "code": code_of("prepare", settings.source),
        "files": own_files.listing(settings.source, settings.options, data_root(plan.config)),
    }


def of_prepared(plan: Plan, dataset: str, data: Path) -> MadeFrom:
    """What the prepared dataset in ``data`` should say: of files that are not on this machine, what it does say."""
    settings, wanted = plan.config.datasets[dataset], of_data(plan, dataset)
    stated = (_content(data / "meta.json") or {}).get(KEY)
    if isinstance(stated, dict) and not own_files.at_hand(settings.source, settings.options, data_root(plan.config)):
        wanted["files"] = stated.get("files", wanted["files"])
    return wanted


def of_extractor(plan: Plan, extractor: str) -> MadeFrom:
    """Of a feature extractor, but for the prepared data (``of_arrays``)."""
    settings = plan.config.extractors[extractor]
    return {"settings": digest(settings.model_dump(), 16), "code": code_of("extractor", settings.kind)}


def of_reference(plan: Plan, extractor: str) -> MadeFrom:
    """Of the real data's features and scores, but for the prepared data (``of_arrays``)."""
    code = code_of("reference", plan.config.extractors[extractor].kind)
    return {"settings": digest(plan.reference_settings(), 16), "code": code}


def of_run(plan: Plan, cell: Cell) -> MadeFrom:
    """Of a trained run, but for the images (``of_images``)."""
    run = plan.run(cell)
    return {"settings": run_settings(run), "code": training_code(run)}


def of_scores(plan: Plan) -> MadeFrom:
    """Of the scores of each run, but for the prepared data (``of_arrays``)."""
    config = plan.config
    kinds = [config.extractors[name].kind for name in config.run.extractors]
    references = {name: plan.reference_id(name) for name in config.run.extractors}
    return {
        "settings": digest({"evaluation": config.evaluation.model_dump(), "references": references}, 16),
        "code": code_of("evaluate", *kinds, *config.evaluation.metrics),
    }


def of_timing(plan: Plan) -> MadeFrom:
    """Of the wall-clock study."""
    plugins = {name for run in plan.runs for name in plugins_of(run.training)}
    return {"settings": timing_settings(plan), "code": code_of("timing", *sorted(plugins))}


def of_stage(plan: Plan, stage: str, judges: Iterable[str] = ()) -> MadeFrom:
    """Of what a stage from ``collect`` on writes; ``judges``: those of the user's own that the claims name."""
    figures = plan.config.report.figures
    own = {"analyse": judges, "figures": figures, "manifest": [*judges, *figures]}  # whose files a manifest names
    return {"code": code_of(stage, *own.get(stage, ()))}


def of_images(data: Path) -> MadeFrom:
    """Of the prepared dataset in ``data``, what a run says of it: the train images' sha256. Empty if none is there."""
    images = _arrays(data).get("train_images.npy")
    return {"data": str(images)} if images else {}


def of_arrays(data: Path) -> MadeFrom:
    """Of the prepared dataset in ``data``, what is made from all of it: test images and labels count too."""
    arrays = _arrays(data)
    return {"data": digest(arrays, 16)} if arrays else {}


def _arrays(data: Path) -> dict[str, Any]:
    found = (_content(data / "meta.json") or {}).get("sha256")
    return found if isinstance(found, dict) else {}


def note(folder: ExperimentFolder, result: Path, made_from: MadeFrom) -> None:
    """Write down what a result from ``collect`` on was made from: tables and pages are no records that could say it."""
    with alone(folder.path, "made_from"):  # tables and figures end side by side
        write_json(folder.made_from, _noted(folder) | {str(result): made_from}, sealed=True)


def difference(record: Path, wanted: Mapping[str, str]) -> str | None:
    """What of the result with this record is not as ``wanted``, in words; None if all is, or nothing is there.

    A record that cannot be read is left to the job that reads it.
    """
    found = _content(record)
    if found is None:
        return None
    return _difference(found.get(KEY), wanted)


def _difference(stated: object, wanted: Mapping[str, str]) -> str | None:
    if not isinstance(stated, dict):
        return "it does not say what it was made from"
    for key, value in wanted.items():
        if key not in stated:  # a record of an older version
            return f"it does not say from what {key} it was made"
        if stated[key] != value:
            return CHANGED[key]
    return None


def refuse_other_run(plan: Plan, layout: Layout, cell: Cell) -> None:
    """UserError where the run of ``cell`` is there, but not of the plan's settings or the images now prepared."""
    wanted = of_run(plan, cell) | of_images(layout.data(plan.data_id(cell.dataset)))
    _refuse_other(plan.folder(layout).run(cell).record, wanted, f"wae train --plan FILE --cell {cell}")


def refuse_other_scores(plan: Plan, layout: Layout, cell: Cell) -> None:
    """UserError where scores of ``cell`` are there, but not of the plan's settings or the data now prepared."""
    wanted = of_scores(plan) | of_arrays(layout.data(plan.data_id(cell.dataset)))
    _refuse_other(plan.folder(layout).run(cell).metrics, wanted, f"wae evaluate --plan FILE --cell {cell}")


def refuse_other_extractor(plan: Plan, layout: Layout, dataset: str, extractor: str) -> None:
    """UserError where the extractor is there, but not of the plan's settings or the data now prepared."""
    data_id = plan.data_id(dataset)
    wanted = of_extractor(plan, extractor) | of_arrays(layout.data(data_id))
    record = layout.extractor(data_id, plan.extractor_id(extractor)) / EXTRACTOR[-1]
    _refuse_other(record, wanted, f"wae extractor --plan FILE --dataset {dataset} --extractor {extractor}")


def refuse_other_reference(plan: Plan, layout: Layout, dataset: str, extractor: str) -> None:
    """UserError where the reference is there, but not of the plan's settings or the data now prepared."""
    data_id = plan.data_id(dataset)
    wanted = of_reference(plan, extractor) | of_arrays(layout.data(data_id))
    record = layout.reference(data_id, plan.reference_id(extractor)) / REFERENCE[-1]
    _refuse_other(record, wanted, f"wae reference --plan FILE --dataset {dataset} --extractor {extractor}")


def _refuse_other(record: Path, wanted: Mapping[str, str], command: str) -> None:
    """Code that has changed since is no error: the workflow makes such results again."""
    found = difference(record, {key: value for key, value in wanted.items() if key in ("settings", "data")})
    if found in (CHANGED["settings"], CHANGED["data"]):
        raise UserError(f"{record}: {found} than the plan's; make it again: {command}")


def outdated(plan: Plan, layout: Layout, judges: Iterable[str] = ()) -> dict[str, str]:
    """The results that are not what ``plan`` leads to today, by path, each with the difference in words.

    A result is named by its record, from ``collect`` on by itself. ``judges``: as ``of_stage`` takes them.
    """
    differences = {str(record): difference(record, wanted) for record, wanted in _results(plan, layout)}
    noted = _noted(plan.folder(layout))
    for stage, result in results_of_stages(plan.folder(layout)).items():
        if result.exists():
            differences[str(result)] = _difference(noted.get(str(result)), of_stage(plan, stage, judges))
    written = _content(plan.folder(layout).plan)
    if written is not None:
        settings = {key: value for key, value in written.items() if key not in ("methods", KEY)}
        if digest(settings, 16) != plan.digest():
            differences[str(plan.folder(layout).plan)] = CHANGED["settings"]
    return {path: words for path, words in differences.items() if words}


def results_of_stages(folder: ExperimentFolder) -> dict[str, Path]:
    """The result, or one of them, of each stage of the whole experiment that writes no record."""
    tables = {"collect": "metrics.csv", "manifest": "manifest.json", "analyse": "claims.json"}
    report = {"tables": "tables", "figures": "figures", "page": "summary.html"}
    return {stage: folder.file(name) for stage, name in tables.items()} | {
        stage: folder.report(name) for stage, name in report.items()
    }


def _noted(folder: ExperimentFolder) -> dict[str, Any]:
    """What ``note`` wrote; nothing where that is not there or damaged, so that the results are made again."""
    try:
        return dict(read_json(folder.made_from))
    except (UserError, OSError, TypeError, ValueError):
        return {}


def _results(plan: Plan, layout: Layout) -> Iterator[tuple[Path, MadeFrom]]:
    images: dict[str, MadeFrom] = {}
    arrays: dict[str, MadeFrom] = {}
    for dataset in plan.config.run.datasets:
        data_id = plan.data_id(dataset)
        data = layout.data(data_id)
        record, wanted = data / "meta.json", of_prepared(plan, dataset, data)
        yield record, wanted
        current = difference(record, wanted) is None  # else they are prepared again first
        images[dataset] = of_images(data) if current else {}
        arrays[dataset] = of_arrays(data) if current else {}
        for name in plan.config.run.extractors:
            extractor = layout.extractor(data_id, plan.extractor_id(name)) / "extractor.json"
            yield extractor, of_extractor(plan, name) | arrays[dataset]
            reference = layout.reference(data_id, plan.reference_id(name)) / "reference.json"
            yield reference, of_reference(plan, name) | arrays[dataset]
    scores = of_scores(plan)
    for run in plan.runs:
        cell = Cell(run.dataset, run.method, run.seed)
        folder = plan.folder(layout).run(cell)
        yield folder.record, of_run(plan, cell) | images[run.dataset]
        yield folder.metrics, scores | arrays[run.dataset]
    yield plan.folder(layout).file("timing_machine.json"), of_timing(plan)
    yield plan.folder(layout).plan, of_plan(plan)


def _content(record: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(record.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return {key: value for key, value in found.items() if key != "seal"} if isinstance(found, dict) else None
