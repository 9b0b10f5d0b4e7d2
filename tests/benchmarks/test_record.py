"""What goes into the repository's records, and what is refused."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.record import record
from wae.analysis.collecting import write_table
from wae.analysis.runs import ORIGIN, RUNS_COLUMNS, TIMING_COLUMNS, TRAJECTORIES_COLUMNS
from wae.core.errors import UserError
from wae.core.files import read_json, write_json

COMMIT, OTHER = "a" * 40, "b" * 40


def ended(folder: Path, *statuses: str) -> None:
    write_table(folder / "runs.csv", [{"seed": k, "status": found} for k, found in enumerate(statuses)], RUNS_COLUMNS)


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    folder = tmp_path / "results/mine"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("scores\n")
    ended(folder, "finished", "diverged")
    write_json(folder / "metric_facts.json", [])
    write_json(folder / "claims.json", {"claims": [{"number": 1}]})
    write_json(folder / "timing_fits.json", {"fits": [], "growth": []})
    write_json(folder / "contrasts.json", [])
    write_table(folder / "timing.csv", [], TIMING_COLUMNS)
    write_table(folder / "trajectories.csv", [{"dataset": "glyphs"}], TRAJECTORIES_COLUMNS)
    (folder / "plan.json").write_text("{}")
    manifest = {"experiment": "mine", "description": "Mine | and yours", "commit": COMMIT, "clean_tree": True}
    digest = hashlib.sha256(b"scores\n").hexdigest()
    write_json(folder / "manifest.json", manifest | {"result_digest": digest, "run_commits": [OTHER, COMMIT]})
    page = tmp_path / "reports/mine/summary.html"
    page.parent.mkdir(parents=True)
    page.write_text("<html></html>")
    return folder


def kept(experiment: Path, kind: str = "study") -> str:
    root = experiment.parents[1]
    return record(experiment, root / "reports/mine/summary.html", root / "recorded/mine", kind)


def test_what_readers_need_is_kept_and_empty_tables_are_not(experiment: Path) -> None:
    assert kept(experiment) == "| `mine/` | Mine \\| and yours, with its page | aaaaaaa, runs at bbbbbbb too |"
    target = experiment.parents[1] / "recorded/mine"
    names = {path.name for path in target.iterdir()}
    assert names == {
        *("manifest.json", "metrics.csv", "runs.csv", "metric_facts.json", "claims.json", "trajectories.csv"),
        "summary.html",
    }
    assert all((target / name).read_bytes() == (experiment / name).read_bytes() for name in names - {"summary.html"})
    with pytest.raises(UserError, match="is there already; delete it first"):
        kept(experiment)


def test_a_page_that_was_not_written_is_said(experiment: Path) -> None:
    (experiment.parents[1] / "reports/mine/summary.html").unlink()
    assert "Mine \\| and yours; no page" in kept(experiment)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clean_tree": False}, "made from a tree with changes"),
        ({"commit": None}, "made from a tree with changes or without a commit"),
        ({"result_digest": "0" * 64}, "metrics.csv: not the one that manifest.json was written for"),
    ],
)
def test_what_no_reader_could_repeat_is_refused(experiment: Path, changed: dict[str, Any], message: str) -> None:
    manifest = {key: value for key, value in read_json(experiment / "manifest.json").items() if key != "seal"}
    write_json(experiment / "manifest.json", manifest | changed)
    with pytest.raises(UserError, match=message):
        kept(experiment)
    assert not (experiment.parents[1] / "recorded/mine").exists()


def test_runs_of_a_tree_with_changes_are_refused_whatever_the_manifest_says(experiment: Path) -> None:
    runs = [{"dataset": "d", "method": "vae", "seed": k, "status": "finished", "clean_tree": k != 1} for k in range(3)]
    write_table(experiment / "runs.csv", runs, (*RUNS_COLUMNS, *ORIGIN))
    with pytest.raises(UserError, match=r"1 runs were trained in a tree with changes, d/vae/seed1 for one; commit"):
        kept(experiment)


def test_a_partial_experiment_says_how_much_of_it_there_is(experiment: Path) -> None:
    manifest = {key: value for key, value in read_json(experiment / "manifest.json").items() if key != "seal"}
    write_json(experiment / "manifest.json", manifest | {"config": {"run": {"partial": True}}})
    ended(experiment, "missing", "finished", "finished")
    assert ", 2 of 3 runs, with its page | aaaaaaa" in kept(experiment)


def test_runs_and_files_that_lack_are_refused(experiment: Path) -> None:
    ended(experiment, "missing", "finished")
    with pytest.raises(UserError, match="1 of 2 planned runs are missing"):
        kept(experiment)
    (experiment / "metric_facts.json").unlink()
    with pytest.raises(UserError, match=r"metric_facts\.json: not there"):
        kept(experiment)


@pytest.mark.parametrize(("kind", "published"), [("search", False), ("reproduction", True)])
def test_searches_and_reproductions_keep_no_page_and_nothing_that_a_claim_rests_on(
    experiment: Path, kind: str, published: bool
) -> None:
    write_table(experiment / "timing.csv", [{"study": "step"}], TIMING_COLUMNS)
    write_json(experiment / "published.json", {"rows": [{}]})
    assert kept(experiment, kind) == "| `mine/` | Mine \\| and yours; no page | aaaaaaa, runs at bbbbbbb too |"
    names = {path.name for path in (experiment.parents[1] / "recorded/mine").iterdir()}
    assert names == {
        *("manifest.json", "metrics.csv", "runs.csv", "metric_facts.json", "trajectories.csv"),
        *(["published.json"] if published else []),
    }
