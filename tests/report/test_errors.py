"""Tables and sentences on the error of the distances: budget, gap, agreement of measures, equal tuning."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.shared.report import experiment
from tests.shared.tables import results as made
from wae.analysis import summarise
from wae.analysis.metrics import METRICS
from wae.analysis.results import Results
from wae.analysis.rows import Agreement, Condition, Ranking, SubjectAgreement
from wae.report.figures import claims
from wae.report.page import error_words
from wae.report.tables import error_tables


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A fake experiment."""
    return Results(experiment(tmp_path_factory.mktemp("errors"), datasets=("digits",)))


def test_the_gap_has_its_steps(results: Results) -> None:
    grid = next(grid for grid in error_tables.build(results) if grid.name == "gap_decomposition")
    row = next(row for row in grid.rows if row[1].text == "WAE-MMD")
    floor, reconstruction, mixture, prior, decoder, density, hole = (cell.value for cell in row[2:])
    assert floor == pytest.approx(4.9)
    assert decoder == pytest.approx(reconstruction - floor)
    assert density == pytest.approx(mixture - reconstruction)
    assert hole == pytest.approx(prior - mixture)


def test_the_budget_is_said_in_words_and_numbers(results: Results) -> None:
    said = error_words.sentences(results)
    assert said[0].startswith("On digits training seeds cause most of the error")
    assert "; with 80% power a test would find a factor of " in said[0]
    assert said[1].startswith(
        "Coefficient of variation over seeds, and smallest factor between two such methods that a corrected test finds "
        "with 80% power, on digits: VAE "
    )
    grid = next(grid for grid in error_tables.build(results) if grid.name == "error_budget")
    hints = [head.hint for head in grid.heads if head.text in ("error: seeds", "error: draws")]
    assert hints == ["standard error of the mean by this source alone"] * 2  # no share of anything
    assert all(row[-1].text.endswith(" times") and row[-1].value > 1 for row in grid.rows)
    assert "measures of samples from the prior do not rank the methods alike: mean Kendall's tau " in said[2]


def test_agreement_is_said_as_it_is(results: Results) -> None:
    primary, other = Condition("fid_classifier", "prior", "test", 9), Condition("recall_classifier", "prior", "test", 9)
    ranks = {"wae_gan": 1.0, "vae": 2.0}
    rankings = [Ranking("d", c, ranks, 1.0) for c in (primary, other)]
    alike = Agreement("d", rankings, subjects=[SubjectAgreement("prior", 2, 1.0, 1.0, True)])
    assert error_words.agreement_said(results, alike) == (
        "On d all 2 measures of samples from the prior rank the methods alike: WAE-GAN, VAE."
    )
    subjects = [SubjectAgreement("prior", 2, -1.0, -1.0, False), SubjectAgreement("reconstruction", 7, 0.5, 0.1, False)]
    assert error_words.agreement_said(results, Agreement("d", rankings, [other], subjects)) == (
        "On d the 2 measures of samples from the prior do not rank the methods alike: mean Kendall's tau −1 between "
        "two of them, −1 with the primary one; the exact reverse of the primary order by: Recall (classifier) of "
        "samples from the prior. Mean tau 0.5 between two of the 7 of reconstructions."
    )
    one = Agreement("d", rankings[:1], subjects=[SubjectAgreement("prior", 1, None, None, True)])
    assert error_words.agreement_said(results, one) == (
        "On d only one measure of samples from the prior ranks the methods."
    )
    assert error_words.agreement_said(results, Agreement("d", rankings)) == ""


@pytest.mark.usefixtures("results")  # from it on the directions of the metrics are known
@pytest.mark.parametrize(("better", "arrow", "word"), [("lower", "↓", "lowest"), ("higher", "↑", "highest")])
def test_words_say_which_way_is_better(
    better: str, arrow: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METRICS, "fid_classifier", replace(METRICS["fid_classifier"], better=better))
    scores = {
        (f"wae_mmd@lambda_={weight}", f"fid_classifier/prior/{reference}"): [float(weight), float(weight)]
        for weight in ("1", "10")
        for reference in ("validation", "test")
    }
    settings = {f"wae_mmd@lambda_={weight}": {"lambda_": float(weight)} for weight in ("1", "10")}
    found = made(tmp_path, scores, settings=settings, reference="validation")
    summarise(found)
    grids = {grid.name: grid for grid in error_tables.build(found)}
    for name, place in (("lambda_sweep", 3), ("lambda_comparisons", 4)):
        assert grids[name].heads[place].text == f"Fréchet distance (classifier) {arrow}"
    weight = {"lower": 1, "higher": 10}[better]
    (alt,) = [plot.alt for plot in claims.plots(found) if plot.name == "glyphs_sweep_lambda_"]
    assert alt.endswith(f"WAE-MMD has its {word} mean at λ = {weight}")


def test_the_weight_is_chosen_on_validation_and_compared_on_test(tmp_path: Path) -> None:
    scores = {}
    for weight, validation, test in (("1", 50.0, 20.0), ("10", 30.0, 35.0), ("100", 60.0, 70.0)):
        for reference, level in (("validation", validation), ("test", test)):
            key = (f"wae_mmd@lambda_={weight}", f"fid_classifier/prior/{reference}")
            scores[key] = [level, level + 1, level + 2]
    found = made(tmp_path, scores, reference="validation")
    summarise(found)
    grids = {grid.name: grid for grid in error_tables.build(found)}
    chosen = [row for row in grids["lambda_sweep"].rows if row[3].mark == "best"]
    assert [row[2].value for row in chosen] == [10.0]
    assert chosen[0][3].value == pytest.approx(31.0)
    both = {row[1].text: row for row in grids["lambda_comparisons"].rows}
    assert both["its best weight"][4].value == pytest.approx(36.0)
    assert both["the paper's weight"][3].value == 10.0
    assert both["the paper's weight"][5].text == "3/3"
