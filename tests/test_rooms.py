"""The house: imports run downwards only, without a circle, and what must not import torch does not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wae.planning.fingerprint import ROOT, absolute, closure, scan

ROOMS = (
    *("core", "compute", "planning", "data", "models", "mmd", "methods", "training", "evaluation", "timing"),
    *("analysis", "report", "commands"),
)  # from the ground up


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "wae").rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(module: str, path: Path) -> set[str]:
    """Modules of wae that a module imports, at its top or inside its functions."""
    known = {name for name, _ in modules()}
    named = {absolute(name, module, path) for name in scan(path).imports}
    found = {name if name in known else name.rpartition(".")[0] for name in named if name.startswith("wae.")}
    # ``from wae.room import module`` names the room as well, whose __init__ it does not use
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_module_has_a_room() -> None:
    loose = {name for name, path in modules() if len(name.split(".")) == 2 and path.name != "__init__.py"}
    assert loose == {"wae.__main__", "wae.cli"}
    assert {room(name) for name, _ in modules() if name.count(".") > 1} == set(ROOMS)


def test_rooms_import_downwards_only() -> None:
    upwards = [
        (name, other)
        for name, path in modules()
        if name.count(".") > 1
        for other in imports(name, path)
        if room(other) not in ROOMS or ROOMS.index(room(other)) > ROOMS.index(room(name))
    ]
    assert upwards == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: imports(name, path) - {name} for name, path in modules()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above[above.index(name) :], name])
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_library_never_imports_baselines() -> None:
    for name, path in modules():
        assert not any(other.split(".")[0] == "baselines" for other in scan(path).imports), name


@pytest.mark.parametrize(
    "module", ["wae.analysis", "wae.report.page.render", "wae.report.figures.draw", "wae.planning.jobs"]
)
def test_what_reads_results_or_configs_imports_no_torch(module: str) -> None:
    code = f"import sys, {module}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "False"
    for path in closure([module]):
        assert not {"torch", "torchvision"} & set(scan(path).imports), f"{module} reaches {path}"


def test_paths_under_results_are_spelled_in_one_file() -> None:
    spelled = re.compile(r"""["'](run\.json|weights\.safetensors|settings\.json|metrics\.json|checkpoint\.pt)["']""")
    found = {name for name, path in modules() if spelled.search(path.read_text(encoding="utf-8"))}
    extractors = {f"wae.evaluation.{name}" for name in ("classifier", "features", "fidelity_extractors", "reference")}
    assert found <= {"wae.core.layout", *extractors}  # an extractor has weights too, in its own folder
