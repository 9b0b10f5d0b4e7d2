"""The wheel in an environment of its own, far from the checkout: what `pip install` gives a stranger."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SETUPTOOLS = 77  # as pyproject.toml asks for
SOURCES = ("wae", "baselines", "pyproject.toml", "README.md", "LICENSE")
LIBRARY = """
import numpy as np
import wae
plan = wae.load_plan("mine.yaml")
method = wae.train(plan, "digits/wae_mmd/seed0")
np.save("samples.npy", method.sample(500, seed=0))
scores = wae.evaluate(plan, "digits/wae_mmd/seed0")
row = scores[(scores.metric == "fid_classifier") & (scores.subject == "prior")].iloc[0]
again = wae.load("results/smoke/digits/wae_mmd/seed0")
print(again.reconstruct(np.load("samples.npy")).shape == (500, 1, 8, 8), row["value"] > 0)
"""
WHERE = """
import importlib, json, pkgutil, sys
import baselines, wae
for package in (wae, baselines):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps({name: m.__file__ for name, m in sys.modules.items() if getattr(m, "__file__", None)}))
"""


class Installed:
    """An environment with the wheel, and with the other packages of the one that runs the tests."""

    def __init__(self, root: Path, folder: Path) -> None:
        source, self.environment, self.work = folder / "source", folder / "environment", folder / "work"
        source.mkdir()
        self.work.mkdir()
        for name in SOURCES:
            (shutil.copytree if (root / name).is_dir() else shutil.copy2)(root / name, source / name)
        # Where the tests' own setuptools will do, nothing is fetched.
        recent = int(importlib.metadata.version("setuptools").partition(".")[0]) >= SETUPTOOLS
        isolated = ["--no-build-isolation"] if recent else []
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        wheel = [*pip, "wheel", "--quiet", "--no-deps", *isolated, "--wheel-dir", str(folder), str(source)]
        subprocess.run(wheel, check=True)
        shutil.rmtree(source)
        venv.create(self.environment, with_pip=False)
        packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(self.environment)}))
        install = [*pip, "--python", str(self.python), "install", "--quiet", "--no-deps", "--no-index"]
        subprocess.run([*install, *map(str, folder.glob("*.whl"))], check=True)
        # torch and the others are gigabytes: they come from the environment that runs the tests. A path in a .pth
        # is put behind the environment's own packages, and the .pth files in it, an editable install's, are not read.
        (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.environment / "bin/python"

    def run(self, *command: str) -> str:
        """What ``command``, of the environment's bin/, prints in the working folder; it must succeed."""
        environment = {"PATH": f"{self.environment / 'bin'}:/usr/bin:/bin", "HOME": str(self.work), "LANG": "C.UTF-8"}
        result = subprocess.run(
            [str(self.environment / "bin" / command[0]), *command[1:]],
            cwd=self.work,
            env=environment | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
        return result.stdout


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(root, tmp_path_factory.mktemp("wheel"))


def test_every_module_is_imported_from_the_wheel_and_none_from_the_checkout(root: Path, installed: Installed) -> None:
    files = {name: Path(file) for name, file in json.loads(installed.run("python", "-c", WHERE)).items()}
    ours = {name: file for name, file in files.items() if name.partition(".")[0] in ("wae", "baselines")}
    assert len(ours) > 100
    for file in ours.values():
        assert file.is_relative_to(installed.environment), file
    packages = Path(sysconfig.get_path("purelib"))
    for file in files.values():
        assert not file.is_relative_to(root) or file.is_relative_to(packages), file


def test_the_command_works_without_a_checkout(root: Path, installed: Installed) -> None:
    assert "COMMAND" in installed.run("wae", "--help")
    installed.run("wae", "schema", "--out", "schema.yaml")
    schema = root / "wae/core/schemas/config.schema.yaml"
    assert (installed.work / "schema.yaml").read_text() == schema.read_text()
    shutil.copy(root / "config/smoke.yaml", installed.work / "mine.yaml")
    assert installed.run("wae", "check", "--config", "mine.yaml").startswith("mine.yaml: 3 runs of 3 methods")
    assert "no requirements.lock at hand" in installed.run("wae", "doctor", "--config", "mine.yaml")


def test_the_library_trains_and_the_command_scores(root: Path, installed: Installed) -> None:
    shutil.copy(root / "config/smoke.yaml", installed.work / "mine.yaml")
    assert installed.run("python", "-c", LIBRARY).split()[-2:] == ["True", "True"]
    table = installed.run("wae", "score", "samples.npy", "--dataset", "digits", "--config", "mine.yaml")
    assert "fid_classifier" in table
