"""A misspelt measure of the report is refused when the plan is made, not after the last run."""

from typing import Any

import pytest

from wae.commands.check import check_plugins
from wae.core.errors import UserError
from wae.planning.plan import make_plan

OWN, UNDECLARED = "tests.shared.metrics:brightness_gap", "tests.shared.metrics:undeclared"


def planned(
    config: dict[str, Any], primary: str | None = None, secondary: tuple[str, ...] = (), **evaluation: Any
) -> None:
    config["report"] = {"primary": primary, "secondary": list(secondary)}
    config["run"]["extractors"] = ["classifier", "random"]
    config["extractors"]["random"] = {"kind": "random"}
    config["evaluation"] |= {"metrics": [OWN], **evaluation}
    make_plan(config)


@pytest.mark.parametrize(
    "name", ["fid_classifier", "kid_random", "fid_random_infinity", "classes_classifier", "brightness_gap"]
)
def test_a_measure_of_samples_may_rank(config: dict[str, Any], name: str) -> None:
    planned(config, name, (name, f"{name}/prior"))


@pytest.mark.parametrize(
    "name",
    [
        *("mse", "mse/reconstruction", "latent_sw2_debiased/codes", "fid_classifier/mixture", "sharpness/mixture"),
        *("parzen", "nll_iw/reconstruction", "latent_radius", "brightness_gap/reconstruction"),
    ],
)
def test_any_score_may_stand_second(config: dict[str, Any], name: str) -> None:
    planned(config, secondary=(name,), parzen_samples=100)


@pytest.mark.parametrize("name", ["sharpness", "parzen"])
def test_what_has_no_better_direction_cannot_rank(config: dict[str, Any], name: str) -> None:
    said = f"config: report.primary: '{name}' has no better direction, .* such as 'fid_classifier', .*report.secondary"
    with pytest.raises(UserError, match=said):
        planned(config, name, parzen_samples=100)


def test_nor_can_a_metric_of_ones_own_that_declares_none(config: dict[str, Any]) -> None:
    config["evaluation"]["metrics"] = [OWN, UNDECLARED]
    config["report"] = {"primary": "brightness_gap", "secondary": ["undeclared"]}
    check_plugins(make_plan(config))
    config["report"] = {"primary": "undeclared"}
    with pytest.raises(UserError, match=f"evaluation.metrics: '{UNDECLARED}' declares no better direction"):
        check_plugins(make_plan(config))


@pytest.mark.parametrize(
    ("kind", "name", "evaluation", "said"),
    [
        ("primary", "fid_random_infinity", {"curve_points": 1}, "curve_points is 1; set it to 2 or more"),
        ("primary", "classes_random", {}, "extractor 'random' is no classifier"),
        ("secondary", "classes_random/mixture", {}, "extractor 'random' is no classifier"),
        ("secondary", "parzen", {}, "evaluation.parzen_samples is 0; set it above 0"),
        ("secondary", "nll_iw", {"importance_samples": 0}, "evaluation.importance_samples is 0; set it above 0"),
        ("secondary", "nll_iw/codes", {}, "write nll_iw/reconstruction"),
        ("secondary", "latent_sw2/prior", {}, "write latent_sw2/codes"),
        ("secondary", "sse_of_pca", {"reference": "train"}, "evaluation.reference 'test' or 'validation'"),
        ("secondary", "parzen/mixture", {"parzen_samples": 9}, "write parzen/prior"),
        ("secondary", "sharpness/codes", {}, "write sharpness/prior or sharpness/mixture or sharpness/reconstruction"),
    ],
)
def test_a_score_that_no_run_will_have_is_refused(
    kind: str, name: str, evaluation: dict[str, Any], said: str, config: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"primary": name} if kind == "primary" else {"secondary": (name,)}
    with pytest.raises(UserError, match=f"config: report.{kind}: no run will have '{name}'.*{said}"):
        planned(config, **asked, **evaluation)


def test_a_score_of_another_encoder_or_prior_is_refused(config: dict[str, Any]) -> None:
    config["run"]["methods"] = ["wae_mmd"]
    with pytest.raises(UserError, match="no run will have 'elbo': it needs encoder 'gaussian' and prior 'normal'"):
        planned(config, secondary=("elbo",))
    with pytest.raises(UserError, match="no run will have 'kl_total': it needs encoder 'gaussian'"):
        planned(config, secondary=("kl_total",))
    planned(config, secondary=("latent_radius",))
    config["training"]["common"]["prior"] = "uniform"
    with pytest.raises(UserError, match="no run will have 'latent_radius': it needs prior 'normal'"):
        planned(config, secondary=("latent_radius",))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fid_clasifier", "did you mean 'fid_classifier'?"),
        ("fid_inception", "known are"),  # of no extractor that the config runs
        ("fid_classifier_half", "known are"),
        ("fid_classifier/prior", "did you mean 'fid_classifier'?"),
        ("mse", "known are"),  # of reconstructions alone
    ],
)
def test_what_no_sample_is_measured_by_cannot_rank(config: dict[str, Any], name: str, hint: str) -> None:
    with pytest.raises(UserError, match=f"config: report.primary: unknown measure of prior samples '{name}'") as caught:
        planned(config, name)
    assert hint in str(caught.value)


@pytest.mark.parametrize("name", ["fid_clasifier/mixture", "kid_inception", "brightness"])
def test_a_misspelt_second_measure_is_refused(config: dict[str, Any], name: str) -> None:
    with pytest.raises(UserError, match=f"config: report.secondary: unknown measure '{name.partition('/')[0]}'"):
        planned(config, secondary=("mse", name))


def test_a_p_value_is_no_second_measure(config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"'latent_mmd_p' is a p-value, .* name 'latent_sw2_debiased'"):
        planned(config, secondary=("latent_mmd_p",))
