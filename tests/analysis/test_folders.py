"""``wae compare``: planted differences are found, none where there is none, at the error rates of the tests."""

import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from tests.shared.results import make
from wae.analysis.folders import Outcome, compare_scores
from wae.analysis.origins import differences
from wae.analysis.results import Results
from wae.commands.compare import compare
from wae.core.errors import UserError
from wae.core.files import read_json, write_json
from wae.report.tables.folder_tables import scores

SEEDS = (0, 1, 2, 3, 4)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("first"), datasets=("digits",), seeds=SEEDS)


def again(first: Path, to: Path, change: Any = None) -> Path:
    """A copy of the folder whose scores ``change`` has changed, or the rows that it gives back."""
    folder = to / "results" / first.name
    shutil.copytree(first, folder)
    if change is not None:
        frame = pd.read_csv(folder / "metrics.csv")
        kept = change(frame)
        (frame if kept is None else kept).to_csv(folder / "metrics.csv", index=False)
    return folder


def noise(frame: pd.DataFrame, scale: float, seed: int) -> None:
    """Another training of every network: each run's scores move by their own factors."""
    rng = np.random.default_rng(seed)
    keys = list(zip(frame["method"], frame["seed"], frame["metric"], strict=True))
    factors = {key: 1.0 if key[0] == "real_data" else np.exp(rng.normal(0, scale)) for key in dict.fromkeys(keys)}
    frame["value"] *= [factors[key] for key in keys]


def of(pairs: list[Any], method: str, metric: str, subject: str = "prior") -> Any:
    (found,) = [p for p in pairs if (p.method, p.metric, p.subject) == (method, metric, subject)]
    return found


def test_equal_folders_have_the_same_bits_and_no_difference(first: Path, tmp_path: Path) -> None:
    a, b = Results(first), Results(again(first, tmp_path))
    pairs = compare_scores(a, b)
    assert len(pairs) > 50
    assert {pair.outcome for pair in pairs} == {Outcome.SAME_BITS}
    assert differences(a, b) == []


def test_methods_are_called_as_a_plan_of_either_folder_calls_them(first: Path, tmp_path: Path) -> None:
    folder = again(first, tmp_path)
    write_json(folder / "plan.json", {"runs": [], "methods": {"vae": {"title": "My VAE"}}})
    for pair in ((first, folder), (folder, first)):
        found = compare_scores(*map(Results, pair))
        assert {p.method: p.title for p in found} == {"vae": "My VAE", "wae_mmd": "WAE-MMD", "wae_gan": "WAE-GAN"}
    assert {row[1].text for grid in scores(found) for row in grid.rows} == {"My VAE", "WAE-MMD", "WAE-GAN"}


def test_a_planted_difference_is_found_and_nothing_else(first: Path, tmp_path: Path) -> None:
    def change(frame: pd.DataFrame) -> None:
        noise(frame, 0.03, 5)
        planted = (frame["method"] == "wae_gan") & (frame["metric"] == "fid_classifier") & (frame["subject"] == "prior")
        frame.loc[planted, "value"] *= 1.4

    pairs = compare_scores(Results(first), Results(again(first, tmp_path, change)))
    told = [pair for pair in pairs if pair.outcome is Outcome.DIFFERENT]
    assert [(pair.method, pair.metric, pair.subject) for pair in told] == [("wae_gan", "fid_classifier", "prior")]
    (found,) = told
    assert found.primary
    assert not found.paired
    assert found.samples == 10_000
    assert found.comparison is not None
    assert found.comparison.ratio
    assert found.comparison.higher
    assert found.comparison.estimate == pytest.approx(1.4, rel=0.06)
    draws = Results(first).seed_values("digits", "wae_gan", "fid_classifier", "prior")
    assert found.first is not None
    assert found.first.mean == pytest.approx(draws.mean())


def test_the_same_networks_are_their_own_controls(first: Path, tmp_path: Path) -> None:
    """Evaluation alone moved a score by 2%, less than seeds differ by: found where the networks are the same."""

    def evaluated(frame: pd.DataFrame) -> None:
        rng = np.random.default_rng(0)
        moved = frame["metric"] == "sharpness"
        frame.loc[moved, "value"] *= 1.02 * np.exp(rng.normal(0, 0.001, moved.sum()))

    def trained(frame: pd.DataFrame) -> None:
        evaluated(frame)
        frame.loc[frame["metric"] == "mse", "value"] *= 1 + 1e-15  # other bits: other networks

    paired = of(compare_scores(Results(first), Results(again(first, tmp_path / "a", evaluated))), "vae", "sharpness")
    assert paired.paired
    assert paired.outcome is Outcome.DIFFERENT
    assert paired.comparison.estimate == pytest.approx(1.02, rel=2e-3)
    welch = of(compare_scores(Results(first), Results(again(first, tmp_path / "b", trained))), "vae", "sharpness")
    assert not welch.paired
    assert welch.outcome is Outcome.UNDECIDED


def test_what_cannot_be_tested_says_why(first: Path, tmp_path: Path) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        noise(frame, 0.03, 6)
        vae, prior = frame["method"] == "vae", frame["metric"] == "fid_classifier"
        frame.loc[vae & prior, "samples"] = 123
        lost = (frame["method"] == "wae_mmd") & (frame["seed"] > 1) | (frame["metric"] == "ssim")
        return frame[~lost]

    folder = again(first, tmp_path, change)
    pairs = compare_scores(Results(first), Results(folder))
    assert of(pairs, "vae", "fid_classifier").outcome is Outcome.COUNTS
    assert of(pairs, "wae_mmd", "mse", "reconstruction").outcome is Outcome.FEW
    assert of(pairs, "vae", "ssim", "reconstruction").outcome is Outcome.FIRST
    back = compare_scores(Results(folder), Results(first))
    assert of(back, "vae", "ssim", "reconstruction").outcome is Outcome.SECOND
    found = {d.name: (d.first, d.second) for d in differences(Results(first), Results(folder))}
    assert found == {"finished runs of digits/wae_mmd": ("5 of 5", "2 of 5")}


def test_differences_of_origin_are_listed_once(first: Path, tmp_path: Path) -> None:
    folder = again(first, tmp_path)
    manifest, plan = read_json(folder / "manifest.json"), read_json(folder / "plan.json")
    manifest["commit"] = "f" * 40
    manifest["versions"]["torch"] = "9.9"
    manifest["hardware"]["cores"] = 64
    manifest["data"]["digits"]["sha256"]["train_images.npy"] = "cd" * 32
    plan["config"]["evaluation"]["draws"] = 9
    for run in plan["runs"]:
        run["training"]["batch_size"] = 32
        run["training"]["brand_new"] = 1
        if run["method"] == "vae":
            run["training"]["lambda_"] = 4.0
    write_json(folder / "manifest.json", manifest)
    write_json(folder / "plan.json", plan)
    found = {d.name: (d.first, d.second) for d in differences(Results(first), Results(folder))}
    assert found == {
        "commit": ("0123456789abcdef0123456789abcdef01234567", "f" * 40),
        "versions.torch": ("2.14.1", "9.9"),
        "hardware.cores": ("2", "64"),
        "data.digits.sha256.train_images.npy": ("ab" * 32, "cd" * 32),
        "evaluation.draws": ("5", "9"),
        "training.batch_size": ("100", "32"),
        "training.lambda_ of digits/vae": ("1.0", "4.0"),
        "training settings that one side does not have": (None, "brand_new"),
    }


class Table:
    """Just the scores of a folder."""

    reference, distance = "test", "fid_classifier"

    def __init__(self, values: np.ndarray) -> None:
        """``values``: (scores, seeds)."""
        self.values = values

    def facts(self, method: str) -> dict[str, Any]:
        return {"title": method}

    def title(self, method: str) -> str:
        return method

    def metrics(self) -> pd.DataFrame:
        rows = [
            {"dataset": f"d{i}", "method": "m", "metric": metric, "subject": "prior", "seed": seed, "value": value}
            for i, row in enumerate(self.values)
            for metric in (("fid_classifier",) if i < 8 else ("mmd",))
            for seed, value in enumerate(row)
        ]
        return pd.DataFrame(rows).assign(reference="test", samples=100.0, draw=0)


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_equal_results_are_told_apart_in_five_of_a_hundred_tables_at_most(shared: float) -> None:
    """Also where equal seeds still have something in common, which makes the independent test a cautious one."""
    rng = np.random.default_rng(int(10 * shared))
    repeats, false = 100, {True: 0, False: 0}
    for _ in range(repeats):
        common = rng.standard_normal((16, 5))
        tables = [
            Table(np.exp(0.1 * (np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.standard_normal((16, 5)))))
            for _ in range(2)
        ]
        pairs = compare_scores(*cast(list[Results], tables))
        for family in false:
            false[family] += any(p.outcome is Outcome.DIFFERENT for p in pairs if p.primary is family)
    assert max(false.values()) <= 0.05 * repeats + 3 * (0.05 * 0.95 * repeats) ** 0.5
    if shared == 0.0:
        assert sum(false.values()) > 0  # a test that never errs tests nothing


def test_the_command_prints_what_differs_and_writes_the_page(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(frame: pd.DataFrame) -> None:
        noise(frame, 0.03, 5)
        frame.loc[(frame["method"] == "wae_gan") & (frame["metric"] == "fid_classifier"), "value"] *= 2

    second = again(first, tmp_path, change)
    reports = second.parents[1] / "reports" / second.name  # a report's folder stands for its results
    reports.mkdir(parents=True)
    out = tmp_path / "page.html"
    compare(first, reports, out)
    said = capsys.readouterr().out
    assert "| digits | WAE-GAN | Fréchet distance (classifier), prior | higher, worse |" in said
    assert "What differs in origin" not in said  # nothing does
    page = out.read_text()
    assert "Both folders state the same commit" in page
    assert page.count("<table") == 2
    assert "src=" not in page
    with pytest.raises(UserError, match=r"no metrics.csv; give results/EXPERIMENT"):
        compare(first, tmp_path, out)
