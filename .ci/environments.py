"""Write the conda environments from pyproject.toml's names and requirements.lock's versions: the lock alone has pins.

python .ci/environments.py: environment.yml for users, workflow/envs/wae.yaml for `snakemake --sdm conda`.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = """# {what}
# Written by `make environments` from pyproject.toml and requirements.lock.
name: {name}
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def pins() -> dict[str, str]:
    """The version of each locked package by its normalised name."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def direct(*extras: str) -> list[str]:
    """Names of the package's own dependencies and of those of its ``extras``, in the order of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [*project["dependencies"], *(line for name in extras for line in project["optional-dependencies"][name])]
    return [re.split(r"[<>=!~ \[;]", line)[0] for line in found]


def environment(name: str, what: str, names: list[str], more: list[str]) -> str:
    """A conda environment's text: ``names`` at their locked versions, then the requirements ``more``."""
    locked = pins()
    requirements = [f"{package}=={locked[package]}" for package in names] + more
    return HEAD.format(name=name, what=what) + "".join(f"      - {line}\n" for line in requirements)


def environments() -> dict[str, str]:
    """The text of each environment file by its path."""
    users = "For conda users: conda env create -f environment.yml && conda activate wae"
    rules = "For `snakemake --sdm conda`. Without the package itself: the rules run beside its sources."
    return {
        "environment.yml": environment("wae", users, direct("slurm", "crate", "dev"), ["-e ."]),
        "workflow/envs/wae.yaml": environment("wae-rules", rules, direct(), []),
    }


if __name__ == "__main__":
    for path, text in environments().items():
        (ROOT / path).write_text(text, encoding="utf-8")
