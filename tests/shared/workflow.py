"""A copy of the project, and Snakemake run in it: what every test of the workflow begins with."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    *("Snakefile", "config", "profiles", "workflow", "wae", "baselines"),
    *("environment.yml", "pyproject.toml", "requirements.lock"),
)
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--cores", "2")


def copy_project(folder: Path) -> Path:
    """A copy of what runs, without results; returns ``folder``."""
    folder.mkdir(parents=True)
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def environment() -> dict[str, str]:
    """The environment with this interpreter's commands first, in which no package of the checkout is found."""
    found = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name in ("PYTEST_CURRENT_TEST", "PYTHONPATH"):
        found.pop(name, None)
    return found


def snakemake(
    folder: Path,
    *arguments: str,
    config: str | Sequence[str] = "config/smoke.yaml",
    before: Callable[[], object] | None = None,
) -> subprocess.CompletedProcess[str]:
    """`snakemake --cores 2 --configfile CONFIG ARGUMENTS` in ``folder``; stderr is in stdout.

    An empty ``config`` names none; ``before``: called in the child before it starts.
    """
    configs = [config] if isinstance(config, str) else config
    command = [*SNAKEMAKE, *(["--configfile", *configs] if config else []), *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=before,
    )
