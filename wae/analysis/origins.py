"""What two folders of results say in two ways of where they come from: commit, machine, versions, settings, data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wae.analysis.results import Results

SECTIONS = ("run", "evaluation", "timing", "execution")  # of a config; training is compared run by run
FACTS = ("commit", "clean_tree", "run_commits", "runs_differ", "versions", "hardware")  # of a manifest


@dataclass(frozen=True)
class Difference:
    """A fact that the folders state in two ways; None where one does not state it."""

    name: str
    first: str | None
    second: str | None


def differences(first: Results, second: Results) -> list[Difference]:
    """Every fact of the manifests, configs, data and runs that differs, those of the code and machine first."""
    a, b = _facts(first), _facts(second)
    names = dict.fromkeys((*a, *b))
    found = [Difference(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]
    return [*found, *_settings(first, second)]


def _facts(results: Results) -> dict[str, str]:
    manifest = results.manifest
    found = _flat({key: manifest[key] for key in FACTS if key in manifest})
    config = results.config
    found |= _flat({key: config[key] for key in SECTIONS if key in config})
    for name, record in config.get("extractors", {}).items():
        found |= _flat(record, f"extractors.{name}")
    for name, meta in manifest.get("data", {}).items():
        found |= _flat({key: meta.get(key) for key in ("source", "counts", "sha256")}, f"data.{name}")
    for name, record in manifest.get("extractors", {}).items():
        found |= _flat({"sha256": record.get("sha256")}, f"trained extractor {name}")
    scored = results.metrics().groupby(["dataset", "method"])["seed"].unique()
    planned: dict[tuple[str, str], int] = {}
    for run in manifest.get("plan", []):
        cell = run["dataset"], run["method"]
        planned[cell] = planned.get(cell, 0) + 1
    for cell, count in planned.items():
        finished = len(scored.get(cell, []))
        found[f"finished runs of {'/'.join(cell)}"] = f"{finished} of {count}"
    return found


def _settings(first: Results, second: Results) -> list[Difference]:
    """Training settings that differ in a cell of both; one line for cells that differ alike.

    Settings that only one side knows, as of an older commit, are named together.
    """
    groups: dict[tuple[str, str, str], list[str]] = {}
    unknown: dict[str, None] = {}
    cells = [cell for cell in first.cells if cell in second.cells]
    for cell in cells:
        a, b = _flat(first.cells[cell]), _flat(second.cells[cell])
        unknown |= dict.fromkeys(sorted(a.keys() ^ b.keys()))
        for name in a.keys() & b.keys():
            if a[name] != b[name]:
                groups.setdefault((name, a[name], b[name]), []).append("/".join(cell))
    found = []
    for (name, x, y), where in sorted(groups.items()):
        of = "" if len(where) == len(cells) else f" of {', '.join(where)}"
        found.append(Difference(f"training.{name}{of}", x, y))
    for name, knows in (("first", first), ("second", second)):
        own = [key for key in unknown if any(key in _flat(knows.cells[cell]) for cell in cells)]
        if own:
            values = (", ".join(own), None) if name == "first" else (None, ", ".join(own))
            found.append(Difference("training settings that one side does not have", *values))
    return found


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """The leaves of nested maps by dotted name, as text; empty ones left out."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, entry in value.items():
            found |= _flat(entry, f"{name}.{key}" if name else str(key))
        return found
    return (
        {}
        if value is None or value == []
        else {name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)}
    )
