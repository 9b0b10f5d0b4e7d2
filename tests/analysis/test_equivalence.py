"""Repetitions of recorded runs: true ones pass as often as stated, another method or weight does not."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wae.analysis.equivalence import MARGINS, Finding, Repetition, power_to_repeat, repetition, told_apart
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
    gan, mmd = recorded("mnist", "wae_gan"), recorded("mnist", "wae_mmd")
    assert compared(gan, mmd).finding is Finding.DIFFERENT
    assert compared(mmd, gan).finding is Finding.DIFFERENT
    for dataset in ("mnist", "fashion_mnist"):  # on each alone too
        old, new = (frame[frame["dataset"] == dataset] for frame in (gan, mmd))
        assert compared(old, new).finding is Finding.DIFFERENT, dataset


def test_one_swapped_method_among_all_is_noticed() -> None:
    record = load_metrics(ROOT / "reports/recorded/mnist/metrics.csv")
    mmd = record[record["method"] == "wae_mmd"].assign(method="wae_gan")
    found = repetition(record, pd.concat([record[record["method"] != "wae_gan"], mmd]), "fid_classifier", "test")
    assert found.finding is Finding.DIFFERENT
    assert {m.method for m in found.measures if m.finding is not Finding.IDENTICAL} == {"wae_gan"}


@pytest.mark.parametrize(("weight", "finding"), [("10.0", Finding.DIFFERENT), ("0.1", Finding.UNDECIDED)])
def test_wae_gan_with_lambda_ten_times_off_does_not_pass(weight: str, finding: Finding) -> None:
    found = compared(
        recorded("lambda", "wae_gan@lambda_=1.0"), recorded("lambda", f"wae_gan@lambda_={weight}"), "validation"
    )
    assert found.finding is finding


def test_the_record_itself_is_identical_and_half_of_it_is_missing() -> None:
    gan = recorded("mnist", "wae_gan")
    assert compared(gan, gan).finding is Finding.EQUIVALENT
    assert {m.finding for m in compared(gan, gan).measures} == {Finding.IDENTICAL}
    assert compared(gan, gan[gan["metric"] != "ssim"]).finding is Finding.MISSING
    assert compared(gan, gan[gan["dataset"] == "mnist"]).finding is Finding.MISSING
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


def test_runs_are_told_apart_by_all_scores_together() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((5, 30)), rng.standard_normal((5, 30))
    scaled = np.concatenate([a, b]) / np.concatenate([a, b]).std(0)

    def energy(first: tuple[int, ...]) -> float:
        rest = [k for k in range(10) if k not in first]
        mean = lambda x, y: np.mean([np.abs(scaled[i] - scaled[j]).sum() for i in x for j in y])  # noqa: E731
        return float(2 * mean(first, rest) - mean(first, first) - mean(rest, rest))

    values = [energy(split) for split in itertools.combinations(range(10), 5)]
    expected = np.mean([value >= energy((0, 1, 2, 3, 4)) - 1e-9 for value in values])
    assert told_apart(a, b) == pytest.approx(expected)
    assert told_apart(a, b + 1.5) == pytest.approx(2 / 252)  # each score too near to tell, all together not
    assert told_apart(a[:3], b[:3]) is None  # 20 splits, each with its mirror
    assert told_apart(a, np.full_like(a, np.nan)) is None
    p = [told_apart(rng.standard_normal((4, 8)), rng.standard_normal((4, 8))) for _ in range(200)]
    assert np.mean([value is not None and value <= 0.05 for value in p]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)
