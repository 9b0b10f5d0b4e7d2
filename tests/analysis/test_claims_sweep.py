"""The judge of code sizes and priors against sweeps made to support, refute and leave it open."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shared.claims import FID, judge, spread
from tests.shared.tables import results
from wae.analysis.claims.pool import Pool
from wae.analysis.claims.verdicts import Verdict
from wae.core.errors import UserError
from wae.core.files import write_json


def _sweep(wide: float, other_prior: float) -> tuple[dict[tuple[str, str], list[float]], dict[str, dict[str, Any]]]:
    scores = {
        ("wae_mmd", FID): spread(50),
        ("wae_mmd@latent_dim=64", FID): spread(60),
        ("wae_mmd@latent_dim=128", FID): spread(wide),
        ("wae_mmd@prior=uniform", FID): spread(other_prior),
    }
    settings = {
        "wae_mmd@latent_dim=64": {"latent_dim": 64},
        "wae_mmd@latent_dim=128": {"latent_dim": 128},
        "wae_mmd@prior=uniform": {"prior": "uniform"},
    }
    return scores, settings


@pytest.mark.parametrize(
    ("wide", "other_prior", "verdict"),
    [
        (70, 70, Verdict.SUPPORTED),
        (30, 70, Verdict.REFUTED),
        (70, 30, Verdict.REFUTED),
        (49.9, 70, Verdict.SUPPORTED),
    ],
)
def test_latent_needs_one_allowed_setting_no_worse_than_every_rival(
    tmp_path: Path, wide: float, other_prior: float, verdict: str
) -> None:
    scores, settings = _sweep(wide, other_prior)
    assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == verdict


def test_latent_is_open_where_a_rival_is_too_noisy(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    scores["wae_mmd@latent_dim=128", FID] = spread(50, 15)
    assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == Verdict.INCONCLUSIVE


def test_a_mixture_is_a_rival_of_the_normal_prior(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    scores["wae_mmd", "fid_classifier/mixture"] = spread(30)
    assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == Verdict.REFUTED


def test_each_size_may_have_a_weight_of_its_own_and_none_is_picked_by_what_is_judged(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    scores = {(_weighted(method), metric): seeds for (method, metric), seeds in scores.items()}
    settings = {_weighted(method): values | {"lambda_": 30.0} for method, values in settings.items()}
    found = judge("latent", results(tmp_path / "tuned", scores, settings=settings))
    assert found.verdict == Verdict.SUPPORTED
    assert "by d_z, 50 with 8, 60 with 64, 70 with 128" in found.summary
    rival = "wae_mmd@latent_dim=128+lambda_=3"
    settings[rival] = {"latent_dim": 128, "lambda_": 3.0}
    several = results(tmp_path / "several", scores | {(rival, FID): spread(30)}, settings=settings)
    assert judge("latent", several).verdict == Verdict.NOT_TESTED
    alone = {"wae_mmd@lambda_=30": {"lambda_": 30.0}}  # another weight at the config's size is no rival of its own
    more = results(tmp_path / "alone", scores | {("wae_mmd@lambda_=30", FID): spread(10)}, settings=settings | alone)
    assert judge("latent", more).summary == found.summary


def _weighted(method: str) -> str:
    return f"{method}+lambda_=30" if "@" in method else method


def test_priors_are_compared_at_each_size_of_the_code(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    name = "wae_mmd@prior=sphere+latent_dim=64"
    settings[name] = {"prior": "sphere", "latent_dim": 64}
    for other, verdict in ((80, Verdict.SUPPORTED), (30, Verdict.REFUTED)):
        measured = results(tmp_path / str(other), scores | {(name, FID): spread(other)}, settings=settings)
        found = judge("latent", measured)
        assert found.verdict == verdict
        assert f"WAE-MMD at d_z = 64 has, by prior, 60 with normal, {other} with sphere" in found.summary
    scores |= {("wae_mmd@latent_dim=64", "fid_classifier/mixture"): spread(30), (name, FID): spread(80)}
    assert judge("latent", results(tmp_path / "mixture", scores, settings=settings)).verdict == Verdict.REFUTED


def test_a_vae_of_another_weight_is_no_vae(tmp_path: Path) -> None:
    scores = {("wae_gan", FID): spread(50), ("wae_mmd", FID): spread(70), ("vae", FID): spread(140)}
    tuned = results(tmp_path, scores, settings={"vae": {"lambda_": 3.0}})
    assert judge("quality", tuned).verdict == Verdict.NOT_TESTED
    assert tuned.title("vae") == "β-VAE"


def test_latent_needs_both_sweeps(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    del scores["wae_mmd@prior=uniform", FID]
    found = judge("latent", results(tmp_path, scores, settings=settings))
    assert found.verdict == Verdict.NOT_TESTED
    assert "other priors" in found.summary


@pytest.mark.parametrize("claim", ["latent", "match"])
def test_scores_of_cells_that_the_plan_does_not_know_are_one_clear_line(tmp_path: Path, claim: str) -> None:
    scores = {("wae_mmd", FID): spread(50), ("wae_mmd", "latent_sw2_debiased/codes"): spread(0.1, 0.01)}
    results(tmp_path / "e", scores)
    write_json(tmp_path / "e/plan.json", {"runs": [], "config": {}})
    message = "its plan has no latent_dim of wae_mmd on glyphs, but metrics.csv has scores; plan again"
    with pytest.raises(UserError, match=message):
        judge(claim, Pool([tmp_path / "e"]))


def test_match_that_was_not_measured_is_not_said_to_be_untrained(tmp_path: Path) -> None:
    scores = {("wae_mmd", FID): spread(50)}
    found = judge("match", results(tmp_path, scores, settings={"wae_mmd": {"latent_dim": 64}}))
    assert found.summary == "No WAE-MMD with latent_dim of 32 or more was measured with 3 seeds."


@pytest.mark.parametrize(
    ("wide", "lost", "verdict", "left"),
    [
        (70, "wae_mmd@latent_dim=128", Verdict.INCONCLUSIVE, "0 of 3"),  # no rival is left
        (70, "wae_mmd@latent_dim=64", Verdict.SUPPORTED, "1 of 3"),  # another allowed size suffices
        (30, "wae_mmd@latent_dim=64", Verdict.INCONCLUSIVE, "1 of 3"),  # it might have sufficed
        (30, "wae_mmd@prior=uniform", Verdict.REFUTED, "1 of 3"),  # whatever the prior would have shown
        (70, "wae_mmd@prior=uniform", Verdict.INCONCLUSIVE, "0 of 3"),
    ],
)
def test_a_value_whose_planned_seeds_did_not_finish_decides_nothing(
    tmp_path: Path, wide: float, lost: str, verdict: Verdict, left: str
) -> None:
    scores, settings = _sweep(wide, 70)
    seeds: dict[tuple[str, str], list[Any]] = {key: list(values) for key, values in scores.items()}
    seeds[lost, FID] = [60.0 if left == "1 of 3" else None, None, None]
    found = judge("latent", results(tmp_path, seeds, settings=settings))
    assert found.verdict == verdict
    assert f"only {left} seeds of {results(tmp_path, seeds, settings=settings).title(lost)} finished" in (found.summary)


def test_the_match_is_judged_at_one_weight(tmp_path: Path) -> None:
    key, narrow = "latent_sw2_debiased/codes", "latent_direction_sd_min/codes"
    settings = {"wae_mmd": {"latent_dim": 64}, "wae_mmd@lambda_=0.1": {"latent_dim": 64, "lambda_": 0.1}}
    scores = {("wae_mmd", key): spread(0.01, 0.002), ("wae_mmd", narrow): spread(0.9, 0.01)}
    scores |= {("wae_mmd@lambda_=0.1", key): spread(3.0, 0.01), ("wae_mmd@lambda_=0.1", narrow): spread(0.1, 0.01)}
    found = judge("match", results(tmp_path, scores, settings=settings))
    assert found.verdict == Verdict.SUPPORTED  # too small a weight, which the config did not choose, says nothing
    shown = {e.what: e.verdict for e in found.evidence[:2]}
    assert shown == {
        "WAE-MMD, d_z = 64: debiased sliced W2": Verdict.SUPPORTED,
        "WAE-MMD, λ = 0.1, d_z = 64: debiased sliced W2": None,
    }


@pytest.mark.parametrize(("wide", "verdict"), [(47, Verdict.INCONCLUSIVE), (44, Verdict.REFUTED)])
def test_a_rival_must_be_better_by_more_than_the_margin(tmp_path: Path, wide: float, verdict: Verdict) -> None:
    scores, settings = _sweep(wide, 70)
    scores = {k: spread(float(np.mean(v)), 0.1) for k, v in scores.items()}
    scores["wae_mmd@latent_dim=128", FID] = spread(wide, 0.1)
    if verdict is Verdict.INCONCLUSIVE:  # 8% better: surely better, but allowed sizes are no worse by more than 10%
        assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == Verdict.SUPPORTED
        scores["wae_mmd@latent_dim=128", FID] = spread(45.5, 0.3)
    assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == verdict


def test_a_code_size_whose_planned_seeds_did_not_finish_leaves_the_match_open(tmp_path: Path) -> None:
    key, narrow = "latent_sw2_debiased/codes", "latent_direction_sd_min/codes"
    settings = {"wae_mmd": {"latent_dim": 64}, "wae_mmd@latent_dim=128": {"latent_dim": 128}}
    scores: dict[tuple[str, str], list[Any]] = {
        (method, score): list(spread(value, 0.002))
        for method in settings
        for score, value in ((key, 0.01), (narrow, 0.9))
    }
    assert judge("match", results(tmp_path / "whole", scores, settings=settings)).verdict == Verdict.SUPPORTED
    scores |= {("wae_mmd@latent_dim=128", score): [None, None, None] for score in (key, narrow)}
    found = judge("match", results(tmp_path / "lost", scores, settings=settings))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "only 0 of 3 seeds of WAE-MMD, d_z = 128 finished" in found.summary
