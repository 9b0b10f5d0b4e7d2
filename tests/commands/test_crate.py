"""``wae crate``: a valid Workflow Run RO-Crate that holds what was recorded, and says what it does not know."""

import json
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.shared.results import make
from wae.commands import crate as crate_module
from wae.commands.crate import crate
from wae.compute.checkout import git_state
from wae.core.errors import UserError
from wae.core.files import read_json, sha256_file, write_json

pytest.importorskip("rocrate", reason="rocrate is not installed: pip install -e '.[crate]' for it")


def record(root: Path, commit: str | None) -> Path:
    """A finished experiment of two runs, as recorded at ``commit``."""
    folder = make(root, datasets=("digits",), methods=("vae",), seeds=(0, 1))
    manifest = read_json(folder / "manifest.json")
    for run in manifest["plan"]:
        run["settings"] = {"lambda_": 1.0}
    manifest["config"]["description"] = ""  # as a config without one has it
    digest = sha256_file(folder / "metrics.csv")
    write_json(folder / "manifest.json", manifest | {"commit": commit, "result_digest": digest})
    for seed in (0, 1):
        run_folder = folder / f"digits/vae/seed{seed}"
        (run_folder / "weights.safetensors").write_bytes(bytes([seed]) * 100)
        (run_folder / "train.log").write_text("chatter")
    return folder


def contents(path: Path) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """Files and entities of a crate."""
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    graph = json.loads(files["ro-crate-metadata.json"])["@graph"]
    return files, {entity["@id"]: entity for entity in graph}


def ids(value: Any) -> list[str]:
    return [entry["@id"] for entry in (value if isinstance(value, list) else [value])]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("crate")
    crate(record(root, git_state()[0]), root / "crate.zip")
    return root / "crate.zip"


def _context() -> dict[str, str]:
    """The terms of RO-Crate 1.1 as far as a workflow's crate uses them, from the later ones that rocrate comes with."""
    text = (resources.files("rocrate") / "data/ro-crate.jsonld").read_text(encoding="utf-8")
    terms: dict[str, str] = json.loads(text)["@context"]
    terms |= {name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")}
    return terms | {name: f"https://bioschemas.org/ComputationalWorkflow#{name}" for name in ("input", "output")}


@pytest.fixture
def validate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The validator without a network: it asks for one document, the context, and gets it from here."""
    pytest.importorskip("rocrate_validator", reason="roc-validator is not installed: pip install -e '.[dev]' for it")
    from rocrate_validator import models, services
    from rocrate_validator.utils.http import HttpRequester

    def get(_: Any, url: str, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200 if url == "https://w3id.org/ro/crate/1.1/context" else 404
        response.headers["Content-Type"] = "application/ld+json"
        response._content = json.dumps({"@context": _context()}).encode()
        return response

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)

    def run(path: Path) -> set[str]:
        settings = models.ValidationSettings(
            rocrate_uri=str(path), profile_identifier="workflow-run-crate-0.5", offline=True
        )
        result = services.validate(settings)
        assert len(result.executed_checks) > 50
        return {issue.check.identifier for issue in result.get_issues()}

    return run


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the validator's own libraries
def test_it_meets_every_requirement_of_the_profile(made: Path, validate: Any) -> None:
    assert validate(made) == set()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("broken", ["instrument", "mainEntity", "license"])
def test_the_validator_would_notice(made: Path, validate: Any, tmp_path: Path, broken: str) -> None:
    files, entities = contents(made)
    holder = entities["#run"] if broken == "instrument" else entities["./"]
    del holder[broken]
    document = json.loads(files["ro-crate-metadata.json"]) | {"@graph": list(entities.values())}
    with zipfile.ZipFile(tmp_path / "broken.zip", "w") as packed:
        for name, content in (files | {"ro-crate-metadata.json": json.dumps(document).encode()}).items():
            packed.writestr(name, content)
    assert validate(tmp_path / "broken.zip") != set()


def test_it_holds_workflow_config_runs_results_environment_licence_and_citation(made: Path, root: Path) -> None:
    files, entities = contents(made)
    home = made.parent / "results/fake"
    for name in ("metrics.csv", "runs.csv", "manifest.json", "digits/vae/seed1/weights.safetensors"):
        assert files[f"results/{name}"] == (home / name).read_bytes()
    assert {"Snakefile", "workflow/Snakefile", "wae/cli.py", "baselines/vae.py", "requirements.lock"} <= files.keys()
    assert {"LICENSE", "CITATION.cff", "environment.yml", "README.md"} <= files.keys()
    assert not [name for name in files if name.startswith(("tests/", "docs/")) or name.endswith(".log")]
    assert json.loads(files["config.json"]) == read_json(home / "manifest.json")["config"]
    assert files.keys() - {"ro-crate-metadata.json"} <= entities.keys()

    run, workflow = entities["#run"], entities["Snakefile"]
    assert ids(entities["./"]["mainEntity"]) == ["Snakefile"]
    assert ids(run["instrument"]) == ["Snakefile"]
    assert ids(run["object"]) == ["config.json", "#data-digits"]
    assert "results/digits/vae/seed0/metrics.json" in ids(run["result"])
    assert workflow["version"] == git_state()[0]
    assert entities[ids(workflow["programmingLanguage"])[0]]["name"] == "Snakemake"
    assert ids(entities["results/metrics.csv"]["exampleOfWork"]) == ["#metrics"]
    assert "#metrics" in ids(workflow["output"])
    assert "ab" * 32 in entities["#data-digits"]["value"]
    assert ids(entities["./"]["license"]) == ["https://spdx.org/licenses/MIT"]
    assert ids(entities["./"]["citation"]) == ["CITATION.cff"]
    assert entities["./"]["description"].startswith(
        f"An experiment. Commit {git_state()[0]}; the code is that commit's"
    )
    kinds = {name: entities[name]["encodingFormat"] for name in files if "encodingFormat" in entities.get(name, {})}
    assert kinds["results/digits/vae/seed1/weights.safetensors"] == "application/octet-stream"
    assert kinds["wae/cli.py"] == kinds["LICENSE"] == kinds["workflow/Snakefile"] == "text/plain"
    assert {name for name, kind in kinds.items() if kind == "application/octet-stream"} == {
        name for name in files if name.endswith(".safetensors")
    }


def test_links_to_elsewhere_and_unfinished_files_stay_out(tmp_path: Path) -> None:
    folder = record(tmp_path, None)
    (tmp_path / "secret.json").write_text("mine")
    (folder / "notes.json").symlink_to(tmp_path / "secret.json")
    run = folder / "digits/vae/seed0"
    (run / "key.json").symlink_to(tmp_path / "secret.json")
    for name in ("checkpoint.pt", "checkpoint.pt.previous", ".unfinished.a.json"):
        (run / name).write_text("half")
    crate(folder, tmp_path / "crate.zip")
    files, _ = contents(tmp_path / "crate.zip")
    assert "results/digits/vae/seed0/weights.safetensors" in files
    kept = [name for name in files if name.startswith("results/")]
    assert not [name for name in kept if "checkpoint" in name or "unfinished" in name or "key" in name]
    assert not set(files.values()) & {b"mine", b"half"}


def test_code_of_ones_own_is_in_it_as_it_ran_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = record(tmp_path, git_state()[0])
    for name in ("my_method.py", "changed.py", "secret.txt"):
        (tmp_path / name).write_text(f"# {name}\n")
    own = {name: sha256_file(tmp_path / name) for name in ("my_method.py", "changed.py")}
    own |= {"../secret.txt": sha256_file(tmp_path / "secret.txt"), "gone.py": "0" * 64}
    own["CONTRIBUTING.md"] = "0" * 64  # of the commit, which ran with another one
    (tmp_path / "changed.py").write_text("# otherwise\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")  # where none of it is
    (tmp_path / "below/my_method.py").write_text("# my_method.py\n")
    write_json(folder / "manifest.json", read_json(folder / "manifest.json") | {"own_code": own})
    crate(folder, tmp_path / "crate.zip")
    files, entities = contents(tmp_path / "crate.zip")
    assert files["my_method.py"] == b"# my_method.py\n"
    assert "my_method.py" in ids(entities["Snakefile"]["hasPart"])
    assert not [name for name in files if "changed" in name or "secret" in name or "CONTRIBUTING" in name]
    said = "as it is no longer here as it ran: ../secret.txt, CONTRIBUTING.md, changed.py, gone.py."
    assert said in entities["./"]["description"]


def test_a_commit_that_git_lacks_is_said(tmp_path: Path) -> None:
    folder = record(tmp_path, "0" * 40)
    write_json(folder / "manifest.json", read_json(folder / "manifest.json") | {"run_commits": ["0" * 40, "1" * 40]})
    crate(folder, tmp_path / "crate.zip", weights=False)
    files, entities = contents(tmp_path / "crate.zip")
    assert "the code is today's, as git does not have that of the runs" in entities["./"]["description"]
    assert f"runs were trained at other commits: {'1' * 40}." in entities["./"]["description"]
    assert "wae/cli.py" in files
    assert not [name for name in files if name.endswith(".safetensors") or "__pycache__" in name]


def test_what_cannot_be_packed_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = record(tmp_path, None)
    with pytest.raises(UserError, match=r"crate.tar: the crate is one zip file; name it crate.tar.zip"):
        crate(folder, tmp_path / "crate.tar")
    with pytest.raises(UserError, match=r"no metrics.csv"):
        crate(tmp_path, tmp_path / "crate.zip")
    scores = (folder / "metrics.csv").read_text()
    (folder / "metrics.csv").write_text(scores.replace("finished", "Finished"))
    with pytest.raises(UserError, match=r"metrics.csv: corrupt: .* make the manifest again"):
        crate(folder, tmp_path / "crate.zip")
    (folder / "metrics.csv").write_text(scores)
    monkeypatch.setattr(crate_module, "ROOT", tmp_path)
    with pytest.raises(UserError, match="make the crate in a checkout"):
        crate(folder, tmp_path / "crate.zip")
    monkeypatch.setattr(crate_module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install 'rocrate"):
        crate(folder, tmp_path / "crate.zip")
    assert not (tmp_path / "crate.zip").exists()
