"""A recorded experiment as a Workflow Run RO-Crate: what people deposit for a DOI.

https://w3id.org/ro/wfrun/workflow/0.5, on RO-Crate 1.1. One zip file with the workflow and its library as they were at
the recorded commit, the config, the runs, the results, the environment, the licence and how to cite.
"""

import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Container, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wae.commands.compare import scored_folder
from wae.commands.recorded import Recorded, read_recorded
from wae.core.errors import UserError
from wae.core.files import check_files, load_yaml, read_json, sha256_file, write_atomic
from wae.core.layout import RunFolder
from wae.core.plugins import ROOT, folders

SOURCE = ("wae", "baselines", "workflow", "config", "profiles")  # folders of the checkout that the runs are made of
SINGLE = ("Snakefile", "pyproject.toml", "requirements.lock", "environment.yml", "LICENSE", "CITATION.cff", "README.md")
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
LICENCE = "https://spdx.org/licenses/MIT"
ABOUT = {  # files of an experiment's folder by name
    "metrics.csv": "Every score: a row per run, metric, subject, reference, image count and draw",
    "runs.csv": "Every planned run and how it ended",
    "trajectories.csv": "Scores of the weights kept along training, with the seconds of training until then",
    "manifest.json": "What was run: config, settings of each run, versions, machine, data, a rerun command per run",
    "claims.json": "The verdict on each claim, with its evidence",
    "timing.csv": "The wall-clock study: medians and intervals",
    "timing_rounds.csv": "Each round of the wall-clock study, also those that its medians leave out",
    "plan.json": "The validated config and its runs",
    "summary.html": "The page: tables, figures, images and protocol",
}
KINDS = {  # media types by ending
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".png": "image/png",
    ".md": "text/markdown",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".css": "text/css",
    ".js": "text/javascript",
    **dict.fromkeys((".yaml", ".yml"), "application/yaml"),
    **dict.fromkeys((".py", ".smk", ".j2", ".rst", ".txt", ".toml", ".lock", ".cff", ".typed"), "text/plain"),
}
TEXTS = ("Snakefile", "LICENSE")  # names without an ending; else what is not in KINDS is bytes
LEFT_OUT = (".log", ".lock", ".tsv")  # ends of names
UNFINISHED = (RunFolder(Path()).checkpoint.name, ".unfinished.")  # starts: of what a stopped run goes on from


def crate(folder: Path, out: Path, weights: bool = True) -> None:
    """Write the zip file ``out`` of the experiment in ``folder``; ``weights``: with the trained networks.

    UserError where the library rocrate is not installed, and where there is no manifest or one of other scores.
    """
    if find_spec("rocrate") is None:
        raise UserError("the library rocrate is not installed: pip install 'rocrate>=0.16,<1'")
    if out.suffix != ".zip":
        raise UserError(f"{out}: the crate is one zip file; name it {out.name}.zip")
    home = scored_folder(folder)
    record = read_recorded(home)
    manifest = read_json(home / "manifest.json")
    recorded, own = manifest.get("result_digest"), manifest.get("own_code", {})
    if recorded is not None:
        check_files(home, {"metrics.csv": recorded}, "collect the scores and make the manifest again")
    with tempfile.TemporaryDirectory() as temporary:
        stage = Path(temporary)
        known = _source(record, stage, own)
        lacking = _own_code(own, stage)
        (stage / "config.json").write_text(json.dumps(record.config, indent=1, sort_keys=True), encoding="utf-8")
        made = _crate(home, record, stage, known, weights)
        if lacking:
            made.description += f" Not in it, as it is no longer here as it ran: {', '.join(lacking)}."
        write_atomic(out, made.write_zip)


def _source(record: Recorded, stage: Path, own: Container[str]) -> bool:
    """Put the checkout's files at the recorded commit into ``stage``; today's, and False, where git lacks it.

    ``own``: names of further files, if the commit has them.
    """
    if not (ROOT / "Snakefile").exists():
        raise UserError(f"{ROOT}: no Snakefile; make the crate in a checkout of the suite, which holds the workflow")
    wanted = (*SOURCE, *SINGLE)
    try:
        packed = subprocess.run(
            ["git", "-C", str(ROOT), "archive", "--format=tar", record.commit or "none"],
            capture_output=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        for path in _today(wanted):
            to = stage / path.relative_to(ROOT)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())
        return False
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = [m for m in archive.getmembers() if m.isfile() and (m.name.split("/")[0] in wanted or m.name in own)]
        archive.extractall(stage, members, filter="data")
    return True


def _own_code(own: Mapping[str, str], stage: Path) -> list[str]:
    """Put the files of the user's ``own`` code (sha256 by path) into ``stage``; returns those that are not here so."""
    lacking = []
    for name, recorded in own.items():
        places = [stage, *folders()]
        found = [base / name for base in places if (base / name).resolve().is_relative_to(base.resolve())]
        same = next((path for path in found if path.is_file() and sha256_file(path) == recorded), None)
        if same is None:
            lacking.append(name)
            if stage / name in found:  # what the commit has of that name is not what ran
                (stage / name).unlink(missing_ok=True)
        elif same != stage / name:
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_bytes(same.read_bytes())
    return lacking


def _today(wanted: tuple[str, ...]) -> Iterator[Path]:
    for name in wanted:
        path = ROOT / name
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (p for p in found if p.is_file() and "__pycache__" not in p.parts)


def _crate(home: Path, record: Recorded, stage: Path, known: bool, weights: bool) -> Any:
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    made = ROCrate(version="1.1")
    commit = f"Commit {record.commit}" if record.commit else "No commit is recorded"
    code = "the code is that commit's" if known else "the code is today's, as git does not have that of the runs"
    if not record.clean_tree:
        code += "; the tree had changes that are not committed, or this is not recorded"
    trained = sorted(
        {c or "unknown" for c in read_json(home / "manifest.json").get("run_commits", [])} - {record.commit}
    )
    code += f"; runs were trained at other commits: {', '.join(trained)}" if trained else ""
    citation = load_yaml(ROOT / "CITATION.cff")
    author = made.add(
        ContextEntity(made, "#authors", {"@type": "Organization", "name": citation["authors"][0]["name"]})
    )
    licence = made.add(ContextEntity(made, LICENCE, {"@type": "CreativeWork", "name": "MIT License"}))
    made.name = f"wae-benchmark: {record.experiment}"
    made.description = f"{record.config.get('description') or 'An experiment'}. {commit}; {code}."
    made.license, made.root_dataset["author"] = licence, author
    made.root_dataset["conformsTo"] = [
        made.add(ContextEntity(made, url, {"@type": "CreativeWork", "name": name, "version": url.rpartition("/")[2]}))
        for url, name in PROFILES.items()
    ]
    made.metadata["conformsTo"] = [
        {"@id": "https://w3id.org/ro/crate/1.1"},
        {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
    ]
    workflow = _workflow(made, stage, author, licence, record)
    config, results = _inputs_and_outputs(made, home, record, stage, weights)
    machine, versions = (json.dumps(part, sort_keys=True) for part in (record.hardware, record.versions))
    action = {
        "@type": "CreateAction",
        "name": f"The run of {record.experiment}",
        "instrument": workflow,
        "object": [config, *_data(made, home)],
        "result": results,
        "description": f"Machine: {machine}. Versions: {versions}.",
    }
    made.root_dataset["mentions"] = made.add(ContextEntity(made, "#run", action))
    return made


def _workflow(made: Any, stage: Path, author: Any, licence: Any, record: Recorded) -> Any:
    """The main entity and the files that it is made of."""
    version = record.versions.get("snakemake")
    workflow = made.add_workflow(stage / "Snakefile", "Snakefile", main=True, lang="snakemake", lang_version=version)
    workflow["name"], workflow["encodingFormat"] = "wae-benchmark: trains, evaluates and reports", "text/plain"
    workflow["author"], workflow["license"], workflow["version"] = author, licence, record.commit or "unknown"
    workflow["conformsTo"] = {"@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"}
    parts = {}
    for path in sorted(p for p in stage.rglob("*") if p.is_file()):
        name = path.relative_to(stage).as_posix()
        if name not in ("Snakefile", "config.json"):
            parts[name] = made.add_file(path, name, properties=_described(path, name))
    workflow["hasPart"] = [part for name, part in parts.items() if name not in SINGLE]
    for name, words in {
        "CITATION.cff": "How to cite the suite",
        "LICENSE": "The licence of the suite",
        "requirements.lock": "The environment: every package at its version",
    }.items():
        if name in parts:  # older commits lack some
            parts[name]["description"] = words
    if "README.md" in parts:
        parts["README.md"]["about"] = made.root_dataset
    made.root_dataset["citation"] = parts.get("CITATION.cff", author)
    return workflow


def _inputs_and_outputs(made: Any, home: Path, record: Recorded, stage: Path, weights: bool) -> tuple[Any, list[Any]]:
    """The config, and every file of the experiment; the main ones are values of the workflow's parameters."""
    workflow = made.mainEntity
    config = _file(made, stage / "config.json", "config.json", "The validated config")
    workflow["input"] = _parameter(made, config, "config")
    page = home.parent.parent / "reports" / home.name / "summary.html"
    paths = [path for path in sorted(home.iterdir()) if _kept(path, home)]
    paths += [page] if page.exists() and not (home / page.name).exists() else []
    results, outputs = [], []
    for path in paths:
        results.append(_file(made, path, f"results/{path.name}", ABOUT.get(path.name, path.name)))
        if path.name in ABOUT:
            outputs.append(_parameter(made, results[-1], path.stem))
    workflow["output"] = outputs
    for cell in record.plan:
        for path in sorted((home / str(cell)).rglob("*")):
            if _kept(path, home) and (weights or path.suffix != ".safetensors"):
                name = f"results/{path.relative_to(home).as_posix()}"
                results.append(_file(made, path, name, f"{cell}: {path.name}"))
    return config, results


def _kept(path: Path, home: Path) -> bool:
    """Whether a file belongs into the crate: none of a stopped run's, and none that a link brings from elsewhere."""
    own = path.is_file() and path.resolve().is_relative_to(home.resolve())
    return own and not path.name.endswith(LEFT_OUT) and not path.name.startswith(UNFINISHED)


def _file(made: Any, path: Path, name: str, words: str) -> Any:
    return made.add_file(path, name, properties=_described(path, words))


def _described(path: Path, words: str) -> dict[str, str]:
    kind = KINDS.get(path.suffix, "text/plain" if path.name in TEXTS else "application/octet-stream")
    return {"name": words, "encodingFormat": kind, "contentSize": str(path.stat().st_size)}


def _parameter(made: Any, entity: Any, name: str) -> Any:
    """The formal parameter of the workflow that ``entity`` is a value of."""
    from rocrate.model.contextentity import ContextEntity

    properties: dict[str, Any] = {"@type": "FormalParameter", "additionalType": "File", "name": name}
    properties["conformsTo"] = {"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"}
    parameter = made.add(ContextEntity(made, f"#{name}", properties))
    entity["exampleOfWork"] = parameter
    return parameter


def _data(made: Any, home: Path) -> list[Any]:
    """The datasets, which are not in the crate: name, origin, licence and digests."""
    from rocrate.model.contextentity import ContextEntity

    metas: Mapping[str, Any] = read_json(home / "manifest.json").get("data", {})
    return [
        made.add(
            ContextEntity(
                made,
                f"#data-{name}",
                {
                    "@type": "PropertyValue",
                    "name": name,
                    "value": json.dumps(meta.get("sha256", {}), sort_keys=True),
                    "description": f"{meta.get('origin', 'unknown origin')}. Licence: {meta.get('licence', 'unknown')}",
                },
            )
        )
        for name, meta in metas.items()
    ]
