import copy
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from baselines.vae import VAE
from wae.analysis.collecting import write_table
from wae.analysis.published import comparison as anchors
from wae.analysis.published.ledger import load_ledger, published
from wae.analysis.published.rows import LambdaRow, Outcome, PublishedRow, Reason
from wae.analysis.results import Results
from wae.analysis.runs import METRICS_COLUMNS, REAL_DATA
from wae.core.errors import UserError
from wae.core.files import write_json
from wae.core.settings import EvaluationSettings, RunSettings, TrainingSettings
from wae.methods.wae_mmd import WAEMMD
from wae.planning.config import merge, read_config
from wae.planning.plan import Plan, load_plan
from wae.report.tables.claim_tables import difference_said

Ledger = dict[str, Any]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    root = Path(__file__).resolve().parents[2]
    return load_ledger(root / "config/anchors.yaml", root / "wae/core/schemas/anchors.schema.yaml")


def refused(root: Path, folder: Path, ledger: Ledger) -> str:
    path = folder / "anchors.yaml"
    path.write_text(yaml.safe_dump(ledger))
    with pytest.raises(UserError) as caught:
        load_ledger(path, root / "wae/core/schemas/anchors.schema.yaml")
    return str(caught.value)


def test_the_ledger_holds_the_papers_numbers(ledger: Ledger) -> None:
    found = {(p.protocol, p.dataset, p.method, p.metric, p.subject): (p.value, p.standing) for p in published(ledger)}
    assert len(found) == 93
    assert found["wae2018_celeba", "celeba", "wae_mmd", "fid", "prior"] == (55, "read")
    assert found["wae2018_celeba", "celeba", "wae_gan", "fid", "prior"] == (42, "read")
    assert found["wae2018_celeba", "celeba", "vae", "fid", "prior"] == (63, "secondary")
    assert found["wae2018_celeba", "celeba", REAL_DATA, "sharpness", "data"] == (0.02, "recalled")
    assert found["rae2020", "mnist", "wae_mmd", "fid", "mixture"] == (9.39, "read")
    assert found["rae2020", "cifar10", "ae", "fid", "interpolation"] == (61.57, "read")
    assert found["cwae_pytorch", "fashion_mnist", "swae", "fid", "prior"] == (55.99, "read")
    mnist = sorted(
        v for (_, d, m, _, s), (v, _) in found.items() if (d, m) == ("mnist", "wae_mmd") and s != "interpolation"
    )
    assert mnist == [9.39, 10.03, 20.42, 20.71, 28.71]


def test_cells_override_methods_and_datasets(ledger: Ledger) -> None:
    by_key = {(p.protocol, p.dataset, p.method): p for p in published(ledger)}
    celeba = by_key["rae2020", "celeba", "wae_mmd"].fields
    assert (celeba["cost_weight"], celeba["lambda_"], celeba["latent_dim"]) == (0.05, 100.0, 64)
    assert by_key["rae2020", "mnist", "wae_mmd"].fields["cost_weight"] == pytest.approx(1 / 1024)
    assert by_key["wae2018_celeba", "celeba", "vae"].recalled >= {"samples", "epochs", "learning_rate"}


def test_faults_in_the_ledger_are_named(root: Path, tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "broken.yaml").write_text("anchors: [1")
    with pytest.raises(UserError, match=r"broken\.yaml: cannot be read \(.*\); correct the ledger"):
        load_ledger(tmp_path / "broken.yaml", root / "wae/core/schemas/anchors.schema.yaml")
    wrong = copy.deepcopy(ledger)
    wrong["anchors"][0]["standng"] = "read"
    assert "standng" in refused(root, tmp_path, wrong)
    wrong = copy.deepcopy(ledger)
    wrong["anchors"][0]["standing"] = "guessed"
    assert "$.anchors[0].standing" in refused(root, tmp_path, wrong)
    wrong = copy.deepcopy(ledger)
    wrong["anchors"][3]["protocol"] = "wae2018_celba"
    assert "did you mean 'wae2018_celeba'" in refused(root, tmp_path, wrong)
    wrong = copy.deepcopy(ledger)
    wrong["protocols"]["rae2020"]["fields"]["latent_dims"] = 8
    assert "did you mean 'latent_dim'" in refused(root, tmp_path, wrong)
    wrong = copy.deepcopy(ledger)
    wrong["protocols"]["rae2020"]["source"] = "rae2021"
    assert "did you mean 'rae2020'" in refused(root, tmp_path, wrong)
    wrong = copy.deepcopy(ledger)
    wrong["protocols"]["wae2018_celeba"]["recalled"]["all"] = ["sample"]
    assert "did you mean 'samples'" in refused(root, tmp_path, wrong)


# A small ledger whose one protocol is exactly what the run below does ----------------------------------

TRAINING = TrainingSettings(implementation="wae.methods.wae_mmd:WAEMMD", latent_dim=8, lambda_=10.0, epochs=7)
OPTIONS = {"mnist": {"split": "official"}}


def small_ledger(ledger: Ledger, **changes: Any) -> Ledger:
    t = TRAINING.model_dump()
    fields = {
        key: t[key]
        for key, field in ledger["fields"].items()
        if key in t and "critic" not in key and key != "likelihood" and "if_stated" not in field
    }
    fields |= {"image": "28x28 grey", "split": "official", "extractor": "inception", "samples": 10000}
    fields |= {"reference": "test", "sampling": "prior", "kernel_base": 2.0, **changes.pop("fields", {})}
    anchor = {"protocol": "same", "dataset": "mnist", "method": "wae_mmd", "metric": "fid", "values": {"prior": 50.0}}
    small = {key: copy.deepcopy(ledger[key]) for key in ("fields", "datasets", "tolerances", "sources")}
    protocol = {"source": "wae2018", "fields": {k: v for k, v in fields.items() if v is not None}}
    protocol |= changes.pop("protocol", {})
    small["protocols"] = {"same": protocol}
    small["anchors"] = [anchor | {"standing": "read"} | changes]
    return small


def scores(values: list[float], metric: str = "fid_inception", **changes: Any) -> pd.DataFrame:
    """Two draws a seed, around the seed's value."""
    base = {"dataset": "mnist", "method": "wae_mmd", "metric": metric, "subject": "prior", "reference": "test"}
    rows = [
        base | {"samples": 10000, "seed": seed, "draw": draw, "value": value + shift} | changes
        for seed, value in enumerate(values)
        for draw, shift in enumerate((-1.0, 1.0))
    ]
    return pd.DataFrame(rows)


def runs(method: str = "wae_mmd", **changes: Any) -> list[dict[str, Any]]:
    settings = TRAINING.model_copy(update=changes)
    return [
        RunSettings(dataset="mnist", method=method, seed=seed, shape=[1, 28, 28], training=settings).model_dump()
        for seed in range(3)
    ]


def one(metrics: pd.DataFrame, planned: list[dict[str, Any]], ledger: Ledger) -> PublishedRow:
    (row,) = anchors.compare(metrics, planned, ledger, EvaluationSettings().model_dump(), OPTIONS)
    return row


def said(row: PublishedRow) -> list[str]:
    return list(map(difference_said, row.differs))


def test_equal_protocols_and_close_values_are_reproduced(ledger: Ledger) -> None:
    values = [51.0, 50.0, 52.0]
    row = one(scores(values), runs(), small_ledger(ledger))
    assert row.differs == []
    assert row.outcome == "reproduced"
    assert (row.ours, row.seeds, row.our_metric) == (51.0, 3, "fid_inception")
    factor = math.exp(stats.t.ppf(0.975, 2) * stats.sem(values) / np.mean(values))
    assert (row.low, row.high) == pytest.approx((51.0 / factor, 51.0 * factor))


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([50.0, 51.0, 52.0], "reproduced"),
        ([52.0, 49.0, 55.0], "undecided"),  # its mean is within 45 to 55, its interval is not
        ([58.0, 55.0, 61.0], "undecided"),
        ([66.0, 64.0, 65.0], "not reproduced"),
    ],
)
def test_the_interval_decides_not_the_mean(ledger: Ledger, values: list[float], verdict: str) -> None:
    assert one(scores(values), runs(), small_ledger(ledger)).outcome == verdict


def test_seeds_below_the_published_number_are_counted_by_their_means(ledger: Ledger) -> None:
    # 49.5 and its draws of 48.5 and 50.5 count once, a seed at the number itself does not.
    assert one(scores([49.5, 50.0, 50.5, 48.0]), runs(), small_ledger(ledger)).below == 2
    assert one(scores([51.0, 52.0, 53.0]), runs(), small_ledger(ledger)).below == 0
    assert one(scores([49.0, 49.0]), runs(), small_ledger(ledger)).below is None  # two seeds say nothing


@pytest.mark.parametrize(
    ("mean", "verdict"), [(54.9, "reproduced"), (55.1, "not reproduced"), (44.9, "not reproduced")]
)
def test_the_tolerance_is_relative_to_the_published_number(ledger: Ledger, mean: float, verdict: str) -> None:
    assert one(scores([mean] * 3), runs(), small_ledger(ledger)).outcome == verdict
    assert one(scores([mean] * 3), runs(), small_ledger(ledger, tolerance=0.5)).outcome == "reproduced"
    in_units = small_ledger(ledger, absolute=4.89)
    assert one(scores([mean] * 3), runs(), in_units).outcome == "not reproduced"
    assert one(scores([54.8] * 3), runs(), in_units).outcome == "reproduced"


def test_one_run_decides_a_calibration_and_only_what_is_stated_counts(ledger: Ledger) -> None:
    fields = {"image": "28x28 grey", "split": "official", "samples": 10000, "reference": "test", "latent_dim": 8}
    small = small_ledger(ledger, calibration=True, metric="sse", values={"reconstruction": 50.0}, absolute=0.5)
    small["protocols"]["same"]["fields"] = fields
    found = scores([50.4], "sse", subject="reconstruction", draw=0).iloc[:1].assign(value=50.4)
    assert one(found, runs(), small).outcome == "reproduced"
    assert one(found.assign(value=50.6), runs(), small).outcome == "not reproduced"
    assert said(one(found, runs(latent_dim=9), small)) == ["latent dimension: 8 there, 9 here"]
    del small["anchors"][0]["calibration"]
    assert one(found, runs(), small).outcome == "not comparable"


def test_fields_that_only_some_sources_state_count_where_they_do(ledger: Ledger) -> None:
    small = small_ledger(ledger)
    assert one(scores([50.0] * 3), runs(adam_epsilon=0.1), small).outcome == "reproduced"
    small["protocols"]["same"]["fields"] |= {"adam_epsilon": 1e-8, "hidden": [4, 5]}
    assert said(one(scores([50.0] * 3), runs(hidden=[4, 5], adam_epsilon=0.1, depth=5), small)) == [
        "Adam's epsilon: 1e-08 there, 0.1 here"
    ]


@pytest.mark.parametrize(
    ("epochs", "there", "here", "differs"),
    [
        (7, "constant", "constant", []),
        (3, "constant", "constant", []),
        (2, "constant", "constant", ["epochs: 7 there, 2 here"]),
        (3, "paper", "paper", ["epochs: 7 there, 3 here"]),  # its rate falls at epochs that it counts from the end
        (3, "constant", "paper", ["epochs: 7 there, 3 here", "learning-rate schedule: constant there, paper here"]),
    ],
)
def test_a_mean_over_an_epoch_needs_no_later_epoch_at_a_constant_rate(
    ledger: Ledger, epochs: int, there: str, here: str, differs: list[str]
) -> None:
    ours = runs(epochs=epochs, schedule=here)
    small = small_ledger(ledger, fields={"schedule": there}, metric="loss_epoch3", values={"training": 50.0})
    of_epoch = one(scores([50.0] * 3, "loss_epoch3", subject="training"), ours, small)
    assert said(of_epoch) == differs
    assert of_epoch.outcome == ("not comparable" if differs else "reproduced")
    small = small_ledger(ledger, fields={"schedule": there}, metric="loss", values={"training": 50.0})
    of_end = one(scores([50.0] * 3, "loss", subject="training"), ours, small)
    assert of_end.outcome == ("reproduced" if (epochs, here) == (7, "constant") else "not comparable")


def rows_of_the_published(plan: Plan, protocols: set[str], base: dict[str, Any], ledger: Ledger) -> list[PublishedRow]:
    """The rows of ``protocols`` as if three seeds of ``plan`` had the published numbers themselves."""
    entries = [entry for entry in published(ledger) if entry.protocol in protocols]
    rows = anchors.compare(
        pd.concat([scores([entry.value] * 3, entry.metric, **base) for entry in entries]),
        [run.model_dump() for run in plan.runs],
        ledger,
        plan.config.evaluation.model_dump(),
        {dataset: settings.options for dataset, settings in plan.config.datasets.items()},
    )
    return [row for row in rows if row.protocol in protocols]


@pytest.mark.parametrize(
    ("name", "count", "base"),
    [
        ("keras_vae", 12, {"method": "vae", "subject": "training", "reference": "train", "samples": 70_000}),
        ("keras_vae_repeated", 12, {"method": "vae", "subject": "training", "reference": "train", "samples": 70_000}),
        ("aae_mnist", 1, {"method": "aae", "subject": "prior", "reference": "test", "samples": 10_000}),
        ("burda_vae", 1, {"method": "vae", "subject": "reconstruction", "reference": "test", "samples": 10_000}),
    ],
)
def test_a_reproductions_config_follows_the_ledger(
    name: str, count: int, base: dict[str, Any], root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wae.planning.config.missing", lambda *arguments: None)
    plan = load_plan(root / f"config/reproductions/{name}.yaml")
    protocol = {"keras_vae_repeated": "keras_vae", "aae_mnist": "aae_paddle", "burda_vae": "burda2016"}.get(name, name)
    ours = rows_of_the_published(plan, {protocol}, base, ledger)
    assert len(ours) == count
    assert {(row.outcome, *said(row)) for row in ours} == {("reproduced",)}


@pytest.mark.parametrize(
    ("whole", "begun", "epochs"),
    [("keras_vae", "keras_vae_two_epochs", 2), ("keras_vae_repeated", "keras_vae_repeated_first_epoch", 1)],
)
def test_a_beginning_of_kerass_vae_answers_the_numbers_of_its_epochs(
    whole: str, begun: str, epochs: int, root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wae.planning.config.missing", lambda *arguments: None)
    plans = [load_plan(root / f"config/reproductions/{name}.yaml") for name in (whole, begun)]
    first, second = (plan.runs[0].training.model_dump(exclude={"epochs"}) for plan in plans)
    assert first == second
    assert plans[0].config.datasets == plans[1].config.datasets
    assert not set(plans[0].config.run.seeds) & set(plans[1].config.run.seeds)
    base = {"method": "vae", "subject": "training", "reference": "train", "samples": 70_000}
    ours = rows_of_the_published(plans[1], {"keras_vae", "keras_vae_earlier"}, base, ledger)
    answered = {row.metric for row in ours if row.outcome != "not comparable"}
    numbers = {f"training_{loss}_epoch{e}" for loss in ("reconstruction", "penalty") for e in range(1, epochs + 1)}
    assert answered == numbers
    assert plans[1].config.evaluation.training_epochs == list(range(1, epochs + 1))


def test_the_five_stages_of_burdas_vae_begin_the_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wae.planning.config.missing", lambda *arguments: None)
    whole, begun = (load_plan(root / f"config/reproductions/burda_vae{end}.yaml") for end in ("", "_five_stages"))
    assert begun.config.datasets == whole.config.datasets
    for part, cut in (("run", {}), ("evaluation", {"training_epochs"}), ("training", {"epochs"})):
        first, second = (
            plan.runs[0].training if part == "training" else getattr(plan.config, part) for plan in (whole, begun)
        )
        assert first.model_dump(exclude=cut) == second.model_dump(exclude=cut)
    stages = whole.runs[0].training.stages
    ends = [sum(int(count) for count, _ in stages[:k]) for k in range(1, len(stages) + 1)]
    assert whole.config.evaluation.training_epochs == ends
    assert begun.config.evaluation.training_epochs == ends[:5]
    assert begun.runs[0].training.epochs == ends[4]


def test_few_runs_rest_on_the_spread_that_the_source_shows(ledger: Ledger) -> None:
    for value, expected in ((50.0, "reproduced"), (53.0, "undecided"), (70.0, "not reproduced")):
        small = small_ledger(ledger)
        small["anchors"][0] |= {"absolute": 8.0, "runs": [48.0, 50.0, 52.0]}
        row = one(scores([value] * 2), runs(), small)
        assert row.outcome == expected
        assert row.low is not None
        assert row.high is not None
        student = 4.302653  # of two degrees of freedom at 97.5%: three runs hardly fix a standard deviation
        assert row.high - value == pytest.approx(student * 2.0 / 2**0.5, rel=1e-6)
        assert value - row.low == pytest.approx(row.high - value)
        whole = one(scores([value] * 3), runs(), small)
        assert (whole.low, whole.high) == (value, value)  # three runs have a spread of their own


def test_every_field_that_differs_spoils_the_verdict(ledger: Ledger) -> None:
    changed: dict[str, Any] = {
        "latent_dim": 16, "batch_size": 64, "epochs": 8, "architecture": "mlp", "width": 17, "depth": 4,
        "decoder_depth": 1, "kernel_size": 5, "initialisation": "truncated_normal", "pixel_range": "minus_one_one",
        "encoder": "pixel_noise", "pixel_noise": 0.02, "prior": "uniform", "sigma_z": 2.0, "cost": "l1",
        "cost_weight": 0.1, "lambda_": 11.0, "kernel": "rbf", "kernel_scales": [1.0], "learning_rate": 2e-3,
        "adam_beta1": 0.9, "schedule": "paper", "pretrain_steps": 1,
    }  # fmt: skip
    small = small_ledger(ledger)
    for key, value in changed.items():
        row = one(scores([50.0] * 3), runs(**{key: value}), small)
        assert row.outcome == "not comparable", key
        assert any(phrase.startswith(ledger["fields"][key]["title"] + ":") for phrase in said(row)), key
    missing = {name for name, field in ledger["fields"].items() if "if_stated" not in field} - set(changed)
    assert {key for key in missing if ledger["fields"][key]["group"] == "model"} == {
        "likelihood", "kernel_base", "decoder_decay",
        "critic_width", "critic_depth", "critic_prior_trick", "prior_trick", "critic_learning_rate",
    }  # fmt: skip


def test_evaluation_and_data_that_differ_spoil_it_too(ledger: Ledger) -> None:
    small = small_ledger(ledger)
    for metrics, phrase in (
        (scores([50.0] * 3, samples=5000), "samples: 10,000 there, 5,000 here"),
        (scores([50.0] * 3, reference="train"), "reference images: test there, train here"),
        (scores([50.0] * 3, metric="fid_classifier"), "feature extractor: inception there, classifier here"),
    ):
        row = one(metrics, runs(), small)
        assert said(row) == [phrase]
        assert row.outcome == "not comparable"
    held_back = one(scores([50.0] * 3), runs(validation_fraction=0.1), small)
    assert said(held_back) == ["train and test split: official there, official, 0.1 of train held back here"]
    for option, differs in (({"pad": 2}, 1), ({"split": "paper"}, 1), ({"mirrored": True}, 2), ({"pad": 0}, 0)):
        (row,) = anchors.compare(scores([50.0] * 3), runs(), small, {}, {"mnist": option})
        assert len(row.differs) == differs, option


def test_what_a_source_does_not_state_or_is_recalled_confirms_nothing(ledger: Ledger) -> None:
    row = one(scores([50.0] * 3), runs(), small_ledger(ledger, fields={"reference": None}))
    assert said(row) == ["reference images: not stated there, test here"]
    assert row.outcome == "not comparable"
    row = one(scores([50.0] * 3), runs(), small_ledger(ledger, protocol={"recalled": {"wae_mmd": ["epochs"]}}))
    assert said(row) == ["epochs: 7 there is recalled, not read"]
    assert row.outcome == "not comparable"


def test_recalled_numbers_are_shown_without_a_verdict(ledger: Ledger) -> None:
    row = one(scores([50.0] * 3), runs(), small_ledger(ledger, standing="recalled"))
    assert (row.standing, row.outcome, row.ours) == ("recalled", "", 50.0)


def test_too_few_seeds_and_missing_scores_carry_no_verdict(ledger: Ledger) -> None:
    row = one(scores([50.0, 50.0]), runs(), small_ledger(ledger))
    assert row.outcome == "not comparable"
    assert said(row) == ["seeds: 2 finished here, 3 needed"]
    alone = one(scores([50.0]), runs(), small_ledger(ledger))
    assert alone.low is None
    for metrics in (scores([50.0] * 3)[:0], scores([math.nan] * 3), scores([50.0] * 3, subject="reconstruction")):
        row = one(metrics, runs(), small_ledger(ledger))
        assert (row.outcome, said(row)) == ("not comparable", ["not measured here"])
        assert row.ours is None


def test_inceptions_distance_is_taken_before_the_classifiers_and_curves_never(ledger: Ledger) -> None:
    metrics = pd.concat(
        [
            scores([90.0] * 3, "fid_classifier"),
            scores([50.0] * 3),
            *(scores([1.0] * 3, f"fid_inception{end}") for end in ("_curve", "_half", "_infinity")),
            scores([70.0] * 3, samples=2500),
        ]
    )
    row = one(metrics, runs(), small_ledger(ledger))
    assert (row.ours, row.our_metric, row.outcome) == (50.0, "fid_inception", "reproduced")
    other = one(scores([50.0] * 3, "fid_efficientnet_lite0"), runs(), small_ledger(ledger))
    assert said(other) == ["feature extractor: inception there, efficientnet_lite0 here"]


def test_variants_get_rows_and_other_datasets_do_not(ledger: Ledger) -> None:
    small = small_ledger(ledger)
    metrics = pd.concat([scores([50.0] * 3), scores([50.0] * 3, method="wae_mmd@lambda_=99.0")])
    planned = [*runs(), *runs("wae_mmd@lambda_=99.0", lambda_=99.0)]
    found = {row.method: row.outcome for row in anchors.compare(metrics, planned, small, {}, OPTIONS)}
    assert found == {"wae_mmd": Outcome.REPRODUCED, "wae_mmd@lambda_=99.0": Outcome.NOT_COMPARABLE}
    digits = [run | {"dataset": "digits"} for run in planned]
    assert anchors.compare(metrics.assign(dataset="digits"), digits, small) == []


def test_published_results_of_an_experiment(root: Path, tmp_path: Path) -> None:
    planned = [*runs(), *runs("vae", implementation="baselines.vae:VAE", encoder="gaussian")]
    planned += runs("wae_mmd@seed_stream=samples")  # of the seed lottery: the method's own with other draws
    config = {"evaluation": EvaluationSettings().model_dump(), "datasets": {"mnist": {"options": {"pad": 2}}}}
    methods = {"vae": VAE.facts().document(), "wae_mmd": WAEMMD.facts().document()}
    write_json(tmp_path / "plan.json", {"config": config, "runs": planned, "methods": methods})
    likelihood = scores([90.0] * 3, "nll_iw", method="vae", subject="reconstruction")
    table = pd.concat([scores([20.0] * 3), likelihood]).assign(experiment="e", status="finished", label="")
    write_table(tmp_path / "metrics.csv", table.to_dict("records"), METRICS_COLUMNS)
    document = anchors.compare_file(Results(tmp_path), root / "config/anchors.yaml")
    rae = {row.subject: row for row in document.rows if (row.protocol, row.method) == ("rae2020", "wae_mmd")}
    assert (rae["prior"].ours, rae["prior"].published) == (20.0, 20.42)
    assert rae["prior"].outcome is Outcome.NOT_COMPARABLE
    assert not any(phrase.startswith("image size") for phrase in said(rae["prior"]))
    assert "latent dimension: 16 there, 8 here" in said(rae["prior"])
    assert {row.method for row in document.rows if row.method.startswith("wae_mmd")} == {"wae_mmd"}
    (burda,) = [row for row in document.rows if (row.metric, row.method) == ("nll_iw", "vae")]
    assert "form of the KL divergence: sampled there, analytic here" in said(burda)
    assert "encoder's layers: 200, 200 there, none here" in said(burda)
    assert document.lambdas == [
        LambdaRow("mnist", "wae_mmd", 10.0, pytest.approx(40.0)),
        LambdaRow("mnist", "vae", 10.0, None),
    ]


def test_no_run_of_the_papers_config_is_called_a_reproduction(
    root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its protocol is the paper's as far as it can be read: what stays is not stated, recalled, or has a reason."""
    monkeypatch.setattr("wae.planning.config.missing", lambda *arguments: None)
    config = read_config(root / "config/paper.yaml")
    plan = load_plan(config)
    planned = [run.model_dump() for run in plan.runs]
    options = {name: settings.options for name, settings in plan.config.datasets.items()}
    rows = []
    for method, value in (("vae", 63.0), ("wae_mmd", 55.0), ("wae_gan", 42.0)):
        rows.append(scores([value] * 5, dataset="celeba", method=method))
    found = anchors.compare(pd.concat(rows), planned, ledger, plan.config.evaluation.model_dump(), options)
    paper = [row for row in found if (row.protocol, row.metric, row.subject) == ("wae2018_celeba", "fid", "prior")]
    assert {row.outcome for row in paper} == {Outcome.NOT_COMPARABLE}
    for row in paper:
        assert row.differs
        assert {difference.reason for difference in row.differs} <= {Reason.NOT_STATED, Reason.RECALLED}, said(row)


def test_the_papers_config_follows_the_ledger_on_mnist(
    root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wae.planning.config.missing", lambda *arguments: None)
    plan = load_plan(merge(read_config(root / "config/paper.yaml"), {"run": {"seeds": [0]}}))
    for run in plan.runs:
        name = f"wae2018_{run.dataset}"
        if name not in ledger["protocols"]:
            continue
        protocol = ledger["protocols"][name]
        stated = protocol["fields"] | protocol["methods"][run.method]
        training = run.training.model_dump()
        for key, value in stated.items():
            if key in training:
                assert training[key] == value, (run.dataset, run.method, key)


def test_analysis_imports_no_torch() -> None:
    modules = "wae.analysis.published.comparison, wae.analysis.published.lambda_units"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
