"""What was run, with which versions, on which machine: the manifest of an experiment."""

from pathlib import Path
from typing import Any

from wae.analysis.claims.claims_file import own_judges
from wae.analysis.runs import ORIGIN
from wae.commands.recorded import plugins
from wae.compute.checkout import git_state
from wae.compute.machine import hardware, versions
from wae.core.files import read_json, sha256_file, write_json
from wae.core.layout import Cell, Layout
from wae.planning.fingerprint import own_code, own_sources
from wae.planning.jobs import suite_file
from wae.planning.plan import Plan


def write_manifest(plan: Plan, layout: Layout) -> None:
    """Write manifest.json of an experiment; one whose config says ``run.partial`` may lack runs.

    Keys: experiment, description, config, plan (a rerun command per cell), versions and hardware (those of the runs
    where they agree, as a record of another machine may be collected here), runs_differ,
    run_commits (those that runs were trained at, "" for one that is not known), commit, clean_tree (false also where
    a file of the user's own is not tracked), own_code (sha256 of each such file, by path), data (each
    dataset's meta.json), extractors, result_digest (of metrics.csv), training_seconds, training_cpu_seconds (sums over
    the runs, resumed ones whole).
    """
    folder, document = plan.folder(layout), plan.document()
    cells: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    spent = {"seconds": 0.0, "cpu_seconds": 0.0}
    for run in plan.runs:
        cell = Cell(run.dataset, run.method, run.seed)
        named = f"--plan {folder.plan} --cell {cell}"
        cells.append(
            {
                "dataset": run.dataset,
                "method": run.method,
                "seed": run.seed,
                "settings": run.training.model_dump(),
                "rerun": f"wae train {named} && wae evaluate {named}",
            }
        )
        path = folder.run(cell).record
        record = read_json(path, "status") if path.exists() else {}
        records.append(record)
        spent = {key: total + record.get(key, 0.0) for key, total in spent.items()}
    data = {name: layout.data(data_id) / "meta.json" for name, data_id in document["data"].items()}
    extractors = {
        f"{name}/{extractor}": layout.extractor(data_id, extractor_id) / "extractor.json"
        for name, data_id in document["data"].items()
        for extractor, extractor_id in document["extractors"].items()
    }
    partial = plan.config.run.partial
    claims = suite_file(plan.config.report.claims)
    own = {*plugins(plan), *plan.config.report.figures, *(own_judges(claims) if Path(claims).exists() else ())}
    commit, clean = git_state(own_sources(own))
    write_json(
        folder.file("manifest.json"),
        {
            "experiment": plan.config.experiment,
            "description": plan.config.description,
            "config": document["config"],
            "plan": cells,
            "versions": versions_of(records),
            "hardware": hardware_of(records),
            "runs_differ": differences(records),
            "run_commits": sorted({str(record.get("commit") or "") for record in records if record}),
            "commit": commit,
            "clean_tree": clean,
            "own_code": own_code(own),
            "data": {name: read_json(path) for name, path in data.items() if path.exists() or not partial},
            "extractors": {name: read_json(path) for name, path in extractors.items() if path.exists() or not partial},
            "result_digest": sha256_file(folder.file("metrics.csv")),
            "training_seconds": spent["seconds"],
            "training_cpu_seconds": spent["cpu_seconds"],
        },
        sealed=True,
    )


def versions_of(records: list[dict[str, Any]]) -> dict[str, str | None]:
    """The versions that the runs were trained with; those of this process where runs differ or do not say."""
    said = [record["versions"] for record in records if record.get("versions")]
    return dict(said[0]) if said and all(found == said[0] for found in said) else versions()


def hardware_of(records: list[dict[str, Any]]) -> dict[str, Any]:
    """This machine, or, where the runs agree in another processor or device, what they say of theirs."""
    here = hardware()
    there: dict[str, Any] = {}
    machines = [record["machine"] for record in records if record.get("machine")]
    if machines and all(found == machines[0] for found in machines):
        there |= machines[0]
    if gpus := sorted({record["gpu"] for record in records if record.get("gpu")}):
        there["cuda_devices"] = gpus
    same = all(
        set(value) <= set(here[key]) if key == "cuda_devices" else value == here[key] for key, value in there.items()
    )
    return here if same else there


def differences(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What the runs' own records say in more than one way, by name: versions, commit, devices, code of the user's own.

    Empty where all runs were made alike.
    """
    found: dict[str, set[str]] = {}
    for record in records:
        said = {key: record.get(key) for key in ("device", *ORIGIN, "kernel_gradients")} | record.get("versions", {})
        said |= record.get("machine", {})
        said |= {path: f"sha256 {found[:16]}" for path, found in record.get("own_code", {}).items()}
        for name, value in said.items():
            if value is not None:
                found.setdefault(name, set()).add(str(value))
    return {name: sorted(values) for name, values in found.items() if len(values) > 1}
