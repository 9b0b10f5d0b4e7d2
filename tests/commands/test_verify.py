import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.commands.test_origin import write_runs
from wae.analysis.collecting import write_table
from wae.analysis.equivalence import Finding
from wae.analysis.runs import METRICS_COLUMNS
from wae.cli import main
from wae.commands import api, verify
from wae.commands.recorded import Recorded
from wae.core.errors import StopSignalError, UserError
from wae.core.files import read_json, write_json

BASE = {"experiment": "e", "dataset": "d", "status": "finished", "reference": "test", "samples": 100.0, "label": ""}


def frame(values: Mapping[tuple[str, int, str, float], float]) -> pd.DataFrame:
    """A tidy table from {(method, seed, metric, draw): value}."""
    rows = [
        BASE | {"method": m, "seed": s, "metric": k, "subject": "prior", "draw": d, "value": v}
        for (m, s, k, d), v in values.items()
    ]
    return pd.DataFrame(rows, columns=list(METRICS_COLUMNS))


FID: dict[tuple[str, int, str, float], float] = {
    ("a", s, "fid_classifier", 0): v for s, v in enumerate([2.0, 2.1, 2.2, 2.05, 2.15])
}


def test_whole_numbers_are_the_same_whatever_their_type() -> None:
    old = frame({("a", 0, "x", 0.0): 1.0, ("a", 0, "y", float("nan")): float("nan")})
    new = frame({("a", 0, "x", 0): 1.0, ("a", 0, "y", float("nan")): float("nan")}).astype({"samples": int})
    assert verify.differing(old, new) == []
    assert verify.differing(old, new[:1]) == ["d/a/seed0 y prior: recorded nan, found nothing"]


def test_one_bit_is_not_identical() -> None:
    old = frame({("a", 0, "x", 0): 1.0})
    (said,) = verify.differing(old, frame({("a", 0, "x", 0): np.nextafter(1, 2)}))
    assert said == "d/a/seed0 x prior: recorded 1.0, found 1.0000000000000002"


def manifest(**changes: Any) -> dict[str, Any]:
    plan = [{"dataset": "d", "method": "a", "seed": 0, "settings": {}}]
    return {
        "experiment": "e",
        "commit": "c0",
        "clean_tree": True,
        "config": {},
        "plan": plan,
        "versions": {},
        "hardware": {},
    } | changes


def recorded(tmp_path: Path, rows: pd.DataFrame, **changes: Any) -> Path:
    write_json(tmp_path / "recorded/manifest.json", manifest(**changes))
    write_table(tmp_path / "recorded/metrics.csv", rows.to_dict("records"), METRICS_COLUMNS)  # type: ignore[arg-type]
    return tmp_path / "recorded"


def handed_in(tmp_path: Path, rows: pd.DataFrame, **changes: Any) -> Path:
    write_json(tmp_path / "results/e/manifest.json", manifest(**changes))
    write_table(tmp_path / "results/e/metrics.csv", rows.to_dict("records"), METRICS_COLUMNS)  # type: ignore[arg-type]
    return tmp_path / "results"


def test_against_a_finished_run_and_without_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = recorded(tmp_path, frame(FID))
    with pytest.raises(UserError, match=r"results/e/metrics\.csv: no such file; run its config by `snakemake "):
        verify.verify(folder, tmp_path / "results")
    results = handed_in(tmp_path, frame(FID), commit="c1")
    with pytest.raises(UserError, match=r"empty/recorded/metrics\.csv: holds no score of a run"):
        verify.verify(recorded(tmp_path / "empty", frame({})), results)
    assert verify.verify(folder, results) is Finding.IDENTICAL
    assert "identical: 5 values, bit for bit" in capsys.readouterr().out
    with pytest.raises(UserError, match="results/e: is itself the fresh result; make its runs again with --cell"):
        verify.verify(results / "e", results)
    with pytest.raises(UserError, match="d/b: nothing was recorded of it; take another, such as d/a/seed4"):
        verify.verify(folder, results, "d/b")
    with pytest.raises(UserError, match="unknown cell 'd/a/seed1': known are d/a/seed0"):
        verify.verify(folder, results, "d/a/seed1")


def test_one_origin_is_compared_bit_for_bit_and_two_by_equivalence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recorded(tmp_path, frame(FID))
    moved = frame({key: value * (1 + 1e-9) for key, value in FID.items()})
    assert verify.verify(folder, handed_in(tmp_path, moved)) is Finding.DIFFERENT
    out = capsys.readouterr().out
    assert "different: 5 of 5 values, on the same commit, versions and machine" in out
    assert out.count("recorded 2.") == 5
    assert verify.verify(folder, handed_in(tmp_path, moved, commit="c1")) is Finding.EQUIVALENT
    out = capsys.readouterr().out
    assert "equivalent: d/a fid_classifier prior: recorded 2.1, found 2.1, margin 2 times" in out
    assert "equivalent: 1 measures; a true repetition passes in at least 90%" in out
    written = read_json(tmp_path / "results/verify_e/verify.json")
    assert written["finding"] == "equivalent"
    assert written["power"] == pytest.approx(0.9, abs=0.001)
    assert 1.05 < written["measures"][0]["noticeable"] < 2
    one = moved[moved["seed"] == 0]
    assert verify.verify(folder, handed_in(tmp_path, one, commit="c1")) is Finding.UNDECIDED
    out = capsys.readouterr().out
    assert "too few seeds: 1, need 4 or more to show equivalence" in out
    assert "undecided: 1 measures; a true repetition passes in at least 0%" in out


def test_a_run_that_moved_to_another_device_is_compared_by_equivalence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recorded(tmp_path, frame(FID))
    moved = frame({key: value * (1 + 1e-9) for key, value in FID.items()})
    results = handed_in(tmp_path, moved)
    write_runs(folder / "runs.csv", device="cuda:0", gpu="NVIDIA H200")
    write_runs(results / "e/runs.csv", device="cuda:1", gpu="NVIDIA H200")
    assert verify.verify(folder, results) is Finding.DIFFERENT
    assert "different: 5 of 5 values, on the same commit, versions and machine" in capsys.readouterr().out
    write_runs(results / "e/runs.csv", device="cpu", gpu="")
    assert verify.verify(folder, results) is Finding.EQUIVALENT
    assert "recorded on NVIDIA H200, made again on cpu\nequivalent: " in capsys.readouterr().out


def test_lost_seeds_and_seeds_too_few_to_be_told_apart_do_not_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = frame({key: value * (1 + 1e-9) for key, value in FID.items()})
    folder = recorded(tmp_path, frame(FID))
    for lost in (moved[moved["seed"] != 3], moved.assign(value=moved["value"].mask(moved["seed"] == 3))):
        assert verify.verify(folder, handed_in(tmp_path, lost, commit="c1")) is Finding.UNDECIDED
        out = capsys.readouterr().out
        assert "undecided: d/a, all 1 scores together: fresh scores of 1 of 5 recorded seeds are lacking; p = " in out
        assert "undecided: 1 measures; a true repetition passes in at least 0%" in out
    three = frame(FID)[:3]
    assert verify.verify(recorded(tmp_path, three), handed_in(tmp_path, moved[:3], commit="c1")) is Finding.UNDECIDED
    out = capsys.readouterr().out
    assert "equivalent: d/a fid_classifier prior" in out
    assert "together: no test of 3 recorded and 3 fresh seeds can reject at 5%; run more seeds" in out
    assert "undecided: 1 measures; a true repetition passes in at least 0%" in out


@pytest.mark.parametrize(
    ("factor", "seeds", "said"),
    [
        (1.0, 5, None),
        (1.0 + 1e-9, 5, None),
        (1.0 + 1e-9, 3, "neither a repetition of {} nor a difference to it is shown; make more seeds again"),
        (9.0, 5, "the fresh run differs from {}"),
    ],
)
def test_the_command_tells_a_difference_from_what_is_undecided(
    factor: float, seeds: int, said: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = recorded(tmp_path, frame(FID))
    fresh = frame({key: value * factor for key, value in FID.items()})[:seeds]
    results = handed_in(tmp_path, fresh, commit="c1")
    assert main(["verify", str(folder), "--results", str(results)]) == (0 if said is None else 1)
    assert capfd.readouterr().err == ("" if said is None else f"error: {said.format(folder)}\n")


@pytest.mark.parametrize(
    ("cell", "seeds", "commit", "said"),
    [
        ("d/a/seed1", 5, "c1", "seeds made again: 1 (leave /seedN away for all 5)"),
        ("d/a", 2, "c1", "seeds made again: 2 (the record has 2)"),
        ("d/a", 5, "c1", None),
        ("d/a/seed1", 5, "c0", None),
    ],
)
def test_that_so_few_seeds_may_show_nothing_is_said_before_they_are_trained(
    cell: str,
    seeds: int,
    commit: str,
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = manifest(commit=commit)
    monkeypatch.setattr(verify, "git_state", lambda: (commit, True))
    monkeypatch.setattr(verify, "versions", lambda: here["versions"])
    monkeypatch.setattr(verify, "hardware", lambda: here["hardware"])
    monkeypatch.setattr(verify, "rerun", stop)
    other = frame({("b", s, "fid_classifier", 0): 1.0 for s in range(9)})
    with pytest.raises(StopSignalError):
        verify.verify(recorded(tmp_path, pd.concat([frame(FID)[:seeds], other])), tmp_path / "results", cell)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (2 if said is None else 3)
    assert said is None or lines[2].endswith(said)


def test_settings_that_changed_since_are_not_compared(tmp_path: Path, smoke: dict[str, Any]) -> None:
    plan = [{"dataset": "digits", "method": "vae", "seed": 0, "settings": {"width": 9, "epochs": 3}}]
    record = Recorded.model_validate(manifest(experiment="smoke", config=smoke, plan=plan))
    with pytest.raises(UserError, match=r"digits/vae/seed0: .* \(width 9 -> 8\); check out the recorded commit"):
        verify.rerun(record, "digits/vae/seed0", tmp_path, tmp_path / "recorded")


def stop(*_: Any) -> None:
    raise StopSignalError("stopped")


@pytest.mark.slow
def test_one_cell_is_made_again_and_is_identical(
    smoke_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(smoke_project, tmp_path / "project")
    (folder / "recorded").mkdir()
    for name in ("metrics.csv", "manifest.json"):
        (folder / "results/smoke" / name).rename(folder / "recorded" / name)
    monkeypatch.chdir(folder)
    assert verify.verify(folder / "recorded", Path("results"), "digits/vae/seed0") is Finding.IDENTICAL
    out = capsys.readouterr().out
    count = int(out.rpartition("identical: ")[2].split()[0])
    assert count > 5
    assert f"identical: {count} values, bit for bit" in out
    record = read_json(folder / "recorded/manifest.json")
    assert record["experiment"] == "smoke"
    assert not (folder / "results/verify_smoke/digits/wae_gan").exists()

    def made(stopped: bool = False) -> int:
        """The time at which the weights were written, after a call that is stopped before the scores or is not."""
        with monkeypatch.context() as patch:
            if stopped:
                patch.setattr(api, "evaluate", stop)
            with pytest.raises(StopSignalError) if stopped else nullcontext():
                verify.verify(folder / "recorded", Path("results"), "digits/vae/seed0")
        return (folder / "results/verify_smoke/digits/vae/seed0/weights.safetensors").stat().st_mtime_ns

    first, begun, ended, again = made(), made(stopped=True), made(), made()
    assert first < begun == ended < again


@pytest.mark.parametrize(
    ("measured", "extractors", "distance"),
    [
        (["fid_random", "mse"], ["random"], "fid_random"),
        (["fid_random", "fid_classifier"], ["random", "classifier"], "fid_classifier"),
        (["mse"], ["random"], None),
    ],
)
def test_the_measure_that_ranks_the_record_decides(measured: list[str], extractors: list[str], distance: str) -> None:
    config = {"extractors": {name: {} for name in extractors}}
    record = Recorded.model_validate(manifest(config=config))
    rows = frame({("vae", 0, metric, 0): 1.0 for metric in measured})
    assert verify._distance(record, rows) == distance
