"""Pairs of methods in primary and secondary measures, and the aggregate over datasets, against independent numbers."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.shared.report import experiment
from tests.shared.tables import results
from wae.analysis.contrasts import Cells, _point, aggregate, aggregates, contrasts, interquartile_mean
from wae.analysis.results import Results
from wae.core.files import read_json, write_json

SCORES = {
    ("wae_gan", "fid_classifier/prior"): [10.0, 11.0, 12.5],
    ("wae_mmd", "fid_classifier/prior"): [11.0, 12.0, 12.4],
    ("vae", "fid_classifier/prior"): [30.0, 33.0, 31.0],
    ("wae_gan", "mse/reconstruction"): [0.010, 0.011, 0.012],
    ("wae_mmd", "mse/reconstruction"): [0.013, 0.014, 0.016],
    ("vae", "mse/reconstruction"): [0.020, 0.021, 0.023],
    ("wae_gan", "fid_classifier/mixture"): [9.0, 9.2, 9.4],
    ("wae_mmd", "fid_classifier/mixture"): [10.0, 9.2, 11.4],
}


def made(folder: Path, secondary: list[str]) -> Results:
    results(folder, dict(SCORES))
    plan = read_json(folder / "plan.json")
    write_json(folder / "plan.json", plan | {"config": {"report": {"secondary": secondary}}})
    return Results(folder)


def test_secondary_measures_come_second_and_are_corrected_among_themselves(tmp_path: Path) -> None:
    found = contrasts(made(tmp_path / "two", ["mse", "fid_classifier/mixture", "no_such"]))
    kinds = [(c.metric, c.subject, c.primary) for c in found]
    assert kinds == [
        *[("fid_classifier", "prior", True)] * 3,
        *[("mse", "reconstruction", False)] * 3,
        ("fid_classifier", "mixture", False),
    ]
    alone = contrasts(made(tmp_path / "none", []))
    assert found[:3] == alone  # the secondary ones cost the primary one nothing

    pairs = [("wae_gan", "wae_mmd"), ("wae_gan", "vae"), ("wae_mmd", "vae")]
    keys = [("mse/reconstruction", *pair) for pair in pairs] + [("fid_classifier/mixture", "wae_gan", "wae_mmd")]
    raw = []
    for (key, *methods), contrast in zip(keys, found[3:], strict=True):
        scale = np.log if contrast.comparison.ratio else np.asarray  # as the facts on the metrics say, where known
        x, y = (scale(SCORES[method, key]) for method in methods)
        raw.append(float(stats.ttest_ind(x, y, equal_var=False).pvalue))
    holm, worst = [0.0] * 4, 0.0
    for rank, place in enumerate(np.argsort(raw)):
        worst = max(worst, min(raw[place] * (4 - rank), 1.0))
        holm[place] = worst
    assert [c.comparison.p_holm for c in found[3:]] == pytest.approx(holm)


def test_codes_are_never_draws_of_the_prior_and_no_way_of_sharpness_is_better(tmp_path: Path) -> None:
    scores = {
        (method, name): [base + seed for seed in (0.0, 0.1, 0.3)]
        for name, shift in (("latent_sw2/prior", 5.0), ("latent_sw2/codes", 1.0), ("sharpness/prior", 2.0))
        for method, base in (("vae", shift), ("wae_gan", 1.5 * shift))
    }
    results(tmp_path, dict(scores))
    plan = read_json(tmp_path / "plan.json")
    for secondary in (["latent_sw2", "sharpness"], ["latent_sw2/prior", "sharpness"]):
        write_json(tmp_path / "plan.json", plan | {"config": {"report": {"secondary": secondary}}})
        frame = Results(tmp_path).contrasts()
        kept = [("latent_sw2", "codes")] if secondary[0] == "latent_sw2" else []
        assert list(zip(frame["metric"], frame["subject"], strict=True)) == [*kept, ("sharpness", "prior")]
    assert frame["improvement"].isna().all()
    write_json(tmp_path / "plan.json", plan | {"config": {"report": {"secondary": ["latent_sw2"]}}})
    assert Results(tmp_path).contrasts()["improvement"].tolist() == [1.0]


def test_results_give_them_as_frames(tmp_path: Path) -> None:
    folder = experiment(tmp_path)
    frame = Results(folder).contrasts()
    found = contrasts(Results(folder))
    assert len(frame) == len(found) == 6  # three pairs on two datasets
    assert frame["p_holm"].tolist() == [c.comparison.p_holm for c in found]
    assert frame["first"].tolist() == [c.comparison.first for c in found]
    both = Results(folder).aggregates()
    assert both["method"].tolist() == ["vae", "wae_mmd", "wae_gan"]
    assert (both["datasets"] == 2).all()
    assert both["improvement"].sum() == pytest.approx(1.5)  # each pair's chances add up to one
    assert Results(folder).streams().empty


@pytest.mark.parametrize("name", ["scores", "budget", "gap", "aggregates", "streams", "tuning", "published"])
def test_the_docstring_of_a_frame_names_its_columns(name: str, root: Path) -> None:
    frame = getattr(Results(root / "reports/recorded/main_mnist"), name)()
    said = set(re.findall(r"\w+", str(getattr(Results, name).__doc__)))
    assert not set(frame.columns) - said


def test_a_recorded_folder_has_its_tables_too(root: Path) -> None:
    folder = root / "reports/recorded/main_mnist"
    assert not (folder / "scores.json").exists()
    scores = Results(folder).scores()
    keys = {"dataset": "mnist", "method": "wae_gan", "metric": "fid_classifier", "subject": "prior"}
    found = scores[np.all([scores[key] == value for key, value in keys.items()], axis=0)]
    table = pd.read_csv(folder / "metrics.csv")
    keys["reference"] = "test"
    values = table[np.all([table[key] == value for key, value in keys.items()], axis=0)]
    assert found["mean"].tolist() == pytest.approx([values.groupby("seed")["value"].mean().mean()])
    assert len(Results(folder).contrasts()) == len(read_json(folder / "contrasts.json"))
    assert not Results(folder).budget().empty
    assert not (folder / "scores.json").exists()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 100], 2.5),
        ([5, 1, 2, 3, 4, 6, 7, 900], 4.5),
        ([1, 2, 9], (2 * (1 / 3) + (1 + 9) * (1 / 12)) / 0.5),  # a quarter cuts a third
        ([7.0], 7.0),
    ],
)
def test_the_interquartile_mean_drops_a_quarter_at_each_end(values: list[float], expected: float) -> None:
    assert interquartile_mean(np.array(values, float)) == pytest.approx(expected)
    if len(values) % 4 == 0:
        assert interquartile_mean(np.array(values, float)) == pytest.approx(stats.trim_mean(values, 0.25))


def test_the_aggregate_scales_each_dataset_and_counts_better_runs() -> None:
    rng = np.random.default_rng(0)
    ratio = {"a": 0.5, "b": 2.0}
    cells = {
        d: {m: scale * r * np.exp(0.05 * rng.standard_normal(6)) for m, r in ratio.items()}
        for d, scale in (("x", 1.0), ("y", 1000.0))
    }
    first, second = aggregate(cells)
    for row, expected, chance in ((first, 0.5, 1.0), (second, 2.0, 0.0)):
        assert row.low < expected < row.high or row.mean == pytest.approx(expected, rel=0.05)
        assert row.improvement == chance
        assert (row.datasets, row.runs) == (2, 12)
    higher = aggregate(cells, "higher")
    assert [row.improvement for row in higher] == [0.0, 1.0]


def test_the_interval_of_the_aggregate_holds_the_truth_about_as_often_as_it_says() -> None:
    hits, repeats = 0, 25
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        cells = {
            d: {m: r * np.exp(0.1 * rng.standard_normal(8)) for m, r in (("a", 0.5), ("b", 2.0))}
            for d in ("x", "y", "z")
        }
        row = aggregate(cells, seed=seed)[0]
        hits += row.low <= 0.5 <= row.high
    assert hits / repeats > 0.85 - 2 * math.sqrt(0.05 * 0.95 / repeats)  # a bootstrap of few seeds is a little narrow


@pytest.mark.parametrize(("seeds", "mean", "improvement"), [(3, 0.885, 0.84), (10, 0.94, 0.94)])
def test_the_bootstrap_holds_the_truth_as_often_as_the_page_says(
    seeds: int, mean: float, improvement: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wae.analysis.contrasts.BOOTSTRAPS", 200)
    rng, repeats = np.random.default_rng(3), 80
    centres = {"a": 1.0, "b": 1.15, "c": 1.4, "d": 2.0}

    def drawn(count: int) -> Cells:
        return {d: {m: c * np.exp(0.1 * rng.normal(size=count)) for m, c in centres.items()} for d in ("x", "y")}

    truth = _point(drawn(2000), "lower")
    held = np.zeros((4, 2))
    for repeat in range(repeats):
        for row, found in enumerate(aggregate(drawn(seeds), seed=repeat)):
            held[row, 0] += found.low <= truth[row, 0] <= found.high
            held[row, 1] += found.improvement_low <= truth[row, 1] <= found.improvement_high
    held /= repeats
    assert held[:, 0].mean() == pytest.approx(mean, abs=0.08)
    assert held[:2, 1].mean() == pytest.approx(improvement, abs=0.1)


def test_a_measure_named_twice_is_tested_once(tmp_path: Path) -> None:
    once, twice = (
        contrasts(made(tmp_path / "-".join(s).replace("/", ""), s)) for s in (["mse"], ["mse", "mse/reconstruction"])
    )
    assert once == twice


def test_a_limit_of_the_information_is_compared_with_nothing(tmp_path: Path) -> None:
    levels = {"vae": 8.4, "wae_mmd": 3.0, "wae_gan": 4.0}  # of at most log N = 8.5: the VAE's says "at least"
    scores = {(m, "mutual_information/codes"): [v, v + 0.01, v + 0.02] for m, v in levels.items()}
    scores |= {(m, "mutual_information_bound/codes"): [8.5] * 3 for m in levels}
    results(tmp_path, scores)
    plan = read_json(tmp_path / "plan.json")
    write_json(tmp_path / "plan.json", plan | {"config": {"report": {"secondary": ["mutual_information"]}}})
    (pair,) = contrasts(Results(tmp_path))
    assert {pair.comparison.first, pair.comparison.second} == {"wae_mmd", "wae_gan"}


def test_no_interval_comes_of_fewer_than_three_seeds(tmp_path: Path) -> None:
    for count, methods in ((1, 0), (2, 0), (3, 3)):
        folder = experiment(tmp_path / str(count), seeds=tuple(range(count)))
        assert len(aggregates(Results(folder))) == methods
