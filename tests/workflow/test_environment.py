"""One set of versions, whichever way the environment is made; requirements.lock is where they stand."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version


@pytest.fixture(scope="module")
def generated(root: Path) -> dict[str, Any]:
    """What the script that writes the environments defines."""
    return runpy.run_path(str(root / ".ci/environments.py"))


def requirements(root: Path) -> list[Requirement]:
    """What `make setup` installs; the extra ``features`` is for those who want it."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name in ("slurm", "crate", "dev") for line in extras[name])]
    return [Requirement(line) for line in lines]


def test_every_line_of_the_lock_is_an_exact_pin_without_a_host_or_path(root: Path) -> None:
    lines = [line for line in (root / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 50
    for line in lines:
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*==[0-9][A-Za-z0-9.]*", line), line


def test_direct_dependencies_are_ranges_that_begin_at_the_locked_version(root: Path, generated: dict[str, Any]) -> None:
    locked = generated["pins"]()
    for requirement in requirements(root):
        version = Version(locked[requirement.name])
        assert version in requirement.specifier, requirement
        bounds = {specifier.operator: Version(specifier.version) for specifier in requirement.specifier}
        if bounds:  # packages of types have none
            assert set(bounds) == {">=", "<"}, requirement
            assert bounds[">="].release[:2] == version.release[:2], requirement
            assert bounds["<"].release == (version.major + 1,), requirement


@pytest.mark.parametrize("path", ["environment.yml", "workflow/envs/wae.yaml"])
def test_conda_environments_are_as_written_from_the_lock(root: Path, generated: dict[str, Any], path: str) -> None:
    assert (root / path).read_text() == generated["environments"]()[path], "run `make environments`"


def test_conda_users_get_everything_and_the_rules_what_they_import(root: Path) -> None:
    named = {}
    for path in ("environment.yml", "workflow/envs/wae.yaml"):
        lines = yaml.safe_load((root / path).read_text())["dependencies"][-1]["pip"]
        named[path] = {line.partition("==")[0] for line in lines}
    assert named["environment.yml"] == {r.name for r in requirements(root)} | {"-e ."}
    assert {"torch", "snakemake", "filelock"} <= named["workflow/envs/wae.yaml"]
    assert not {"pytest", "snakemake-executor-plugin-slurm", "-e ."} & named["workflow/envs/wae.yaml"]
