"""Training time to a given distance, against courses whose answer is known."""

import math
from pathlib import Path
from typing import Any

import pytest

from baselines.aae import AAE
from baselines.ae import AE
from tests.shared.tables import results
from wae.analysis.collecting import write_table
from wae.analysis.reaching import reaching, time_to
from wae.analysis.results import Results
from wae.analysis.runs import TRAJECTORIES_COLUMNS
from wae.core.files import write_json


def test_a_power_law_is_read_exactly_between_kept_epochs() -> None:
    course = [(seconds, 100.0 * seconds**-0.5) for seconds in (1.0, 2.0, 4.0, 8.0)]
    assert time_to(course, 100.0 * 3.0**-0.5) == pytest.approx(3.0, rel=1e-12)
    assert time_to(course, 100.0 * 8.0**-0.5 * (1 + 1e-12)) == pytest.approx(8.0)


def test_the_first_time_counts_where_a_course_goes_up_again() -> None:
    assert time_to([(1.0, 8.0), (2.0, 4.0), (4.0, 9.0), (8.0, 2.0)], 4.0) == pytest.approx(2.0)


def test_what_is_there_at_once_and_what_never_comes() -> None:
    assert time_to([(3.0, 5.0), (6.0, 4.0)], 5.0) == 3.0
    assert time_to([(3.0, 5.0), (6.0, 4.0)], 3.9) is None


def courses(
    folder: Path, distances: dict[tuple[str, int], list[float]], settings: dict[str, dict[str, Any]] | None = None
) -> Results:
    """Results whose weights were kept after 10, 20, 40, ... seconds, with these distances."""
    scores = {(method, "fid_classifier/prior"): [1.0, 1.0] for method, _ in distances}
    made = results(folder, scores, settings=settings)
    rows = [
        {"dataset": "glyphs", "method": method, "seed": seed, "epoch": 2**k, "seconds": 10.0 * 2**k}
        | {"metric": metric, "subject": subject, "value": value * factor}
        for (method, seed), values in distances.items()
        for k, value in enumerate(values)
        for metric, subject, factor in (("fid_classifier", "prior", 1.0), ("mse", "reconstruction", 1e-3))
    ]
    write_table(folder / "trajectories.csv", rows, TRAJECTORIES_COLUMNS)
    return made


def test_the_target_is_where_the_worst_method_ends(tmp_path: Path) -> None:
    found = reaching(
        courses(
            tmp_path,
            {
                ("vae", 0): [90.0, 50.0, 20.0],
                ("vae", 1): [90.0, 60.0, 45.0],
                ("wae_mmd", 0): [60.0, 30.0, 15.0],
                ("wae_mmd", 1): [30.0, 25.0, 10.0],
            },
        )
    )
    vae, mmd = found
    assert (vae.method, mmd.method) == ("vae", "wae_mmd")
    assert vae.target == mmd.target == pytest.approx(30.0)  # the root of 20 times 45
    between = 20.0 * 2 ** (math.log(50 / 30) / math.log(50 / 20))
    assert vae.by_seed == {0: pytest.approx(between), 1: None}
    assert (vae.seconds, vae.low, vae.high) == (None, None, None)
    assert mmd.by_seed == {0: pytest.approx(20.0), 1: pytest.approx(10.0)}
    assert mmd.seconds == pytest.approx(15.0)
    assert mmd.low is not None
    assert mmd.low > 0


def test_a_method_without_a_penalty_does_not_set_the_target(tmp_path: Path) -> None:
    distances = {("vae", 0): [90.0, 30.0], ("wae_mmd", 0): [60.0, 15.0], ("ae", 0): [500.0, 80.0]}
    found = reaching(courses(tmp_path / "free", distances, {"ae": {"lambda_": 0.0}}))
    assert [(row.method, row.target) for row in found] == [
        (method, pytest.approx(30.0)) for method in ("vae", "wae_mmd", "ae")
    ]
    assert [row.by_seed[0] for row in found] == [pytest.approx(20.0), pytest.approx(10.0 * 2**0.5), None]
    found = reaching(courses(tmp_path / "weighed", distances, {"ae": {"lambda_": 0.1}}))
    assert found[0].target == pytest.approx(80.0)
    none = {method: {"lambda_": 0.0} for method, _ in distances}
    assert reaching(courses(tmp_path / "none", distances, none)) == []


def test_what_lambda_weighs_decides_who_has_a_penalty(tmp_path: Path) -> None:
    distances = {("vae", 0): [90.0, 30.0], ("ae", 0): [500.0, 80.0], ("aae", 0): [60.0, 40.0]}
    found = courses(tmp_path, distances, {"ae": {"lambda_": 1.0}, "aae": {"lambda_": 0.0}})
    facts = {"ae": AE.facts().document(), "aae": AAE.facts().document()}
    write_json(tmp_path / "plan.json", found.plan | {"methods": facts})
    assert [row.target for row in reaching(Results(tmp_path))] == [pytest.approx(40.0)] * 3


def test_nothing_is_said_of_weights_kept_once_or_of_one_method(tmp_path: Path) -> None:
    assert reaching(courses(tmp_path / "once", {("vae", 0): [90.0], ("wae_mmd", 0): [60.0]})) == []
    assert reaching(courses(tmp_path / "alone", {("vae", 0): [90.0, 50.0]})) == []
    assert reaching(results(tmp_path / "none", {("vae", "fid_classifier/prior"): [1.0]})) == []


def test_a_seed_that_diverged_never_gets_there(tmp_path: Path) -> None:
    made = courses(tmp_path, {("vae", 0): [90.0, 30.0], ("vae", 1): [80.0, 40.0], ("wae_mmd", 0): [60.0, 15.0]})
    runs = made.runs()
    runs.loc[(runs["method"] == "wae_mmd") & (runs["seed"] == 1), "status"] = "diverged"
    found = {row.method: row for row in reaching(made)}
    assert found["wae_mmd"].by_seed == {
        0: pytest.approx(10.0 * 2 ** (math.log(60 / 12**0.5 / 10) / math.log(4))),
        1: None,
    }
    assert found["wae_mmd"].seconds is None
