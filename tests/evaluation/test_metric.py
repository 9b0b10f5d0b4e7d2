"""What metrics declare, and what a metric of the user's own may return and change."""

import numpy as np
import pytest
import torch

from tests.shared import metrics
from wae.core import reserved
from wae.core.errors import UserError
from wae.core.settings import EvaluationSettings, What
from wae.evaluation.metric import Metric, as_document, facts, from_document, metric
from wae.evaluation.own import OwnMetrics, as_number
from wae.evaluation.run import known_metrics

OWN = "tests.shared.metrics"


def images() -> torch.Tensor:
    return torch.arange(24, dtype=torch.uint8).view(2, 1, 3, 4) * 10


def test_every_score_of_the_suite_declares_what_it_is() -> None:
    known = known_metrics(["classifier"])
    assert all(found.title and found.definition for found in known.values())
    assert "{" not in "".join(found.title + found.definition for found in known.values())
    families = {name.partition("_")[0] for name in known if "_classifier" in name}
    assert families == set(reserved.FAMILIES)
    assert {name for name in known if "_classifier" not in name} == set(reserved.METRICS)
    ranking = {name for name in known if "_classifier" in name and known[name].better is None}
    assert not ranking
    assert not any(known[name].better for name in reserved.WITHOUT_DIRECTION)


def test_a_declaration_stands_on_its_function_and_survives_a_file() -> None:
    @metric("one", title="One", better="higher")
    @metric("two", title="Two", unit="nats", definition="The second.", lowest=0, highest=1.5)
    def both() -> None: ...

    known = facts(both, images)
    assert list(known) == ["one", "two"]
    assert known["two"] == Metric("Two", "nats", None, "The second.", lowest=0, highest=1.5)
    assert from_document(as_document(known)) == known
    older = [{key: entry[key] for key in entry if key not in ("lowest", "highest")} for entry in as_document(known)]
    assert from_document(older)["two"] == Metric("Two", "nats", None, "The second.")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"title": ""}, "title is empty"),
        ({"title": "A", "better": "up"}, "write 'lower', 'higher' or None"),
        ({"title": "A", "unit": 3}, "unit is 3, need text"),
        ({"title": "A", "lowest": "0"}, "the limit '0' is no finite number"),
        ({"title": "A", "highest": float("inf")}, "the limit inf is no finite number"),
        ({"title": "A", "lowest": 1, "highest": 0}, "lowest is 1, need less than 0"),
    ],
)
def test_a_wrong_declaration_is_one_line(wrong: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        metric(**wrong)


def test_own_metrics_are_shown_as_declared_or_under_their_name() -> None:
    own = OwnMetrics([f"{OWN}:brightness_gap", f"{OWN}:undeclared"])
    known = own.facts()
    assert known["brightness_gap"].better == "lower"
    assert known["undeclared"] == Metric("undeclared")
    real = np.full((2, 1, 3, 4), 50, np.uint8)
    rows = own.rows("prior", images(), real, "test")
    assert [(r["metric"], r["subject"], r["reference"], r["samples"]) for r in rows] == [
        ("brightness_gap", "prior", "test", 2),
        ("undeclared", "prior", "test", 2),
    ]
    assert rows[0]["value"] == pytest.approx(abs(images().float().mean().item() - 50))


def test_own_metrics_change_nothing_that_another_sees() -> None:
    real, given = np.full((2, 1, 3, 4), 50, np.uint8), images()
    rows = OwnMetrics([f"{OWN}:brightness_gap", f"{OWN}:undeclared"]).rows("prior", given, real, "test")
    assert rows[1]["value"] == 50.0
    assert (real == 50).all()
    assert torch.equal(given, images())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "returned None, need one number"),
        ("0.5", "returned '0.5', need one number"),
        (True, "returned True, need one number"),
        (np.zeros(3), r"returned ndarray of shape \(3,\), need one number"),
        (torch.zeros(2), r"returned Tensor of shape \(2,\)"),
        (float("nan"), "returned nan, need a finite number"),
        (float("inf"), "returned inf, need a finite number"),
    ],
)
def test_what_is_no_number_is_one_line_with_the_name(value: object, message: str) -> None:
    with pytest.raises(UserError, match=f"evaluation.metrics: mine {message}"):
        as_number("mine", value)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), torch.tensor(2.0)])
def test_numbers_of_every_kind_are_taken(value: object) -> None:
    assert as_number("mine", value) == 2.0


def test_a_function_that_forgets_its_value_is_named() -> None:
    with pytest.raises(UserError, match="nothing returned None"):
        OwnMetrics([f"{OWN}:nothing"]).rows("prior", images(), images().numpy(), "test")
    with pytest.raises(UserError, match="annotate it with `-> float`"):
        OwnMetrics([f"{OWN}:without_annotation"])


@pytest.mark.parametrize(
    ("dotted", "message"),
    [
        (["a:ssim"], "'ssim' is the name of a score of the suite's own"),
        (["a:fid_classifier"], "'fid_classifier' begins like scores"),
        (["a:coverage_x"], "'coverage_x' begins like scores .*coverage_, "),
        (["a:gap", "b:gap"], "2 functions called 'gap'; rename all but one"),
        (["a:gap_p"], r"'gap_p' begins or ends like .* rename the function"),
        (["a:upper_bound"], "'upper_bound' begins or ends like"),
        (["a:latent_gap"], "'latent_gap' begins or ends like"),
    ],
)
def test_names_of_metrics_are_unique_over_the_whole_table(dotted: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvaluationSettings(metrics=dotted)
    assert EvaluationSettings(metrics=["a:gap", "a:fidelity"]).metrics == ["a:gap", "a:fidelity"]


def test_a_method_cannot_be_called_like_the_rows_of_real_images() -> None:
    with pytest.raises(ValueError, match="'real_data' is the name of the rows of real images"):
        What(datasets=["d"], methods=["real_data"], seeds=[0])


def test_an_extractor_cannot_be_called_like_the_end_of_a_score() -> None:
    with pytest.raises(ValueError, match="'classifier_half' ends like a score's name"):
        What(datasets=["d"], methods=["m"], seeds=[0], extractors=["classifier", "classifier_half"])
    ends = {name.removeprefix("fid_x") for name in known_metrics(["x"]) if name.startswith("fid_x_")}
    assert ends == {"_curve", "_half", "_infinity"} < set(reserved.ENDINGS)


def test_neighbours_are_fewer_than_images() -> None:
    with pytest.raises(ValueError, match="density_neighbours is 50, it must be below precision_samples = 50; lower it"):
        EvaluationSettings(precision_samples=50, density_neighbours=50)


def test_the_declared_fixture_spoils_what_it_is_given() -> None:
    given, real = images().numpy().copy(), np.full((2, 1, 3, 4), 50, np.uint8)
    metrics.brightness_gap(given, real)
    assert not given.any()
    assert not real.any()
