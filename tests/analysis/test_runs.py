"""The tidy tables: collected completely, written the same bytes for the same results."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.shared.results import make, run_settings, write_json
from wae.analysis.collecting import collect, collect_plan, write_table
from wae.analysis.runs import (
    METRICS_COLUMNS,
    base_method,
    load_metrics,
    load_runs,
    load_runs_files,
    load_table,
    varied,
)
from wae.core.errors import UserError
from wae.core.layout import Layout
from wae.planning.config import merge
from wae.planning.plan import Plan, load_plan


def _collect_one(folder: Path, rows: list[dict[str, object]], **fate: object) -> Path:
    run = run_settings("digits", "vae", 3)
    path = folder / "results/exp/digits/vae/seed3"
    status = {"status": "finished", "epochs": 4, "images_per_epoch": 500, "seconds": 8.0} | fate
    write_json(path / "run.json", status)
    write_json(
        path / "metrics.json", {"dataset": "digits", "method": "vae", "seed": 3, "status": "finished", "rows": rows}
    )
    out = folder / "results/exp"
    collect([run], [path], [], out / "metrics.csv", out / "runs.csv")
    return out


def test_every_field_of_a_row_arrives_under_its_own_name(tmp_path: Path) -> None:
    row = {
        "metric": "m",
        "subject": "prior",
        "reference": "test",
        "samples": 7,
        "draw": 2,
        "label": "smoke",
        "value": 0.1,
    }
    out = _collect_one(tmp_path, [row])
    assert (out / "metrics.csv").read_text() == (
        "experiment,dataset,method,seed,status,metric,subject,reference,samples,draw,label,value\n"
        "exp,digits,vae,3,finished,m,prior,test,7,2,smoke,0.1\n"
    )
    loaded = load_metrics(out / "metrics.csv").iloc[0]
    assert (loaded["samples"], loaded["value"], loaded["label"]) == (7, 0.1, "smoke")


def test_values_keep_every_bit(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    out = _collect_one(tmp_path, [{"metric": "m", "subject": "prior", "value": value}])
    assert load_metrics(out / "metrics.csv")["value"].iloc[0] == value


def test_order_of_rows_does_not_depend_on_the_order_they_come_in(tmp_path: Path) -> None:
    rows = [{"metric": m, "subject": "prior", "samples": n, "value": 1.0} for m in "ba" for n in (10, 9)]
    first = (_collect_one(tmp_path / "a", rows) / "metrics.csv").read_bytes()
    second = (_collect_one(tmp_path / "b", rows[::-1]) / "metrics.csv").read_bytes()
    assert first == second
    order = [line.split(",")[5:9:3] for line in first.decode().splitlines()[1:]]
    assert order == [["a", "9"], ["a", "10"], ["b", "9"], ["b", "10"]]  # numbers sort as numbers


def test_rate_is_images_over_seconds(tmp_path: Path) -> None:
    out = _collect_one(tmp_path, [])
    run = load_runs(out / "runs.csv").iloc[0]
    assert run["images_per_second"] == 500 * 4 / 8.0
    out = _collect_one(tmp_path, [], prepared_seconds=3.0)  # before the first step
    run = load_runs(out / "runs.csv").iloc[0]
    assert (run["images_per_second"], run["seconds"]) == (500 * 4 / 5.0, 8.0)


def test_kept_scores_have_the_seconds_of_their_epoch(tmp_path: Path) -> None:
    run = tmp_path / "results/exp/digits/vae/seed3"
    run.mkdir(parents=True)
    (run / "history.csv").write_text("epoch,step,seconds\n1,10,1.5\n2,20,3.25\n3,30,4.0\n")
    (run / "trajectory.csv").write_text(
        "epoch,metric,subject,value\n1,fid_classifier,prior,0.1\n3,fid_classifier,prior,0.30000000000000004\n3,mse,x,\n"
    )
    out = _collect_one(tmp_path, [])
    assert (out / "trajectories.csv").read_text() == (
        "dataset,method,seed,epoch,seconds,metric,subject,value\n"
        "digits,vae,3,1,1.5,fid_classifier,prior,0.1\n"
        "digits,vae,3,3,4.0,fid_classifier,prior,0.30000000000000004\n"
        "digits,vae,3,3,4.0,mse,x,\n"
    )


def test_a_diverged_run_is_listed_and_brings_no_scores(tmp_path: Path) -> None:
    folder = make(tmp_path, datasets=("glyphs",), diverged=(("glyphs", "wae_gan", 2),))
    runs = load_runs(folder / "runs.csv")
    bad = runs[runs["status"] == "diverged"]
    assert bad[["method", "seed", "diverged_step"]].values.tolist() == [["wae_gan", 2, 137]]
    metrics = load_metrics(folder / "metrics.csv")
    assert set(metrics[metrics["method"] == "wae_gan"]["seed"]) == {0, 1}


def test_a_missing_run_is_listed_as_missing(tmp_path: Path) -> None:
    folder = make(tmp_path, datasets=("glyphs",), missing=(("glyphs", "vae", 1),))
    runs = load_runs(folder / "runs.csv")
    assert runs[runs["status"] == "missing"][["method", "seed"]].values.tolist() == [["vae", 1]]


def test_scores_of_another_run_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    write_json(path / "run.json", {"status": "finished"})
    write_json(
        path / "metrics.json", {"dataset": "digits", "method": "vae", "seed": 4, "status": "finished", "rows": []}
    )
    with pytest.raises(UserError, match=r"seed is 4, planned 3"):
        collect([run_settings("digits", "vae", 3)], [path], [], tmp_path / "m.csv", tmp_path / "r.csv")


@pytest.mark.parametrize(("scored", "fits"), [("abc", True), (None, True), ("abd", False)])
def test_scores_of_other_weights_are_refused(tmp_path: Path, scored: str | None, fits: bool) -> None:
    path = tmp_path / "run"
    identity = {"dataset": "digits", "method": "vae", "seed": 3, "status": "finished"}
    write_json(path / "run.json", {"status": "finished", "sha256": {"weights.safetensors": "abc"}})
    write_json(path / "metrics.json", identity | {"weights": scored, "rows": []})
    with nullcontext() if fits else pytest.raises(UserError, match="of other weights than weights"):
        collect([run_settings("digits", "vae", 3)], [path], [], tmp_path / "m.csv", tmp_path / "r.csv")


def test_a_row_without_a_value_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.json: a row has no value"):
        _collect_one(tmp_path, [{"metric": "m", "subject": "prior"}])


def test_the_plan_is_collected_and_a_missing_run_is_an_error_unless_partial(
    tmp_path: Path, smoke: dict[str, Any]
) -> None:
    def planned(partial: bool) -> Plan:
        run = {"datasets": ["digits"], "methods": ["vae", "wae_mmd"], "seeds": [0, 1], "partial": partial}
        return load_plan(merge(smoke, {"experiment": "fake", "run": run}))

    plan, layout = planned(False), Layout(tmp_path / "results")
    folder = make(tmp_path, datasets=("digits",), methods=("vae", "wae_mmd"), seeds=(0, 1))
    (folder / "metrics.csv").unlink()
    reference = {"dataset": "digits", "rows": [{"metric": "fid_classifier", "subject": "data", "value": 4.5}]}
    write_json(layout.reference(plan.data_id("digits"), plan.reference_id("classifier")) / "reference.json", reference)
    collect_plan(plan, layout)
    metrics = load_metrics(folder / "metrics.csv")
    assert metrics[metrics["method"] == "real_data"][["dataset", "seed", "value"]].values.tolist() == [
        ["digits", -1, 4.5]
    ]
    assert set(metrics["experiment"]) == {"fake"}
    (folder / "digits/vae/seed1/run.json").unlink()
    with pytest.raises(UserError, match=r"seed1/run\.json: no such file"):
        collect_plan(plan, layout)
    collect_plan(planned(True), layout)
    assert (load_runs(folder / "runs.csv")["status"] == "missing").sum() == 1


def test_names_that_look_like_missing_values_stay_text(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", [{"dataset": "NA", "value": 1.5}, {"dataset": "nan"}], ("dataset", "value"))
    frame = load_table(tmp_path / "t.csv", ("dataset",))
    assert list(frame["dataset"]) == ["NA", "nan"]
    assert frame["value"].isna().tolist() == [False, True]


def test_a_column_of_words_stays_words(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,3\n")
    frame = load_table(tmp_path / "t.csv")
    assert list(frame["a"]) == [1, 2]
    assert list(frame["b"]) == ["x", "3"]


@pytest.mark.parametrize("text", ["", '"a\n1,2'])
def test_an_unreadable_table_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=r"t\.csv: not a readable table"):
        load_table(tmp_path / "t.csv")


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("dataset\n")
    with pytest.raises(UserError, match="no column 'experiment'"):
        load_metrics(tmp_path / "t.csv")


def test_files_of_all_runs_are_stacked_with_their_run(tmp_path: Path) -> None:
    folder = make(tmp_path, datasets=("digits",), diverged=(("digits", "vae", 0),))
    runs = load_runs(folder / "runs.csv")
    history = load_runs_files(folder, runs, "history.csv")
    assert list(history.columns[:3]) == ["dataset", "method", "seed"]
    assert history.groupby(["method", "seed"]).size()["vae"].tolist() == [1, 6, 6]
    assert load_runs_files(folder, runs, "nothing.csv").empty


def test_a_variant_tells_its_base_and_its_values() -> None:
    assert base_method("wae_mmd@lambda_=10+latent_dim=8") == "wae_mmd"
    assert varied("wae_mmd@lambda_=10+latent_dim=8") == {"lambda_": "10", "latent_dim": "8"}
    assert varied("wae_mmd") == {}


def test_columns_are_those_that_other_tools_read() -> None:
    assert METRICS_COLUMNS[-3:] == ("draw", "label", "value")
