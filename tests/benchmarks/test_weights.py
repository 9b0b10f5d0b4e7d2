"""The weights that the study takes, from sweeps whose answer is known."""

from pathlib import Path

import pytest

from benchmarks.weights import further, main, neighbours
from tests.shared.tables import results


@pytest.mark.parametrize(("taken", "expected"), [(0.3, [0.3, 1.0]), (1.0, [0.3, 1.0, 3.0]), (10.0, [3.0, 10.0])])
def test_neighbours(taken: float, expected: list[float]) -> None:
    assert neighbours([10.0, 0.3, 3.0, 1.0], taken) == expected


@pytest.mark.parametrize(("taken", "expected"), [(0.3, [0.03, 0.1]), (1.0, []), (3.0, []), (10.0, [30.0, 100.0])])
def test_a_grid_grows_by_two_values_on_the_side_of_a_winner_at_its_edge(taken: float, expected: list[float]) -> None:
    assert further([0.3, 1.0, 3.0, 10.0], taken) == expected
    assert further([taken], taken) == []


def sweep(folder: Path, scores: dict[float, list[float | None]]) -> str:
    names = {f"wae_mmd@lambda_={weight:g}": values for weight, values in scores.items()}
    rows = {(name, "fid_classifier/prior/validation"): list(values) for name, values in names.items()}
    weights = {name: {"lambda_": weight} for name, weight in zip(names, scores, strict=True)}
    results(folder, rows, settings=weights, reference="validation")
    return str(folder)


def test_the_least_mean_wins_and_its_neighbours_are_tried_at_the_full_length(tmp_path: Path) -> None:
    short = sweep(tmp_path / "short", {1.0: [9.0, 9.0], 3.0: [5.0, 7.0], 10.0: [5.5, 6.0], 30.0: [1.0, None]})
    text = main(short, None)
    assert "| WAE-MMD | 10 | 5.75 | 2 |" in text
    assert text.endswith("WAE-MMD: 10; try 3, 10, 30 at the full length")  # 30 has a diverged seed


def test_a_winner_at_the_edge_wants_more_values(tmp_path: Path) -> None:
    short = sweep(tmp_path / "short", {1.0: [3.0], 3.0: [5.0], 10.0: [5.5]})
    assert main(short, None).endswith("WAE-MMD: 1; try 0.1, 0.3")


@pytest.mark.parametrize(("other", "expected"), [(4.8, "WAE-MMD: 3"), (4.7, "WAE-MMD: 10; try 30 at the full length")])
def test_another_weight_wins_at_the_full_length_by_more_than_the_margin_only(
    tmp_path: Path, other: float, expected: str
) -> None:
    short = sweep(tmp_path / "short", {1.0: [9.0], 3.0: [5.0], 10.0: [6.0], 30.0: [7.0]})
    full = sweep(tmp_path / "full", {1.0: [9.0], 3.0: [5.0], 10.0: [other]})
    assert main(short, full).endswith(expected)


@pytest.mark.parametrize(("last", "expected"), [(3.9, "WAE-MMD: 10"), (3.7, "WAE-MMD: 30; try 100 at the full length")])
def test_a_weight_taken_at_the_full_length_is_compared_with_its_own_neighbours(
    tmp_path: Path, last: float, expected: str
) -> None:
    short = sweep(tmp_path / "short", {1.0: [9.0], 3.0: [5.0], 10.0: [6.0], 30.0: [7.0], 100.0: [8.0]})
    full = sweep(tmp_path / "full", {1.0: [9.0], 3.0: [5.0], 10.0: [4.0], 30.0: [last]})
    assert main(short, full).endswith(expected)


def test_a_winner_beyond_the_short_grid_has_neighbours_too(tmp_path: Path) -> None:
    short = sweep(tmp_path / "short", {1.0: [9.0], 3.0: [5.0], 10.0: [4.0]})
    full = sweep(tmp_path / "full", {3.0: [5.0], 10.0: [4.0], 30.0: [3.0]})
    assert main(short, full).endswith("WAE-MMD: 30; try 100, 300 at the full length")


def test_each_code_size_has_its_own_weight(tmp_path: Path) -> None:
    scores = {"lambda_=1": 3.0, "lambda_=3": 2.0, "lambda_=10": 4.0}
    wide = {"latent_dim=32+lambda_=1": 9.0, "latent_dim=32+lambda_=3": 7.0, "latent_dim=32+lambda_=10": 5.0}
    rows = {(f"wae_mmd@{name}", "fid_classifier/prior/validation"): [value] for name, value in (scores | wide).items()}
    results(tmp_path, rows, reference="validation")
    text = main(str(tmp_path), None)
    assert "| WAE-MMD, d_z = 32 | 10 | 5 | 1 |" in text
    assert text.splitlines()[-2:] == [
        "WAE-MMD: 3; try 1, 3, 10 at the full length",
        "WAE-MMD, d_z = 32: 10; try 30, 100",
    ]
