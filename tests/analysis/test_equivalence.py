"""Repetitions of recorded runs: true ones pass as often as stated, another method or weight does not."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wae.analysis.equivalence import MARGINS, Finding, Repetition, by_cell, power_to_repeat, repetition
from wae.analysis.runs import METRICS_COLUMNS, load_metrics

ROOT = Path(__file__).resolve().parents[2]
SD = {"fid_x": 0.15, "mse": 0.02, "sharpness": 0.04, "latent_sw2_debiased": 0.008}  # of logarithms but for the last


def recorded(name: str, method: str) -> pd.DataFrame:
    found = load_metrics(ROOT / f"reports/recorded/{name}/metrics.csv")
    return found[found["method"] == method]


def compared(old: pd.DataFrame, new: pd.DataFrame, reference: str = "test") -> Repetition:
    """``new`` handed in as runs of ``old``'s method."""
    (method,) = set(old["method"])
    return repetition(old, new.assign(method=method), "fid_classifier", reference)


def test_wae_mmds_runs_do_not_pass_as_wae_gans() -> None:
    gan, mmd = recorded("main_mnist", "wae_gan"), recorded("main_mnist", "wae_mmd")
    assert compared(gan, mmd).finding is Finding.DIFFERENT
    assert compared(mmd, gan).finding is Finding.DIFFERENT
    old, new = (frame[frame["seed"] < 5] for frame in (gan, mmd))  # half of them are enough
    assert compared(old, new).finding is Finding.DIFFERENT


def test_one_swapped_method_among_all_is_noticed() -> None:
    record = load_metrics(ROOT / "reports/recorded/main_mnist/metrics.csv")
    mmd = record[record["method"] == "wae_mmd"].assign(method="wae_gan")
    found = repetition(record, pd.concat([record[record["method"] != "wae_gan"], mmd]), "fid_classifier", "test")
    assert found.finding is Finding.DIFFERENT
    assert {m.method for m in found.measures if m.finding is not Finding.IDENTICAL} == {"wae_gan"}


@pytest.mark.parametrize("method", ["wae_gan", "wae_mmd"])
def test_runs_of_another_weight_do_not_pass(method: str) -> None:
    """10 in place of 1 and of 3: three seeds against ten, in the scores that both have."""
    other, tuned = recorded("paper_weights", method), recorded("main_mnist", method)
    found = compared(other[other["metric"].isin(set(tuned["metric"]))], tuned)
    assert found.finding is Finding.DIFFERENT
    different = {measure.measure for measure in found.measures if measure.finding is Finding.DIFFERENT}
    assert different >= {"mse", "sharpness"}


def test_the_record_itself_is_identical_and_half_of_it_is_missing() -> None:
    gan = recorded("main_mnist", "wae_gan")
    assert compared(gan, gan).finding is Finding.EQUIVALENT
    assert {m.finding for m in compared(gan, gan).measures} == {Finding.IDENTICAL}
    assert compared(gan, gan[gan["metric"] != "ssim"]).finding is Finding.MISSING
    assert compared(gan, gan[gan["subject"] != "prior"]).finding is Finding.MISSING
    assert compared(gan, gan[gan["seed"] < 2]).finding is Finding.UNDECIDED


def simulated(rng: np.random.Generator, seeds: int, first: int, moved: float = 0.0) -> pd.DataFrame:
    """Runs of one method, the first measure ``moved`` on its scale."""
    rows = []
    for seed in range(first, first + seeds):
        for measure, sd in SD.items():
            value = moved * (measure == "fid_x") + sd * rng.standard_normal()
            ratio = measure != "latent_sw2_debiased"
            subject = {"mse": "reconstruction", "latent_sw2_debiased": "codes"}.get(measure, "prior")
            row = {"dataset": "d", "method": "m", "seed": seed, "metric": measure, "subject": subject}
            rows.append(
                row | {"reference": "", "samples": 10.0, "draw": 0, "value": math.exp(value) if ratio else value}
            )
    return pd.DataFrame(rows, columns=list(METRICS_COLUMNS)).assign(reference="", experiment="e")


def rates(moved: float, repeats: int, seeds: int = 5) -> tuple[float, float]:
    """Share of repetitions that pass, and the mean of the power that they state."""
    rng = np.random.default_rng(0)
    found = [
        repetition(simulated(rng, seeds, 0), simulated(rng, seeds, 100, moved), "fid_x", "test") for _ in range(repeats)
    ]
    return float(np.mean([f.finding is Finding.EQUIVALENT for f in found])), float(np.mean([f.power for f in found]))


def test_true_repetitions_pass_as_often_as_stated_and_a_difference_of_the_margin_does_not() -> None:
    passed, stated = rates(0.0, 60)
    assert stated > 0.8
    assert passed >= stated - 0.1
    assert rates(math.log(MARGINS[0].size), 60)[0] <= 0.1


@pytest.mark.parametrize(
    ("sd", "recorded", "fresh", "margin"), [(0.3, 5, 5, 0.69), (0.3, 3, 3, 0.69), (0.2, 10, 4, 0.2)]
)
def test_the_power_to_repeat_is_that_of_simulated_tests(sd: float, recorded: int, fresh: int, margin: float) -> None:
    from scipy import stats

    rng = np.random.default_rng(1)
    a, b = sd * rng.standard_normal((20_000, recorded)), sd * rng.standard_normal((20_000, fresh))
    test = [
        stats.ttest_ind(a + sign * margin, b, axis=1, alternative=side).pvalue <= 0.05
        for sign, side in ((1, "greater"), (-1, "less"))
    ]
    assert power_to_repeat(sd, recorded, fresh, margin) == pytest.approx(np.mean(test[0] & test[1]), abs=0.015)


def long(cells: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Rows of metrics.csv that ``by_cell`` reads as ``cells``."""
    rows = [
        {"dataset": dataset, "method": method, "seed": seed, "metric": metric, "subject": subject, "value": value}
        for (dataset, method), table in cells.items()
        for (metric, subject), values in table.items()
        for seed, value in values.items()
    ]
    return pd.DataFrame(rows, columns=list(METRICS_COLUMNS)).assign(reference="", samples=10.0, draw=0)


def test_another_method_in_one_of_eight_recorded_cells_is_told_by_all_scores_together() -> None:
    rng = np.random.default_rng(3)
    old = by_cell(load_metrics(ROOT / "reports/recorded/default/metrics.csv"), "test")
    new = {}  # five other runs of each cell, with the recorded means and covariances
    for cell, table in old.items():
        mean = table.mean(axis=0)
        new[cell] = mean + pd.DataFrame(
            rng.standard_normal((5, 5)) @ (table - mean).to_numpy() / 2, index=range(100, 105), columns=table.columns
        )
    found = repetition(long(old), long(new), "fid_classifier", "test")
    assert [c.finding for c in found.cells] == [Finding.EQUIVALENT] * 8
    new["letters", "wae_gan"] = new["letters", "wae_mmd"]
    found = repetition(long(old), long(new), "fid_classifier", "test")
    different = [(c.dataset, c.method) for c in found.cells if c.finding is Finding.DIFFERENT]
    assert different == [("letters", "wae_gan")]


def test_a_cell_that_lacks_recorded_seeds_says_how_many_and_does_not_pass() -> None:
    rng = np.random.default_rng(5)
    old, new = simulated(rng, 5, 0), simulated(rng, 5, 100)
    assert repetition(old, new, "fid_x", "test").finding is Finding.EQUIVALENT
    one, seed = new["metric"] == "sharpness", new["seed"] == 103
    for fewer in (new[~seed], new[~(seed & one)], new.assign(value=new["value"].mask(seed & one))):
        found = repetition(old, fewer, "fid_x", "test")
        assert {m.finding for m in found.measures} == {Finding.EQUIVALENT}
        assert [(c.finding, c.lacking) for c in found.cells] == [(Finding.UNDECIDED, 1)]
        assert found.finding is Finding.UNDECIDED
        assert found.power == 0
    (cell,) = repetition(old, new.assign(value=new["value"].mask(new["seed"] > 102)), "fid_x", "test").cells
    assert (cell.seeds, cell.lacking) == ((5, 3), 2)
    assert repetition(old[~(old["seed"] == 2)], new, "fid_x", "test").finding is Finding.EQUIVALENT  # more are no fault
    kept = pd.concat([new, old.assign(method="other")])
    both = repetition(pd.concat([old, old.assign(method="other")]), kept[~(kept["seed"] == 103)], "fid_x", "test")
    assert [(c.method, c.finding, c.lacking) for c in both.cells] == [
        ("m", Finding.UNDECIDED, 1),
        ("other", Finding.IDENTICAL, 0),
    ]
    far = simulated(rng, 4, 100, moved=5.0)
    assert repetition(old, far, "fid_x", "test").finding is Finding.DIFFERENT


def test_three_seeds_against_three_cannot_pass_and_the_power_is_zero() -> None:
    rng = np.random.default_rng(6)
    old, new = simulated(rng, 3, 0), simulated(rng, 3, 100)
    found = repetition(old, new, "fid_x", "test")
    assert {m.finding for m in found.measures} <= {Finding.EQUIVALENT, Finding.UNDECIDED}
    assert [(c.finding, c.p) for c in found.cells] == [(Finding.UNDECIDED, None)]
    assert (found.finding, found.power) == (Finding.UNDECIDED, 0.0)
    four = repetition(old, simulated(rng, 4, 100), "fid_x", "test")
    assert [c.finding for c in four.cells] == [Finding.EQUIVALENT]
    assert four.power > 0


def test_the_power_is_zero_where_nothing_can_pass() -> None:
    rng = np.random.default_rng(7)
    old, new = simulated(rng, 5, 0), simulated(rng, 5, 100)
    assert repetition(old, new, "fid_x", "test").power > 0.8
    never = {
        "one seed": (old, new[new["seed"] == 100]),
        "two recorded seeds, too few for a measure": (simulated(rng, 2, 0), simulated(rng, 10, 100)),
        "no cell": (old, new.assign(method="other")),
        "no score": (old, new[new["metric"] != "mse"]),
        "nothing that decides": (old.assign(metric="any"), new.assign(metric="any")),
    }
    for case, (recorded, fresh) in never.items():
        found = repetition(recorded, fresh, "fid_x", "test")
        assert found.finding in (Finding.UNDECIDED, Finding.MISSING), case
        assert found.power == 0, case
    same = repetition(old, old, "fid_x", "test")
    assert (same.finding, same.power) == (Finding.EQUIVALENT, 0.9)
