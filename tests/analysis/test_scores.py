"""Scores summed up: estimates of information that only limit it."""

import math
from pathlib import Path

import pytest

from tests.shared.tables import results
from wae.analysis.equivalence import by_cell
from wae.analysis.folders import compare_scores
from wae.analysis.rows import Limit, Mark
from wae.analysis.scores import INFORMATION_MARGIN, summarise
from wae.analysis.words import method_title
from wae.core.files import load_yaml

BOUND = math.log(2000)


def scores(folder: Path, below: dict[str, float]) -> dict[tuple[str, str], tuple[Limit, Mark]]:
    """Limit and mark by method and metric, from information so many nats below its bound; the KL term has 20 nats."""
    rows = {}
    for method, nats in below.items():
        shown = [BOUND - nats + noise for noise in (-0.01, 0.0, 0.01)]
        rows[method, "mutual_information/codes"] = shown
        rows[method, "mutual_information_bound/codes"] = [BOUND] * 3
        rows[method, "kl_aggregate/codes"] = [20.0 - value for value in shown]
        rows[method, "sse/reconstruction"] = [10.0 + nats + noise for noise in (0.0, 0.1, 0.2)]
    return {(s.method, s.metric): (s.limit, s.mark) for s in summarise(results(folder, rows))}


def test_information_near_its_bound_is_a_limit_and_marks_nothing(tmp_path: Path) -> None:
    found = scores(tmp_path, {"vae": 0.02, "beta_vae": INFORMATION_MARGIN + 0.1, "wae_mmd": 4.0})
    assert found["vae", "mutual_information"][0] is Limit.LEAST
    assert found["vae", "kl_aggregate"][0] is Limit.MOST
    for method in ("beta_vae", "wae_mmd"):
        assert found[method, "mutual_information"][0] is found[method, "kl_aggregate"][0] is Limit.NONE
    assert {mark for (_, metric), (_, mark) in found.items() if metric == "kl_aggregate"} == {Mark.NONE}
    assert found["vae", "sse"] == (Limit.NONE, Mark.BEST)


def test_far_from_the_bound_the_best_is_marked(tmp_path: Path) -> None:
    found = scores(tmp_path, {"vae": 3.0, "beta_vae": 4.0, "wae_mmd": 5.0})
    assert {limit for limit, _ in found.values()} == {Limit.NONE}
    assert found["vae", "kl_aggregate"][1] is Mark.BEST


def test_beside_the_train_split_scores_of_test_images_are_shown(tmp_path: Path) -> None:
    rows = {
        ("vae", "fid_x/prior/train"): [3.0, 4.0],
        ("vae", "mse/reconstruction/test"): [0.1, 0.3],
        ("vae", "latent_energy/codes/test"): [0.5, 0.5],
        ("vae", "sharpness/prior/"): [1.0, 1.0],
    }
    for reference, metrics in (
        ("train", {"fid_x", "mse", "latent_energy", "sharpness"}),
        ("validation", {"sharpness"}),
    ):
        found = results(tmp_path / reference, rows, reference=reference)
        assert {score.metric for score in summarise(found)} == metrics
        assert {pair.metric for pair in compare_scores(found, found)} == metrics
        assert set(by_cell(found.metrics(), reference)["glyphs", "vae"].columns.get_level_values(0)) == metrics
    assert found.seed_values("glyphs", "vae", "mse", "reconstruction", "test").to_list() == [0.1, 0.3]


SW2 = "latent_sw2/prior"


def test_prior_against_prior_has_a_row_per_prior_and_code_size(tmp_path: Path) -> None:
    rows = {
        ("vae", SW2): [0.028, 0.026],
        ("wae_mmd", SW2): [0.022, None],
        ("wae_mmd@latent_dim=64", SW2): [0.016, 0.018],
        ("wae_mmd@prior=sphere", SW2): [0.006, 0.008],
    }
    settings = {"wae_mmd@latent_dim=64": {"latent_dim": 64}, "wae_mmd@prior=sphere": {"prior": "sphere"}}
    found = {score.method: score for score in summarise(results(tmp_path / "three", rows, settings=settings))}
    assert {method: score.by_seed for method, score in found.items()} == {
        "perfect_match@prior=normal+latent_dim=8": {0: pytest.approx(0.025), 1: 0.026},
        "perfect_match@prior=normal+latent_dim=64": {0: 0.016, 1: 0.018},
        "perfect_match@prior=sphere+latent_dim=8": {0: 0.006, 1: 0.008},
    }
    assert found["perfect_match@prior=sphere+latent_dim=8"].mean == pytest.approx(0.007)
    assert method_title("perfect_match@latent_dim=64") == "Prior against prior, d_z = 64"
    (alone,) = summarise(results(tmp_path / "one", rows))
    assert (alone.method, alone.subject, set(alone.by_seed)) == ("perfect_match", "codes", {0, 1})


def test_the_margin_is_that_of_the_claim(root: Path) -> None:
    rules = {rule["id"]: rule for rule in load_yaml(root / "config/claims.yaml")["claims"]}
    assert rules["information"]["parameters"]["bound"] == INFORMATION_MARGIN
