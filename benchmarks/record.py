"""Keep an experiment's results in the repository: its files and its page into reports/recorded.

python -m benchmarks.record EXPERIMENT  # results/EXPERIMENT, reports/EXPERIMENT/summary.html
python -m benchmarks.record EXPERIMENT --kind search  # of a length or a weight: its scores, as no claim rests on it
python -m benchmarks.record EXPERIMENT --kind reproduction  # scores and published numbers, into .../reproductions

It refuses runs of a tree with changes, runs that lack (without `run.partial`), and tables that are not those of the
manifest; then it prints the row for reports/recorded/README.md.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks import marked
from wae.analysis.files import CROSSED, LOTTERY
from wae.analysis.runs import FACTS, TRAJECTORIES, load_runs
from wae.core.errors import UserError
from wae.core.exits import in_words
from wae.core.files import read_json, sha256_file
from wae.core.layout import Cell

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("manifest.json", "metrics.csv", "runs.csv", FACTS)
PAGE = "summary.html"
FURTHER = {  # by kind, where the experiment has them
    "study": (
        *(TRAJECTORIES, "timing.csv", "timing_rounds.csv", "timing_machine.json", "timing_fits.json"),
        *("contrasts.json", "claims.json", "published.json", "reaching.json", LOTTERY.name, CROSSED.name, PAGE),
    ),
    "search": (TRAJECTORIES,),
    "reproduction": (TRAJECTORIES, "published.json"),
}


def record(experiment: Path, page: Path, target: Path, kind: str = "study") -> str:
    """Copy the files of the folder ``experiment``, and its ``page`` if there is one, into the new folder ``target``.

    ``kind``: of FURTHER, which of them. Returns the row of the table of records. UserError for what no reader could
    trace or repeat.
    """
    manifest = read_json(experiment / "manifest.json", "experiment", "commit", "clean_tree", "result_digest")
    missing, planned = check(experiment, manifest)
    if target.exists():
        raise UserError(f"{target}: is there already; delete it first, if these results are to replace it")
    made = target.with_name(f".{target.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    for name in (*NEEDED, *FURTHER[kind]):
        source = page if name == PAGE else experiment / name
        if name in NEEDED or _holds_rows(source):
            shutil.copyfile(source, made / name)
    paged = (made / PAGE).exists()
    made.replace(target)
    part = f", {planned - missing} of {planned} runs" if missing else ""
    return row(manifest, target.name, f"{part}{', with its page' if paged else '; no page'}")


def check(experiment: Path, manifest: dict[str, Any]) -> tuple[int, int]:
    """How many runs are missing, of how many.

    UserError unless the runs are all there (or the config says ``run.partial``), none known to be of a tree with
    changes, and the scores are those of the manifest.
    """
    if not manifest["commit"] or not manifest["clean_tree"]:
        raise UserError(
            f"{experiment}: made from a tree with changes or without a commit; commit, delete its manifest.json and "
            "run the workflow again"
        )
    for name in NEEDED:
        if not (experiment / name).exists():
            raise UserError(f"{experiment / name}: not there; run the experiment to its end first")
    runs = load_runs(experiment / "runs.csv")
    unclean = [run for run in runs.to_dict("records") if str(run.get("clean_tree")) == "False"]
    if unclean:
        first = Cell(*(unclean[0][key] for key in ("dataset", "method", "seed")))
        raise UserError(
            f"{experiment}: {len(unclean)} runs were trained in a tree with changes, {first} for one; commit, delete "
            "their folders and run the workflow again"
        )
    missing = int((runs["status"] == "missing").sum())
    if missing and not manifest.get("config", {}).get("run", {}).get("partial"):
        raise UserError(f"{experiment}: {missing} of {len(runs)} planned runs are missing; run it to its end first")
    if sha256_file(experiment / "metrics.csv") != manifest["result_digest"]:
        raise UserError(f"{experiment}/metrics.csv: not the one that manifest.json was written for; run the workflow")
    return missing, len(runs)


def row(manifest: dict[str, Any], name: str, further: str) -> str:
    """The row of an experiment in the table of records."""
    commit = manifest["commit"]
    others = [found[:7] for found in manifest.get("run_commits", []) if found != commit]
    commits = commit[:7] + (f", runs at {', '.join(others)} too" if others else "")
    return marked.table((f"`{name}/`", f"{manifest.get('description', '')}{further}", commits), []).splitlines()[0]


def _holds_rows(path: Path) -> bool:
    """Whether a file is there and is more than the head of an empty table, an empty list or a document of such."""
    text = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    if path.suffix == ".json" and text:
        found = json.loads(text)
        return any(found.values()) if isinstance(found, dict) else bool(found)
    return bool(text) and (path.suffix != ".csv" or "\n" in text)


def main(experiment: str, kind: str) -> None:
    """Record results/EXPERIMENT and print its row."""
    target = ROOT / "reports/recorded" / ("reproductions" if kind == "reproduction" else "") / experiment
    print(record(ROOT / "results" / experiment, ROOT / "reports" / experiment / PAGE, target, kind))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", help="its name, as in its config")
    parser.add_argument("--kind", choices=FURTHER, default="study", help="what it was run for")
    asked = parser.parse_args()
    sys.exit(in_words("record", lambda: main(asked.experiment, asked.kind)))
