"""The judges of scores against results made to support, refute and leave open their claims."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shared.claims import FID, judge, spread
from tests.shared.tables import results
from wae.analysis.claims.pool import Pool
from wae.analysis.claims.verdicts import Verdict, overall
from wae.core.files import read_json, write_json


@pytest.mark.parametrize(
    ("gan", "mmd", "vae", "verdict"),
    [
        (50, 70, 140, Verdict.SUPPORTED),
        (70, 50, 140, Verdict.REFUTED),
        (50, 70, 30, Verdict.REFUTED),
        (68, 70, 140, Verdict.INCONCLUSIVE),
        (69.9, 70, 140, Verdict.REFUTED),
    ],
)
def test_quality_follows_the_order(tmp_path: Path, gan: float, mmd: float, vae: float, verdict: str) -> None:
    scores = {("wae_gan", FID): spread(gan), ("wae_mmd", FID): spread(mmd), ("vae", FID): spread(vae)}
    found = judge("quality", results(tmp_path, scores))
    assert found.verdict == verdict
    first = found.evidence[0]
    assert first.value == pytest.approx(np.exp(np.mean(np.log(spread(gan))) - np.mean(np.log(spread(mmd)))))
    assert first.low < first.value < first.high


def test_a_difference_must_be_larger_than_the_margin(tmp_path: Path) -> None:
    scores = {("wae_gan", FID): spread(95.7, 0.1), ("wae_mmd", FID): spread(100, 0.1), ("vae", FID): spread(140, 0.1)}
    found = judge("quality", results(tmp_path, scores))
    assert found.verdict == Verdict.REFUTED  # 4.3% less is equal within the margin of 5%
    scores["wae_gan", FID] = spread(95.2, 0.2)
    found = judge("quality", results(tmp_path, scores))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "WAE-GAN has less than WAE-MMD, perhaps by no more than the margin (0.952 times" in found.summary


def test_variants_of_equal_settings_are_a_cell_of_their_own(tmp_path: Path) -> None:
    tuned = {"wae_gan": "+lambda_=0.3", "wae_mmd": "+lambda_=30", "vae": ""}
    names = {method: f"{method}@latent_dim=64{weight}" for method, weight in tuned.items()}
    plain: dict[tuple[str, str], list[Any]] = {
        ("wae_gan", FID): spread(50), ("wae_mmd", FID): spread(70), ("vae", FID): spread(140),
    }  # fmt: skip
    assert judge("quality", results(tmp_path / "plain", plain)).verdict == Verdict.SUPPORTED
    contrary = {(names[method], FID): spread(mean) for method, mean in zip(tuned, (140, 70, 50), strict=True)}
    found = judge("quality", results(tmp_path / "both", plain | contrary))
    assert found.verdict == Verdict.REFUTED
    assert "on glyphs at d_z = 64 WAE-GAN has more than WAE-MMD (2 times" in found.summary
    assert {e.what for e in found.evidence if e.verdict == Verdict.REFUTED} == {
        f"Fréchet distance (classifier): {pair}, d_z = 64"
        for pair in ("WAE-GAN over WAE-MMD", "WAE-MMD over VAE", "WAE-GAN over VAE")
    }
    weights = {("wae_gan@latent_dim=64+lambda_=1", FID): spread(1)}  # two weights, and neither is the config's own
    assert judge("quality", results(tmp_path / "two", plain | contrary | weights)).verdict == Verdict.SUPPORTED
    beta = {names["vae"]: {"lambda_": 3.0}}  # no VAE at this size
    assert judge("quality", results(tmp_path / "beta", plain | contrary, settings=beta)).verdict == Verdict.SUPPORTED
    lone = {("vae@latent_dim=2", FID): spread(1), ("wae_mmd@latent_dim=2+lambda_=1", FID): spread(9)}  # no WAE-GAN
    assert judge("quality", results(tmp_path / "lone", plain | lone)).verdict == Verdict.SUPPORTED


def test_one_lost_seed_ends_support_and_leaves_a_refutation(tmp_path: Path) -> None:
    scores: dict[tuple[str, str], list[Any]] = {
        ("wae_gan", FID): [*spread(50), None], ("wae_mmd", FID): spread(70), ("vae", FID): spread(140),
    }  # fmt: skip
    found = judge("quality", results(tmp_path, scores))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "only 3 of 4 seeds of WAE-GAN finished" in found.summary
    scores["wae_gan", FID] = [*spread(90), None]
    assert judge("quality", results(tmp_path, scores)).verdict == Verdict.REFUTED


def test_quality_needs_three_seeds(tmp_path: Path) -> None:
    scores = {(method, FID): [1.0, 2.0] for method in ("wae_gan", "wae_mmd", "vae")}
    assert judge("quality", results(tmp_path, scores)).verdict == Verdict.NOT_TESTED


@pytest.mark.parametrize("claim", ["quality", "blur"])
def test_a_dataset_whose_planned_seeds_did_not_finish_leaves_the_claim_open(tmp_path: Path, claim: str) -> None:
    metric, means = (FID, (50, 70, 140)) if claim == "quality" else ("sharpness/prior", (140, 141, 70))
    whole: dict[tuple[str, str], list[Any]] = {
        (method, metric): list(spread(mean)) for method, mean in zip(("wae_gan", "wae_mmd", "vae"), means, strict=True)
    }
    whole["real_data", "sharpness/data"] = [180.0]
    results(tmp_path / "whole", whole)
    lost = results(tmp_path / "lost", whole | {("wae_gan", metric): [means[0], None, None]}, dataset="other")
    assert judge(claim, Pool([tmp_path / "whole"])).verdict == Verdict.SUPPORTED
    alone = judge(claim, lost)
    assert alone.verdict == Verdict.INCONCLUSIVE
    assert "on other only 1 of 3 seeds of WAE-GAN finished" in alone.summary.replace("On", "on")
    write_json(tmp_path / "lost/plan.json", read_json(tmp_path / "lost/plan.json") | {"config": {"experiment": "f"}})
    write_json(tmp_path / "whole/plan.json", read_json(tmp_path / "whole/plan.json") | {"config": {"experiment": "e"}})
    both = judge(claim, Pool([tmp_path / "whole", tmp_path / "lost"]))
    assert both.verdict == Verdict.INCONCLUSIVE


def test_a_pair_says_which_planned_seeds_it_lacks(tmp_path: Path) -> None:
    scores = {("wae_gan", FID): [*spread(50), None], ("wae_mmd", FID): spread(70), ("vae", FID): spread(140)}
    notes = [e.note for e in judge("quality", results(tmp_path, scores)).evidence]
    assert [note.endswith(", 3 of 4 seeds of WAE-GAN") for note in notes[:3]] == [True, False, True]


def test_one_counterexample_refutes_and_untested_parts_do_not_count() -> None:
    assert overall([Verdict.SUPPORTED, Verdict.REFUTED]) == Verdict.REFUTED
    assert overall([Verdict.SUPPORTED, Verdict.INCONCLUSIVE]) == Verdict.INCONCLUSIVE
    assert overall([Verdict.SUPPORTED, Verdict.NOT_TESTED]) == Verdict.SUPPORTED
    assert overall([Verdict.NOT_TESTED]) == Verdict.NOT_TESTED
    assert overall([]) == Verdict.NOT_TESTED


@pytest.mark.parametrize(
    ("vae", "wae", "verdict"),
    [
        (0.010, 0.018, Verdict.SUPPORTED),
        (0.018, 0.010, Verdict.REFUTED),
        (0.030, 0.040, Verdict.REFUTED),
        (0.0175, 0.018, Verdict.INCONCLUSIVE),
        (0.0179, 0.018, Verdict.REFUTED),
    ],
)
def test_blur_compares_with_data_and_both_waes(tmp_path: Path, vae: float, wae: float, verdict: str) -> None:
    key = "sharpness/prior"
    scores = {("vae", key): spread(vae, 2e-4), ("wae_mmd", key): spread(wae, 2e-4), ("wae_gan", key): spread(wae, 2e-4)}
    real = {("real_data", "sharpness/data"): [0.025]}
    assert judge("blur", results(tmp_path, scores | real)).verdict == verdict


def test_blur_needs_real_datas_sharpness(tmp_path: Path) -> None:
    scores = {(method, "sharpness/prior"): spread(1.0, 0.1) for method in ("vae", "wae_mmd", "wae_gan")}
    assert judge("blur", results(tmp_path, scores)).verdict == Verdict.NOT_TESTED


@pytest.mark.parametrize(
    ("wae", "by", "verdict"),
    [
        (6.0, 0.1, Verdict.SUPPORTED),
        (3.0, 0.1, Verdict.REFUTED),
        (5.0, 0.1, Verdict.INCONCLUSIVE),
        (5.01, 0.01, Verdict.REFUTED),  # equal within the margin
        (5.11, 0.005, Verdict.INCONCLUSIVE),  # larger, but by no more than the margin for sure
    ],
)
def test_information_compares_waes_of_the_vaes_code(tmp_path: Path, wae: float, by: float, verdict: str) -> None:
    key, name = "mutual_information/codes", "wae_mmd@encoder=gaussian"
    scores = {("vae", key): spread(5.0, by), (name, key): spread(wae, by)}
    assert judge("information", results(tmp_path, scores)).verdict == verdict
    tuned = results(tmp_path, scores, settings={"vae": {"lambda_": 3.0}})
    assert judge("information", tuned).verdict == Verdict.NOT_TESTED
    other = {name: {"latent_dim": 64}}
    assert judge("information", results(tmp_path, scores, settings=other)).verdict == Verdict.NOT_TESTED


@pytest.mark.parametrize("lost", ["vae", "wae_gan@encoder=gaussian"])
def test_information_is_open_where_planned_seeds_did_not_finish(tmp_path: Path, lost: str) -> None:
    key, names = "mutual_information/codes", ("wae_mmd@encoder=gaussian", "wae_gan@encoder=gaussian")
    settings = {name: {"encoder": "gaussian"} for name in names}
    scores: dict[tuple[str, str], list[Any]] = {(name, key): list(spread(6.0, 0.1)) for name in names}
    scores["vae", key] = list(spread(4.0, 0.1))
    assert judge("information", results(tmp_path / "whole", scores, settings=settings)).verdict == Verdict.SUPPORTED
    scores[lost, key] = [4.0, None, None]
    made = results(tmp_path / "lost", scores, settings=settings)
    found = judge("information", made)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert f"only 1 of 3 seeds of {made.title(lost)} finished" in found.summary


def test_information_near_its_bound_says_at_least(tmp_path: Path) -> None:
    name, bound = "wae_mmd@encoder=gaussian", math.log(1000)
    scores = {
        ("vae", "mutual_information/codes"): spread(4.0, 0.01),
        ("vae", "mutual_information_bound/codes"): [bound] * 3,
        (name, "mutual_information/codes"): spread(bound - 0.05, 0.01),
    }
    found = judge("information", results(tmp_path, scores))
    assert (found.verdict, "a difference of at least 2.86 nats" in found.summary) == (Verdict.SUPPORTED, True)
    both = scores | {("vae", "mutual_information/codes"): spread(bound - 0.09, 0.001)}
    assert judge("information", results(tmp_path / "both", both)).verdict == Verdict.NOT_TESTED


@pytest.mark.parametrize(
    ("effect", "narrow", "verdict"),
    [
        ([0.01, 0.02, 0.0], [0.9, 0.91, 0.92], Verdict.SUPPORTED),
        ([-0.03, 0.02, 0.0], [0.9, 0.91, 0.92], Verdict.SUPPORTED),  # a debiased distance can be negative
        ([0.4, 0.41, 0.42], [0.9, 0.91, 0.92], Verdict.REFUTED),
        (
            [0.01, 0.02, 0.0],
            [0.1, 0.11, 0.12],
            Verdict.REFUTED,
        ),  # one collapsed dimension, to which the distance is blind
        ([0.05, 0.2, 0.1], [0.9, 0.91, 0.92], Verdict.INCONCLUSIVE),
        ([0.01, 0.02, 0.0], [0.3, 0.5, 0.7], Verdict.INCONCLUSIVE),
    ],
)
def test_match_needs_an_effect_below_the_margin_and_no_collapse(
    tmp_path: Path, effect: list[float], narrow: list[float], verdict: Verdict
) -> None:
    name = "wae_mmd@latent_dim=64"
    scores = {
        (name, "latent_mmd_p/codes"): [0.01, 0.5, 0.6],
        (name, "latent_sw2_debiased/codes"): effect,
        (name, "latent_direction_sd_min/codes"): narrow,
    }
    found = judge("match", results(tmp_path / "high", scores, settings={name: {"latent_dim": 64}}))
    assert found.verdict == verdict
    assert "1 of 3 seeds reject" in found.summary
    low = judge("match", results(tmp_path / "low", scores, settings={name: {"latent_dim": 8}}))
    assert low.verdict == Verdict.NOT_TESTED
    assert low.evidence[0].value == pytest.approx(np.mean(effect))  # a small code is a control
