"""What the manifest, run.json and runs.csv say of who made a run: commit, own code, versions, device."""

import csv
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shared.results import run_settings
from wae.analysis.collecting import collect
from wae.analysis.runs import load_runs
from wae.commands.manifest import differences, hardware_of, versions_of
from wae.compute import checkout
from wae.compute.machine import hardware, processor, versions
from wae.core import plugins
from wae.core.files import write_json
from wae.planning import fingerprint


def test_what_differs_between_runs_is_said_and_what_does_not_is_not() -> None:
    first: dict[str, Any] = {"commit": "a", "clean_tree": True, "device": "cpu"}
    first["versions"] = {"numpy": "2.4.5", "torch": "2"}
    assert differences([first, first, {}]) == {}
    second = first | {"clean_tree": False, "versions": {"numpy": "2.4.6", "torch": "2", "scipy": None}}
    assert differences([first, second, first]) == {"numpy": ["2.4.5", "2.4.6"], "clean_tree": ["False", "True"]}
    gpus = [first | {"gpu": "H100", "driver": driver, "tf32": False} for driver in ("570.86", "575.1")]
    assert differences(gpus) == {"driver": ["570.86", "575.1"]}
    machines = [first | {"machine": {"processor": name, "cpu_capability": "AVX2"}} for name in ("P", "Q")]
    assert differences(machines) == {"processor": ["P", "Q"]}
    own = [first | {"own_code": {"my_method.py": sha * 64}} for sha in "ab"]
    assert differences(own) == {"my_method.py": [f"sha256 {'a' * 16}", f"sha256 {'b' * 16}"]}


def test_versions_and_machine_are_those_of_the_runs_where_they_agree() -> None:
    """Runs of another machine, such as a GPU's, may be collected here."""
    old, new = {"torch": "2.11.0", "numpy": "2.5.2"}, {"torch": "2.14.1", "numpy": "2.5.2"}
    assert versions_of([{"versions": old}, {}, {"versions": old}]) == old
    assert versions_of([{"versions": old}, {"versions": new}]) == versions() == versions_of([{}])
    here, elsewhere = hardware(), {"processor": "P", "cpu_capability": "AVX2"}
    assert hardware_of([{}]) == here == hardware_of([{"machine": processor()}, {}])
    assert hardware_of([{"machine": elsewhere}] * 2) == elsewhere
    assert hardware_of([{"machine": elsewhere}, {"machine": processor()}]) == here
    on_gpu = {"gpu": "NVIDIA H999", "machine": elsewhere}
    assert hardware_of([on_gpu, on_gpu]) == elsewhere | {"cuda_devices": ["NVIDIA H999"]}
    assert hardware_of([{"gpu": "NVIDIA H999"}]) == {"cuda_devices": ["NVIDIA H999"]}


def test_runs_csv_says_by_what_each_run_was_made(tmp_path: Path) -> None:
    runs = [run_settings("digits", "vae", seed) for seed in (0, 1, 2)]
    made = {"status": "finished", "epochs": 1, "steps": 2, "commit": "abc", "clean_tree": False, "gpu": "H100"}
    for number, numpy in enumerate(("2.4.6", "2.4.5")):
        versions = {"numpy": numpy, "torch": "2.14.1"}
        write_json(tmp_path / f"{number}/run.json", made | {"versions": versions, "driver": "570.86", "tf32": True})
    tables = tmp_path / "metrics.csv", tmp_path / "runs.csv"
    collect(runs, [tmp_path / str(number) for number in range(3)], [], *tables)
    with tables[1].open() as file:
        rows = list(csv.DictReader(file))
    columns = ("commit", "clean_tree", "gpu", "driver", "tf32", "numpy")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("abc", "False", "H100", "570.86", "True", "2.4.6"),
        ("abc", "False", "H100", "570.86", "True", "2.4.5"),
        ("", "", "", "", "", ""),
    ]
    assert "torch" not in rows[0]
    assert len(load_runs(tables[1])) == 3


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with a committed module of the user's own, and one that is not."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "tracked.py").write_text("import helper\n")
    (folder / "helper.py").write_text("SIZE = 1\n")
    (folder / "loose.py").write_text("SIZE = 2\n")
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "tracked.py", "helper.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    for module in (plugins, checkout, fingerprint):
        monkeypatch.setattr(module, "ROOT", folder)
    monkeypatch.chdir(folder)
    fingerprint.clear()
    yield folder
    fingerprint.clear()


def test_code_of_ones_own_that_is_not_tracked_makes_the_record_unclean(repository: Path, tmp_path: Path) -> None:
    def state(*modules: str) -> bool | None:
        fingerprint.clear()
        return checkout.git_state(fingerprint.own_sources(modules))[1]

    assert state() is True
    assert state("tracked:Method") is True
    assert state("tracked:Method", "loose:load") is False
    (repository / "helper.py").write_text("SIZE = 3\n")
    assert state("tracked:Method") is False
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert checkout.git_state([elsewhere / "method.py"])[1] is False


def test_results_may_be_deleted_or_a_link_in_a_clean_checkout(repository: Path, tmp_path: Path) -> None:
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (repository / "results").mkdir()
    (repository / "results/README.md").write_text("What lies here.\n")
    for words in (["add", "results"], ["commit", "-qm", "second"]):
        subprocess.run([*git, *words], check=True)
    assert checkout.git_state()[1] is True
    (repository / "results/README.md").unlink()
    assert checkout.git_state()[1] is True
    (repository / "results").rmdir()
    (repository / "results").symlink_to(tmp_path)
    assert checkout.git_state()[1] is True
    (repository / "tracked.py").write_text("SIZE = 4\n")
    assert checkout.git_state()[1] is False


def test_a_repository_around_an_installed_suite_is_not_the_suites(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked = repository / "tracked.py"
    assert None not in checkout.git_state()
    assert None not in checkout.last_change([tracked])
    installed = repository / "env/site-packages"
    installed.mkdir(parents=True)
    monkeypatch.setattr(checkout, "ROOT", installed)
    assert checkout.git_state() == (None, None)
    assert checkout.last_change([tracked]) == (None, None)


def test_code_of_ones_own_is_named_with_its_sha256_and_what_it_imports(repository: Path) -> None:
    found = fingerprint.own_code(["tracked:Method", "loose:load"])
    assert found == {
        name: hashlib.sha256((repository / name).read_bytes()).hexdigest()
        for name in ("tracked.py", "helper.py", "loose.py")
    }
    assert fingerprint.own_code(["wae.methods.wae_mmd:WAEMMD", "normal"]) == {}
