"""A fake experiment with its report, made once a test session, for the tests of tables, figures and page."""

import shutil
from pathlib import Path

from tests.shared.results import make, write_json
from wae.analysis import files, summarise
from wae.analysis.claims import divergences
from wae.analysis.claims.judging import judge_file
from wae.analysis.results import Results

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert('x')<"


def experiment(root: Path, **options: object) -> Path:
    """A fake experiment's folder with claims, divergences and no anchors."""
    folder = make(root, **options)  # type: ignore[arg-type]
    power = divergences.power_study(dimensions=(2, 8), n=30, repeats=3, permutations=19)
    write_json(folder / "divergences.json", divergences.study() | {"power": power})
    results = Results(folder)
    summarise(results)
    files.CLAIMS.write(folder, judge_file(results, ROOT / "config/claims.yaml"))
    return folder


def copy(folder: Path, to: Path) -> Path:
    """A copy of an experiment that a test may change."""
    shutil.copytree(folder, to / "results" / folder.name)
    return to / "results" / folder.name
