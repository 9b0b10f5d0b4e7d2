"""Tables and sentences on the error of the distances: budget, gap, ranking, equal tuning; marks of ties."""

import json
from pathlib import Path

import pytest

from tests.shared.results import make
from wae.analysis.results import Results
from wae.analysis.runs import METRICS_COLUMNS, RUNS_COLUMNS, write_table
from wae.report.tables import error_tables
from wae.report.tables.scores import Score, marks


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A fake experiment."""
    return Results(make(tmp_path_factory.mktemp("errors"), datasets=("digits",)))


def _score(*values: float) -> Score:
    return Score(sum(values) / len(values), None, None, dict(enumerate(values)))


def test_marks_name_the_best_and_those_no_test_tells_from_it() -> None:
    scores = {"a": _score(10, 11, 12), "b": _score(10.5, 11.5, 12.6), "c": _score(30, 31, 32)}
    assert marks(scores, "lower") == {"a": "best", "b": "tie"}
    assert marks(scores, "higher") == {"c": "best"}
    assert marks(scores, None) == {}
    assert marks(scores | {"d": _score(1, 2)}, "lower") == {}
    assert marks({}, "lower") == {}


def test_the_gap_has_its_steps(results: Results) -> None:
    grid = next(grid for grid in error_tables.build(results) if grid.name == "gap_decomposition")
    row = next(row for row in grid.rows if row[1].text == "WAE-MMD")
    floor, reconstruction, mixture, prior, decoder, density, hole = (cell.value for cell in row[2:])
    assert floor == pytest.approx(4.9)
    assert decoder == pytest.approx(reconstruction - floor)
    assert density == pytest.approx(mixture - reconstruction)
    assert hole == pytest.approx(prior - mixture)


def test_the_budget_is_said_in_words_and_numbers(results: Results) -> None:
    said = error_tables.sentences(results)
    assert "On digits training seeds dominate the error" in said[0]
    assert "would be found with 80% power" in said[0]
    assert "the order on digits is the same by all of them" in said[1]
    assert said[1].endswith("by mean rank: WAE-GAN, WAE-MMD, VAE.")


def _sweep(folder: Path) -> Results:
    """A sweep of lambda in which the test split would choose otherwise than the validation split."""
    rows, runs, plan = [], [], []
    validation = {"1": 50.0, "10": 30.0, "100": 60.0}
    test = {"1": 20.0, "10": 35.0, "100": 70.0}
    for value in validation:
        for seed in range(3):
            method = f"wae_mmd@lambda_={value}"
            key = {"experiment": "e", "dataset": "glyphs", "method": method, "seed": seed, "status": "finished"}
            runs.append(key)
            plan.append({"dataset": "glyphs", "method": method, "seed": seed, "training": {"lambda_": float(value)}})
            for reference, level in (("validation", validation), ("test", test)):
                score = {"metric": "fid_classifier", "subject": "prior", "reference": reference, "samples": 9}
                rows.append(key | score | {"draw": 0, "value": level[value] + seed})
    write_table(folder / "metrics.csv", rows, METRICS_COLUMNS)
    write_table(folder / "runs.csv", runs, RUNS_COLUMNS)
    (folder / "plan.json").write_text(json.dumps({"runs": plan, "config": {}}))
    (folder / "config.json").write_text(json.dumps({"evaluation": {"reference": "validation"}}))
    return Results(folder)


def test_the_weight_is_chosen_on_validation_and_compared_on_test(tmp_path: Path) -> None:
    grids = {grid.name: grid for grid in error_tables.build(_sweep(tmp_path))}
    chosen = [row for row in grids["lambda_sweep"].rows if row[3].mark == "best"]
    assert [row[2].value for row in chosen] == [10.0]
    assert chosen[0][3].value == pytest.approx(31.0)
    both = {row[1].text: row for row in grids["lambda_comparisons"].rows}
    assert both["its best weight"][4].value == pytest.approx(36.0)
    assert both["the paper's weight"][3].value == 10.0
