"""make's own mistakes: each is one line, before anything is installed or run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """The Makefile beside an environment that counts as installed, whose commands only say what they are given."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(root / name, tmp_path / name)
    commands = tmp_path / ".venv/bin"
    commands.mkdir(parents=True)
    for name in ("python", "snakemake"):
        (commands / name).write_text(f'#!/bin/sh\nfor word in {name} "$@"; do printf "<%s>" "$word"; done; echo\n')
        (commands / name).chmod(0o755)
    (tmp_path / ".venv/.installed").write_text("")
    return tmp_path


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ))


def test_a_config_whose_name_has_a_space(project: Path) -> None:
    done = make(project, "report", "CONFIG=a b.yaml", "CORES=2")
    assert done.returncode == 0, done.stderr
    assert "<python><-m><wae><check><--config><a b.yaml>" in done.stdout
    assert "<snakemake><--cores><2><--configfile><a b.yaml><--><all>" in done.stdout


@pytest.mark.parametrize("cores", ["0", "-1", "two", ""])
@pytest.mark.parametrize("target", ["report", "test"])
def test_cores_that_are_no_number(target: str, cores: str, project: Path) -> None:
    done = make(project, target, f"CORES={cores}")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == f"error: CORES is '{cores}', need a whole number of 1 or more"
    assert "<-m>" not in done.stdout


def test_an_environment_whose_python_is_gone(project: Path) -> None:
    python = project / ".venv/bin/python"
    python.unlink()
    python.symlink_to(project / "gone")
    done = make(project, "report", "CORES=1")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == "error: .venv/ has no Python that runs; delete it and run make again"
