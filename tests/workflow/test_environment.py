"""One set of versions, whichever way the environment is made."""

import re
import tomllib
from pathlib import Path

import yaml


def pins(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9_.+!-]+)", line.strip())
        assert match, f"not an exact pin: {line!r}"
        found[match[1].lower().replace("_", "-")] = match[2]
    return found


def lock(root: Path) -> dict[str, str]:
    return pins([line for line in (root / "requirements.lock").read_text().splitlines() if not line.startswith("#")])


def project(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    table = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return pins(table["dependencies"]), pins(table["optional-dependencies"]["dev"])


def conda(root: Path, path: str) -> list[str]:
    requirements: list[str] = yaml.safe_load((root / path).read_text())["dependencies"][-1]["pip"]
    return requirements


def test_direct_dependencies_are_locked_at_the_same_version(root: Path) -> None:
    locked = lock(root)
    main, dev = project(root)
    for name, version in {**main, **dev}.items():
        assert locked.get(name) == version, name


def test_conda_users_get_the_same_versions_and_the_package(root: Path) -> None:
    requirements = conda(root, "environment.yml")
    assert requirements[-1] == "-e ."
    main, dev = project(root)
    assert pins(requirements[:-1]) == {**main, **dev}


def test_rule_environment_has_the_same_versions(root: Path) -> None:
    assert pins(conda(root, "workflow/envs/wae.yaml")) == project(root)[0]


def test_lock_names_no_host_and_no_path(root: Path) -> None:
    text = (root / "requirements.lock").read_text()
    assert "://" not in text
    assert "@" not in text
