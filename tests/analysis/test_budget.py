"""Error budget, gap, agreement of measures, tuning and marks, from the tables of an experiment."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.shared.tables import results
from wae.analysis.agreement import agreements
from wae.analysis.budget import budget_rows, detectable_difference, error_budget, gap_rows
from wae.analysis.claims.scores import quality
from wae.analysis.files import AGREEMENT, SCORES, File
from wae.analysis.metrics import describe, gather, learn
from wae.analysis.results import Results
from wae.analysis.rows import Mark, Score, Source, SubjectAgreement
from wae.analysis.scores import summarise
from wae.analysis.tuning import tune
from wae.core.errors import UserError
from wae.core.files import read_json, write_json
from wae.evaluation.metric import as_document
from wae.evaluation.run import known_metrics

NAN = math.nan
FID = "fid_x"


def test_error_budget_finds_each_source() -> None:
    rng = np.random.default_rng(0)
    seeds, draws, count = 4000, 4, 6
    effects = rng.normal(0, 3.0, (seeds, 1))
    values = 50 + effects + rng.normal(0, 1.5, (seeds, draws))
    halves = 50 + effects + rng.normal(0, 0.7, (seeds, count))
    found = error_budget(values, halves)
    assert found.seed == pytest.approx(3.0, rel=0.05)
    assert found.draw == pytest.approx(1.5, rel=0.05)
    assert found.half == pytest.approx(0.7, rel=0.05)
    assert found.error[Source.SEED] == pytest.approx(found.seed / math.sqrt(seeds))
    assert found.error[Source.DRAW] == pytest.approx(found.draw / math.sqrt(seeds * draws))
    assert error_budget(values[:5], halves[:5]).dominant == "seed"
    assert error_budget(values[:5] * 0 + values[0], halves[:5]).dominant == "half"


def test_error_budget_without_repetition() -> None:
    one = error_budget(np.array([[3.0]]), np.empty((0, 0)))
    assert (one.seeds, one.draws, one.dominant) == (1, 1, None)
    assert all(math.isnan(v) for v in (one.seed, one.draw, one.half, one.detectable))
    without = error_budget(np.array([[1.0, 2.0], [NAN, NAN], [2.0, 3.0], [3.0, 4.0]]), np.empty((0, 0)))
    assert without.seeds == 3
    assert without.draw == pytest.approx(math.sqrt(0.5))
    assert without.seed == pytest.approx(math.sqrt(1.0 - 0.25))


def test_detectable_difference_has_the_stated_power() -> None:
    seeds, sd = 4, 2.0
    shift = detectable_difference(sd, seeds)
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, sd, (4000, seeds)), rng.normal(shift, sd, (4000, seeds))
    assert np.mean(stats.ttest_ind(a, b, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.03)
    assert detectable_difference(sd, seeds, comparisons=3) > 1.2 * shift
    assert detectable_difference(2 * sd, seeds) == pytest.approx(2 * shift)
    assert math.isnan(detectable_difference(sd, 2))
    assert detectable_difference(0.0, 3) == 0.0


def test_the_budget_of_an_experiment(tmp_path: Path) -> None:
    scores: dict[tuple[str, str], list[object]] = {("real_data", "fid_classifier/data"): [1.0]}
    for method in ("a", "b"):
        values = [[10.0 * (method == "b") + seed + 0.1 * draw for draw in (0, 1)] for seed in (0, 1, 2)]
        scores[method, "fid_classifier/prior"] = values  # type: ignore[assignment]
        scores[method, "fid_classifier/prior/train"] = [[100.0, 100.0]] * 3
        scores[method, "fid_classifier_half/prior"] = [[a, b + 1] for a, b in values]
        scores[method, "fid_classifier/mixture"] = [100.0] * 3
    rows = budget_rows(results(tmp_path, scores))  # type: ignore[arg-type]
    assert [row.method for row in rows] == ["a", "b"]
    assert [row.mean for row in rows] == pytest.approx([1.05, 11.05])
    for row in rows:
        assert row.sd_half == pytest.approx(1.1 / math.sqrt(2))
        assert row.sd_draw == pytest.approx(0.1 / math.sqrt(2))
        assert row.sd_seed == pytest.approx(math.sqrt(1 - 0.005 / 2))
        assert row.dominant is Source.HALF
        logs = np.log([row.mean + shift for shift in (-1, 0, 1)])  # methods are tested on the logarithms
        assert row.ratio
        assert row.detectable == pytest.approx(math.exp(detectable_difference(logs.std(ddof=1), 3, 1)))
    kernel = {(m, "kid_classifier/prior"): [place + seed - 0.5 for seed in range(3)] for place, m in enumerate("ab")}
    found = results(tmp_path / "kid", dict(kernel))
    found.plan["config"]["report"] = {"primary": "kid_classifier"}
    assert [(row.ratio, row.detectable) for row in budget_rows(found)] == [
        (False, pytest.approx(detectable_difference(1.0, 3, 1)))
    ] * 2  # it can be negative, and is tested as it is


def test_the_budget_is_corrected_for_the_pairs_that_are_tested_together(tmp_path: Path) -> None:
    """Counted by hand: on two datasets the three claimed methods, a fourth on one of them, and twenty variants.

    A method with two seeds is in no test. The pairs of the claimed methods are those that claim "quality" corrects.
    """
    folders, claimed = [], ("vae", "wae_mmd", "wae_gan")
    for dataset, others in (("glyphs", ("ae", "short")), ("letters", ())):
        names = (*claimed, *others, *(f"wae_mmd@latent_dim={size}" for size in range(20)))
        scores = {
            (name, "fid_classifier/prior"): [10.0 + place + seed for seed in range(2 if name == "short" else 5)]
            for place, name in enumerate(names)
        }
        folders.append(results(tmp_path / dataset, dict(scores), dataset).folder)
    merged = tmp_path / "both"
    merged.mkdir()
    for name in ("metrics.csv", "runs.csv"):
        tables = [pd.read_csv(folder / name) for folder in folders]
        pd.concat(tables, ignore_index=True).to_csv(merged / name, index=False)
    plans = [read_json(folder / "plan.json") for folder in folders]
    write_json(merged / "plan.json", plans[0] | {"runs": [run for plan in plans for run in plan["runs"]]})
    both, alone = Results(merged), Results(folders[1])

    freedom = 8
    for found, pairs in ((both, 6 + 3), (alone, 3)):
        limit = stats.t.ppf(1 - 0.05 / pairs / 2, freedom)
        kept = [row for row in budget_rows(found) if row.seeds == 5]
        assert len(kept) == (24 + 23 if found is both else 23)
        for row in kept:
            assert row.detectable is not None
            sd = np.log(row.mean + np.arange(-2, 3)).std(ddof=1)
            shift = math.log(row.detectable) / (sd * math.sqrt(2 / 5))
            power = stats.nct.sf(limit, freedom, shift) + stats.nct.cdf(-limit, freedom, shift)
            assert power == pytest.approx(0.8, abs=1e-6)
    judged = quality(alone, {"seeds": 3, "margin": 0.05})
    assert sum(evidence.low is not None for evidence in judged.evidence) == 3
    first = budget_rows(alone)[0]
    sd = np.log(first.mean + np.arange(-2, 3)).std(ddof=1)
    assert math.log(first.detectable) == pytest.approx(2.51 * sd, rel=0.002)  # 4.95 * sd with every variant's pairs


def test_the_gap_adds_up_and_lacks_what_was_not_measured(tmp_path: Path) -> None:
    scores = {("real_data", "fid_classifier/data"): [2.0], ("b", "fid_classifier/prior"): [9.0, 9.0]}
    for subject, value in (("reconstruction", 5.0), ("mixture", 9.0), ("prior", 20.0)):
        scores["a", f"fid_classifier/{subject}"] = [value, value + 1]
    second, first = gap_rows(results(tmp_path, scores))  # in the plan's order
    assert (first.floor, first.decoder, first.density, first.hole) == (2.0, 3.5, 4.0, 11.0)
    assert first.prior == 20.5
    assert (second.prior, second.decoder, second.hole) == (9.0, None, None)


def test_tuning_chooses_on_validation_and_compares_on_test(tmp_path: Path) -> None:
    validation = {
        "wae_mmd": {1: [9.0, 9.0], 10: [6.0, 5.0], 100: [7.0, 7.0]},
        "wae_gan": {1: [4.0, 4.0], 10: [1.0, None], 100: [8.0, 8.0]},
    }
    # On test images another weight is best: choosing there would be seen.
    test = {
        "wae_mmd": {1: [1.0, 1.0], 10: [6.0, 7.0], 100: [2.0, 2.0]},
        "wae_gan": {1: [5.0, 5.0], 10: [0.0, None], 100: [0.5, 0.5]},
    }
    scores = {}
    for reference, values in (("validation", validation), ("test", test)):
        for method, by_weight in values.items():
            for weight, seeds in by_weight.items():
                scores[f"{method}@lambda_={weight}", f"fid_classifier/prior/{reference}"] = seeds
    found = tune(results(tmp_path, scores, reference="validation"))  # type: ignore[arg-type]
    tried = {(row.method, row.weight): row for row in found.tried}
    assert [row.validation for row in found.tried if row.method == "wae_mmd"] == [9.0, 5.5, 7.0]
    assert {key for key, row in tried.items() if row.chosen} == {("wae_mmd", 10.0), ("wae_gan", 1.0)}
    assert tried["wae_gan", 10.0].unfinished == 1  # its one good score is no choice
    assert tried["wae_gan", 1.0].at_edge
    assert not tried["wae_mmd", 10.0].at_edge
    best = {row.method: row.mean for row in found.compared if row.best}
    assert best == {"wae_mmd": 6.5, "wae_gan": 5.0}
    paper = {row.method: (row.variant, row.mean) for row in found.compared if not row.best}
    assert paper == {"wae_mmd": ("wae_mmd@lambda_=10", 6.5), "wae_gan": ("wae_gan@lambda_=10", 0.0)}


def test_a_method_none_of_whose_weights_can_be_chosen_is_shown_all_the_same(tmp_path: Path) -> None:
    scores: dict[tuple[str, str], list[float | None]] = {}
    for weight, values in ((1, [9.0, None]), (10, [None, 3.0]), (100, [None, None])):
        scores[f"wae_gan@lambda_={weight}", "fid_classifier/prior/validation"] = values
        scores[f"wae_gan@lambda_={weight}", "fid_classifier/prior/test"] = values
    found = tune(results(tmp_path, scores, reference="validation"))
    assert [(row.weight, row.validation, row.unfinished) for row in found.tried] == [
        (1, 9, 1),
        (10, 3, 1),
        (100, None, 2),
    ]
    assert not any(row.chosen for row in found.tried)
    assert found.compared == []


def test_a_measure_of_which_higher_is_better_chooses_its_highest_and_has_no_gap(tmp_path: Path) -> None:
    scores: dict[tuple[str, str], list[object]] = {}
    for weight, mean in (("1", 0.2), ("10", 0.9), ("100", 0.5)):
        for key in ("prior/validation", "prior/test", "reconstruction/validation"):
            scores[f"wae_mmd@lambda_={weight}", f"precision_classifier/{key}"] = [mean, mean]
    found = results(tmp_path, scores, reference="validation")
    found.plan["config"]["report"] = {"primary": "precision_classifier"}
    assert [row.weight for row in tune(found).tried if row.chosen] == [10.0]
    assert gap_rows(found) == []


def test_measures_that_disagree_are_named(tmp_path: Path) -> None:
    means = {"wae_gan": 1.0, "wae_mmd": 2.0, "vae": 3.0}
    scores = {("real_data", "sharpness/data"): [2.5]}
    for method, mean in means.items():
        scores[method, "fid_classifier/prior"] = [mean, mean + 0.1]
        scores[method, "recall_classifier/prior"] = [mean / 10, mean / 10]  # the reverse: higher is better
        scores[method, "sharpness/prior"] = [mean, mean]  # nearest to 2.5: wae_mmd and vae tie
        scores[method, "latent_mmd2/codes"] = [-mean, -mean]  # of codes: no measure of images
        for name in ("mse", "l1"):
            scores[method, f"{name}/reconstruction"] = [-mean, -mean]  # alike, and the reverse of the primary one
    scores["vae", "kid_classifier/prior"] = [0.1, 0.1]  # of one method only: ranks nothing
    found = results(tmp_path, scores)
    (agreement,) = agreements(found, summarise(found))
    by_metric = {r.condition.metric: r for r in agreement.rankings}
    assert list(by_metric) == ["fid_classifier", "l1", "mse", "recall_classifier", "sharpness"]
    assert by_metric["fid_classifier"].ranks == {"wae_gan": 1, "wae_mmd": 2, "vae": 3}
    assert by_metric["fid_classifier"].tau == 1.0
    assert by_metric["recall_classifier"].tau == -1.0
    assert by_metric["sharpness"].ranks == {"wae_gan": 3, "wae_mmd": 1.5, "vae": 1.5}
    assert [c.metric for c in agreement.reversed_by] == ["l1", "mse", "recall_classifier"]
    prior, reconstruction = agreement.subjects
    tied = math.sqrt(2 / 3)  # tau-b of sharpness and recall, and less it with the primary one
    assert (prior.subject, prior.measures, prior.same_order) == ("prior", 3, False)
    assert prior.tau == pytest.approx((-1.0 + tied - tied) / 3)
    assert prior.primary_tau == pytest.approx((-1.0 - tied) / 2)
    assert reconstruction == SubjectAgreement("reconstruction", 2, 1.0, -1.0, True)


def test_an_agreement_of_an_older_version_is_read(tmp_path: Path) -> None:
    condition = {"metric": "fid_x", "subject": "prior", "reference": "test", "samples": 9}
    ranking = {"dataset": "d", "condition": condition, "ranks": {"a": 1.0}, "tau": 1.0}
    old = {"dataset": "d", "rankings": [ranking], "tau": 0.035, "same_order": False, "order": ["a"], "reversed_by": []}
    write_json(tmp_path / "agreement.json", [old])
    (found,) = AGREEMENT.read(tmp_path)
    assert (found.rankings[0].ranks, found.subjects) == ({"a": 1.0}, [])


def test_scores_have_marks_and_p_values_are_counts(tmp_path: Path) -> None:
    scores = {
        ("a", "fid_classifier/prior"): [10.0, 11.0, 12.0],
        ("b", "fid_classifier/prior"): [10.5, 11.5, 12.6],
        ("c", "fid_classifier/prior"): [30.0, 31.0, 32.0],
        ("a", "latent_mmd_p/codes"): [0.01, 0.5, 0.04],
        ("b", "latent_mmd_p/codes"): [0.9, 0.5, 0.4],
        ("c", "latent_mmd_p/codes"): [0.9, 0.5, 0.4],
    }
    found = {(s.method, s.metric): s for s in summarise(results(tmp_path, scores))}
    marks = [found[method, "fid_classifier"].mark for method in "abc"]
    assert marks == [Mark.BEST, Mark.TIE, Mark.NONE]
    p = found["a", "latent_mmd_p"]
    assert (p.rejections, p.mean, p.low, p.mark) == (True, 2.0, None, Mark.NONE)


def test_a_file_reads_what_it_wrote_and_refuses_what_it_did_not(tmp_path: Path) -> None:
    score = Score("d", "m", "fid_x", "prior", 1.5, None, None, {0: 1.0, 3: 2.0}, mark=Mark.TIE)
    SCORES.write(tmp_path, [score])
    assert SCORES.read(tmp_path) == [score]
    (tmp_path / "scores.json").write_text('[{"dataset": 1}]')
    with pytest.raises(UserError, match=r"scores.json: 0\.dataset: .*string; delete it and run again"):
        SCORES.read(tmp_path)
    assert File("none.json", list[Score], []).read(tmp_path) == []


def test_metrics_have_titles_directions_and_definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wae.analysis.metrics.METRICS", {})
    assert describe("mse") is None
    gather(
        [{}, {"metrics": as_document(known_metrics(["classifier", "inception", "my_net"]))}], tmp_path / "facts.json"
    )
    learn(tmp_path / "facts.json")
    learn(tmp_path / "none.json")
    assert describe("mse").title == "MSE"
    assert describe("fid_classifier").better == "lower"
    assert describe("recall_inception").better == "higher"
    assert describe("sharpness").better is None
    assert describe("fid_my_net").positive
    assert not describe("kid_my_net").positive
    own = describe("fid_my_net_infinity")
    assert own is not None
    assert own.title == "Fréchet distance, my_net, infinite samples"
    assert "my_net features" in own.definition
    assert describe("brightness_gap") is None
