"""Where the numbers come from: facts of the manifest, the config as text, the raw files."""

import json
from pathlib import Path
from typing import Any

from wae.analysis.files import CLAIMS, CONTRASTS, PUBLISHED, REACHING, SCORES, TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.runs import TRAJECTORIES
from wae.analysis.words import number, seconds

RAW_LIMIT = 1_000_000  # bytes; a larger file is named among the facts and not put into the page


def facts(results: Results) -> list[tuple[str, str]]:
    """(name, value) lines of the manifest, in the order in which they are read."""
    manifest = results.manifest
    if not manifest:
        return [("Manifest", "missing: the origin of these numbers is not recorded")]
    clean = {True: "clean", False: "with changes that are not committed", None: "unknown"}[manifest.get("clean_tree")]
    hardware = manifest.get("hardware", {})
    versions = manifest.get("versions", {})
    seeds = ", ".join(str(seed) for seed in sorted(set(results.runs()["seed"])))
    lines: list[tuple[str, Any]] = [
        ("Experiment", results.experiment),
        ("Description", manifest.get("description")),
        ("Seeds", seeds),
        ("Commit", f"{manifest.get('commit') or 'unknown'}, tree {clean}"),
        (
            "Result digest",
            f"sha256 {manifest['result_digest']} (metrics.csv)" if manifest.get("result_digest") else None,
        ),
        ("Machine", ", ".join(_hardware(hardware))),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items() if version)),
        (
            "Runs differ",
            "; ".join(f"{name}: {', '.join(values)}" for name, values in manifest.get("runs_differ", {}).items()),
        ),
    ]
    for key, name in (
        ("training_seconds", "Training of all runs, pre-training included, wall"),
        ("training_cpu_seconds", "Training of all runs, pre-training included, CPU"),
    ):
        if manifest.get(key) is not None:
            spent = float(manifest[key])
            lines.append((name, f"{seconds(spent)} ({number(spent / 3600, 3)} hours)"))
    for name, record in manifest.get("extractors", {}).items():
        lines.append((f"Extractor {name}", _extractor(record)))
    large = [f"{results.shown_path(path)} ({path.stat().st_size / 1e6:.1f} MB)" for path in _raw(results, large=True)]
    lines.append(("Too large for this page", ", ".join(large)))
    return [(name, str(value)) for name, value in lines if value]


def _hardware(hardware: dict[str, Any]) -> list[str]:
    said = []
    first = {key: hardware[key] for key in ("processor", "cores", "memory_bytes") if key in hardware}
    for key, value in (first | hardware).items():
        if key == "memory_bytes":
            said.append(f"{value / 2**30:.1f} GiB memory")
        elif key == "cores":
            said.append(f"{value} cores")
        elif isinstance(value, list):
            said += [str(entry) for entry in value]
        elif value:
            said.append(str(value))
    return said


def _extractor(record: dict[str, Any]) -> str:
    names = {
        "kind": "",
        "accuracy": "test accuracy ",
        "test_accuracy": "test accuracy ",
        "sha256": "sha256 ",
        "seed": "seed ",
    }
    said = []
    for key, words in names.items():
        value = record.get(key)
        if value is not None:
            said.append(f"{words}{value:.4g}" if isinstance(value, float) else f"{words}{value}")
    return ", ".join(said)


def reruns(results: Results) -> list[str]:
    """The command of each run."""
    return [entry["rerun"] for entry in results.manifest.get("plan", []) if "rerun" in entry]


def config_text(results: Results) -> str:
    """The merged config as indented JSON."""
    return json.dumps(results.config, indent=1, sort_keys=True) if results.config else "not recorded"


def raw_files(results: Results) -> list[tuple[str, str, str]]:
    """(file name, kind, text) of the experiment's own tables and documents, where they are small."""
    kinds = {"csv": "text/csv", "json": "application/json"}
    found = _raw(results, large=False)
    return [(path.name, kinds[path.suffix[1:]], path.read_text(encoding="utf-8")) for path in found]


def _raw(results: Results, large: bool) -> list[Path]:
    """The experiment's tables and documents that are there, either those above RAW_LIMIT or the others."""
    tables = ("metrics.csv", "runs.csv", TRAJECTORIES, "timing.csv", "manifest.json")
    documents = (SCORES, CONTRASTS, REACHING, TIMING_FITS, CLAIMS, PUBLISHED)
    paths = [results.layout.file(name) for name in (*tables, *(file.name for file in documents))]
    return [path for path in paths if path.exists() and (path.stat().st_size > RAW_LIMIT) is large]
