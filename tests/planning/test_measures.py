"""A misspelt measure of the report is refused when the plan is made, not after the last run."""

from typing import Any

import pytest

from wae.core.errors import UserError
from wae.planning.plan import make_plan

OWN = "tests.shared.metrics:brightness_gap"


def planned(config: dict[str, Any], primary: str | None = None, secondary: tuple[str, ...] = ()) -> None:
    config["report"] = {"primary": primary, "secondary": list(secondary)}
    config["run"]["extractors"] = ["classifier", "random"]
    config["extractors"]["random"] = {"kind": "random"}
    config["evaluation"]["metrics"] = [OWN]
    make_plan(config)


@pytest.mark.parametrize(
    "name", ["fid_classifier", "kid_random", "fid_random_infinity", "sharpness", "parzen", "brightness_gap"]
)
def test_a_measure_of_samples_may_rank(config: dict[str, Any], name: str) -> None:
    planned(config, name, (name, f"{name}/prior"))


@pytest.mark.parametrize("name", ["mse", "mse/reconstruction", "latent_sw2_debiased/codes", "fid_classifier/mixture"])
def test_any_score_may_stand_second(config: dict[str, Any], name: str) -> None:
    planned(config, secondary=(name,))


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
