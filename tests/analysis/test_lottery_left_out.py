"""Variants of the seed lottery are no methods: nothing that compares methods takes them in."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.shared.claims import FID, judge, spread
from tests.shared.tables import results
from wae.analysis import summarise
from wae.analysis.claims import judges
from wae.analysis.files import CROSSED
from wae.analysis.results import Results
from wae.analysis.runs import of_lottery
from wae.report.figures import scores as figures
from wae.report.tables import error_tables, score_tables

SUFFIXES = ("seed_stream=samples", "seed_stream=samples+held_seed=1", "held_seed=2", "seed_stream=data_order")
METRICS = {
    FID: {
        "vae": 60.0,
        "wae_mmd": 50.0,
        "wae_gan": 40.0,
        "wae_mmd@encoder=gaussian": 45.0,
        "wae_mmd@latent_dim=64": 48.0,
    },
    "mutual_information/codes": {"vae": 3.0, "wae_mmd@encoder=gaussian": 5.0},
    "kl_total/codes": {"vae": 7.0, "wae_mmd@encoder=gaussian": 9.0},
    "latent_sw2_debiased/codes": {"vae": 0.2, "wae_mmd": 0.01, "wae_gan": 0.02, "wae_mmd@latent_dim=64": 0.02},
    "latent_mmd_p/codes": {"wae_mmd@latent_dim=64": 0.5},
    "sharpness/prior": {"vae": 0.01, "wae_mmd": 0.02, "wae_gan": 0.03},
    "mse/reconstruction": {"vae": 0.02, "wae_mmd": 0.01, "wae_gan": 0.01},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "wae_mmd@encoder=gaussian": {"encoder": "gaussian"},
    "vae": {"encoder": "gaussian"},
    "wae_mmd@latent_dim=64": {"latent_dim": 64},
}


def experiment(folder: Path, lottery: bool) -> Results:
    """Three seeds of each method; with the ``lottery``, variants of each in front, whose scores are far better."""
    scores: dict[tuple[str, str], list[Any]] = {}
    settings = dict(SETTINGS)
    for metric, means in METRICS.items():
        for method, mean in means.items():
            for suffix in SUFFIXES if lottery else ():
                name = f"{method}{'+' if '@' in method else '@'}{suffix}"
                better = 1.5 if metric.startswith(("mutual", "sharpness")) else 0.5
                scores[name, metric] = spread(better * mean, 0.01 * mean)
                settings[name] = SETTINGS.get(method, {})
            scores[method, metric] = spread(mean, 0.01 * mean)
    return results(folder, scores, settings=settings)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Results, Results]:
    return experiment(tmp_path / "with", True), experiment(tmp_path / "without", False)


def test_a_variant_of_the_lottery_is_known_by_its_name() -> None:
    assert all(of_lottery(f"vae@{suffix}") for suffix in SUFFIXES)
    assert of_lottery("vae@lambda_=3.0+seed_stream=samples")
    assert not any(map(of_lottery, ("vae", "vae@lambda_=3.0", "seed_stream", "held_seed@latent_dim=2")))


def test_methods_are_those_of_the_experiment_without_the_lottery(pair: tuple[Results, Results]) -> None:
    with_it, without = pair
    assert with_it.methods == without.methods
    assert with_it.main_methods == without.main_methods
    assert len(with_it.lottery) == len(without.methods) * len(SUFFIXES)
    assert without.lottery == []


def test_no_score_mark_budget_or_decision_takes_them_in(pair: tuple[Results, Results]) -> None:
    for found in pair:
        summarise(found)
    for name in ("scores", "budget", "gap", "contrasts", "deciding", "agreement"):
        with_it, without = (getattr(found, name)() for found in pair)
        assert with_it.to_csv() == without.to_csv(), name
        assert name == "gap" or len(without), name


@pytest.mark.parametrize("name", sorted(judges.JUDGES))
def test_no_claim_takes_them_in(pair: tuple[Results, Results], name: str) -> None:
    with_it, without = (judge(name, found) for found in pair)
    assert asdict(with_it) == asdict(without)


def test_no_table_or_figure_of_scores_shows_them(pair: tuple[Results, Results]) -> None:
    for found in pair:
        summarise(found)
    for build in (score_tables.build, error_tables.build):
        with_it, without = ([(g.name, [[c.text for c in row] for row in g.rows]) for g in build(r)] for r in pair)
        assert with_it == without
    drawn = [[(plot.name, plot.alt) for plot in figures.plots(found)] for found in pair]
    assert drawn[0] == drawn[1] != []


def test_an_experiment_of_the_lottery_alone_has_no_methods_and_fails_nowhere(tmp_path: Path) -> None:
    grid = {(f"vae@seed_stream=samples+held_seed={held}", FID): [1.0, 2.0 + held, 3.0] for held in range(3)}
    made = results(tmp_path, dict(grid))
    summarise(made)
    assert (made.methods, made.main_methods, len(made.lottery)) == ([], [], 3)
    assert made.scores().empty
    assert [(row.method, row.seeds, row.held_seeds) for row in made.read(CROSSED)] == [("vae", 3, 3)]
    assert score_tables.build(made) == []
