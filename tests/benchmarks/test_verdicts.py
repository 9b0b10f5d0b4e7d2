from pathlib import Path

import pandas as pd
import pytest

from benchmarks import gpu, scores, study, timing, tricks
from benchmarks.marked import written
from benchmarks.verdicts import BEGIN, END, table
from wae.analysis.claims.pool import experiments


def test_the_recorded_verdicts_are_those_over_all_recorded_experiments(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme == written(readme, BEGIN, END, table()), "run `python -m benchmarks.verdicts --write`"
    assert readme.count(BEGIN) == readme.count(END) == 1


def test_no_experiment_is_left_out(tmp_path: Path) -> None:
    for name in ("b/metrics.csv", "a/timing.csv", "deep/er/metrics.csv", "deep/er/timing.csv", "none/claims.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert experiments(tmp_path) == [tmp_path / "a", tmp_path / "b", tmp_path / "deep/er"]
    assert experiments(tmp_path / "a") == [tmp_path / "a"]
    assert experiments(tmp_path / "none") == [tmp_path / "none"]


def test_the_table_of_times_on_a_gpu_is_that_of_the_recorded_study(root: Path) -> None:
    text = (root / "docs/timing.md").read_text(encoding="utf-8")
    assert text == written(text, gpu.BEGIN, gpu.END, gpu.table()), "run `python -m benchmarks.gpu --write`"
    assert text.count(gpu.BEGIN) == text.count(gpu.END) == 1


def test_the_tables_of_times_are_those_of_the_recorded_study(root: Path) -> None:
    text = (root / "docs/timing.md").read_text(encoding="utf-8")
    for begin, end, found in timing.blocks():
        assert text == written(text, begin, end, found), "run `python -m benchmarks.timing --write`"
        assert text.count(begin) == 1


@pytest.mark.parametrize(("name", "threads"), [("timing_threads1", "1 thread"), ("timing_threads2", "2 threads")])
def test_times_are_medians_in_milliseconds_with_their_intervals_by_threads(root: Path, name: str, threads: str) -> None:
    table = pd.read_csv(root / f"reports/recorded/{name}/timing.csv")
    wanted = {"study": "penalty", "subject": "mmd_fused", "n": 4096, "latent_dim": 8, "part": "total"}
    (row,) = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)].to_dict("records")
    (line,) = [
        line for line in timing.alone(timing.studies()).splitlines() if line.startswith(f"| MMD, fused | {threads} |")
    ]
    median, low, high = (f"{1000 * row[limit]:.0f}" for limit in ("seconds", "low", "high"))
    assert line.split(" | ")[4] == f"{median} [{low}, {high}]"
    steps = table[(table["study"] == "step") & (table["part"] == "total") & (table["dataset"] == "mnist")]
    seconds = steps.set_index("subject")["seconds"]
    (line,) = [
        line
        for line in timing.steps(timing.studies()).splitlines()
        if line.startswith(f"| mnist, dcgan, width 64 | {threads} |")
    ]
    ratio = seconds["wae_gan@width=64"] / seconds["wae_mmd@width=64"]
    assert f"| {ratio:.2f} [" in line


def test_the_table_of_the_prior_trick_is_that_of_the_recorded_runs(root: Path) -> None:
    text = (root / "docs/faithfulness.md").read_text(encoding="utf-8")
    assert text == written(text, tricks.BEGIN, tricks.END, tricks.table()), "run `python -m benchmarks.tricks --write`"
    assert text.count(tricks.BEGIN) == text.count(tricks.END) == 1


def test_the_tables_of_scores_are_those_of_the_recorded_runs(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    for begin, end, found in scores.blocks():
        assert readme == written(readme, begin, end, found), "run `python -m benchmarks.scores --write`"
        assert readme.count(begin) == 1


def test_the_tables_of_the_study_are_those_of_the_recorded_runs(root: Path) -> None:
    page = (root / "docs/results.md").read_text(encoding="utf-8")
    for begin, end, found in study.blocks():
        assert page == written(page, begin, end, found), "run `python -m benchmarks.study --write`"
        assert page.count(begin) == 1
    for plot in study.plots():
        drawn = (root / f"docs/pictures/{plot.name}.svg").read_bytes()
        assert drawn == study.picture(plot), "run `python -m benchmarks.study --write`"
