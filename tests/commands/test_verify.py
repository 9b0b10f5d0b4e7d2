import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.shared import kill
from wae.analysis.runs import METRICS_COLUMNS, write_table
from wae.commands import verify
from wae.commands.recorded import Recorded
from wae.core.errors import UserError
from wae.core.files import read_json, write_json

BASE = {"experiment": "e", "dataset": "d", "status": "finished", "reference": "test", "samples": 100.0, "label": ""}


def frame(values: dict[tuple[str, int, str, float], float]) -> pd.DataFrame:
    """A tidy table from {(method, seed, metric, draw): value}."""
    rows = [
        BASE | {"method": m, "seed": s, "metric": k, "subject": "prior", "draw": d, "value": v}
        for (m, s, k, d), v in values.items()
    ]
    return pd.DataFrame(rows, columns=list(METRICS_COLUMNS))


# Three seeds of two draws: seed means 2, 4, 9; each pair 2 apart, so that a draw's variance is 2.
FID = {
    ("a", s, "fid", d): v for s, pair in enumerate([(1.0, 3.0), (3.0, 5.0), (8.0, 10.0)]) for d, v in enumerate(pair)
}


def test_tolerance_is_three_deviations_of_a_difference_of_two_values() -> None:
    found = verify.tolerances(frame(FID))
    seeds = np.var([2, 4, 9], ddof=1) - 2 / 2
    assert np.allclose(found, 3 * math.sqrt(2 * (seeds + 2)))


def test_groups_do_not_share_their_noise_and_one_value_has_none() -> None:
    table = frame(FID | {("b", 0, "fid", 0): 100.0, ("a", 0, "mse", math.nan): 7.0, ("a", 1, "mse", math.nan): 9.0})
    found = verify.tolerances(table)
    assert found.iloc[6] == 0
    assert np.allclose(found.iloc[7:], 3 * math.sqrt(2 * 2.0))


def test_verdicts() -> None:
    old = frame({("a", 0, "x", 0): 1.0, ("a", 1, "x", 0): 2.0, ("a", 2, "x", 0): 3.0, ("a", 0, "y", 0): math.nan})
    tolerance = 3 * math.sqrt(2)  # the seeds' deviation is 1
    new = frame({("a", 0, "x", 0): 1.0, ("a", 1, "x", 0): 2 + 0.99 * tolerance, ("a", 0, "y", 0): math.nan})
    assert [c.verdict for c in verify.compare(old, new)] == [
        verify.IDENTICAL,
        verify.WITHIN,
        verify.MISSING,
        verify.IDENTICAL,
    ]
    new = frame({("a", 1, "x", 0): 2 - 1.01 * tolerance})
    assert [c.verdict for c in verify.compare(old, new, "d/a/seed1")] == [verify.DIFFERENT]
    with pytest.raises(UserError, match="d/b/seed0: nothing was recorded of it; take another, such as d/a/seed0"):
        verify.compare(old, new, "d/b/seed0")


def test_whole_numbers_are_the_same_whatever_their_type() -> None:
    old = frame({("a", 0, "x", 0.0): 1.0, ("a", 0, "y", math.nan): 1.0})
    new = frame({("a", 0, "x", 0): 1.0}).astype({"draw": int, "samples": int})
    assert [c.verdict for c in verify.compare(old, new)] == [verify.IDENTICAL, verify.MISSING]


def test_one_bit_is_not_identical() -> None:
    old = frame({("a", 0, "x", 0): 1.0})
    assert [c.verdict for c in verify.compare(old, frame({("a", 0, "x", 0): np.nextafter(1, 2)}))] == [verify.DIFFERENT]


@pytest.mark.parametrize(
    ("verdicts", "holds", "first"),
    [
        ([verify.IDENTICAL, verify.IDENTICAL], True, "identical: 2 values, 2 identical, 0 within tolerance"),
        ([verify.IDENTICAL, verify.WITHIN], True, "within tolerance: 2 values, 1 identical, 1 within"),
        ([verify.DIFFERENT, verify.WITHIN, verify.MISSING], False, "different: 3 values"),
        ([verify.MISSING, verify.IDENTICAL], False, "missing: 2 values"),
    ],
)
def test_summary(verdicts: list[str], holds: bool, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [verify.Compared("d/a/seed0 x prior", 1.0, None if v == verify.MISSING else 2.0, 0.5, v) for v in verdicts]
    assert verify.report(cells) is holds
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith(first)
    assert len(lines) == 1 + sum(v in (verify.DIFFERENT, verify.MISSING) for v in verdicts)


def manifest(**changes: Any) -> dict[str, Any]:
    plan = [{"dataset": "d", "method": "a", "seed": 0, "settings": {}}]
    return {"experiment": "e", "commit": "c0", "clean_tree": True, "config": {}, "plan": plan} | changes


def test_against_a_finished_run_and_without_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "recorded/manifest.json", manifest())
    rows = frame(FID).to_dict("records")
    write_table(tmp_path / "recorded/metrics.csv", rows, METRICS_COLUMNS)
    with pytest.raises(UserError, match=r"results/e/metrics\.csv: no such file; run `snakemake .*config/e\.yaml"):
        verify.verify(tmp_path / "recorded", tmp_path / "results")
    write_table(tmp_path / "results/e/metrics.csv", rows, METRICS_COLUMNS)
    assert verify.verify(tmp_path / "recorded", tmp_path / "results")
    assert "identical: 6 values" in capsys.readouterr().out
    with pytest.raises(UserError, match="unknown cell 'd/a/seed1': known are d/a/seed0"):
        verify.verify(tmp_path / "recorded", tmp_path / "results", "d/a/seed1")


def test_settings_that_changed_since_are_not_compared(tmp_path: Path, smoke: dict[str, Any]) -> None:
    plan = [{"dataset": "digits", "method": "vae", "seed": 0, "settings": {"width": 9, "epochs": 3}}]
    record = Recorded.model_validate(manifest(experiment="smoke", config=smoke, plan=plan))
    with pytest.raises(UserError, match=r"digits/vae/seed0: .* \(width 9 -> 8\); check out the recorded commit"):
        verify.rerun(record, "digits/vae/seed0", tmp_path, tmp_path / "recorded")


@pytest.mark.slow
def test_one_cell_is_made_anew_and_is_identical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kill.new_project(tmp_path / "project")
    kill.run(folder, "results/kill/manifest.json")
    (folder / "recorded").mkdir()
    for name in ("metrics.csv", "manifest.json"):
        (folder / "results/kill" / name).rename(folder / "recorded" / name)
    monkeypatch.chdir(folder)
    assert verify.verify(folder / "recorded", Path("results"), "digits/vae/seed0")
    out = capsys.readouterr().out
    count = int(out.rpartition("identical: ")[2].split()[0])
    assert count > 5
    assert f"identical: {count} values, {count} identical" in out
    record = read_json(folder / "recorded/manifest.json")
    assert record["experiment"] == "kill"
    assert not (folder / "results/verify_kill/digits/wae_gan").exists()
