"""The length that the study takes, by courses whose answer is known."""

from pathlib import Path

import pytest

from benchmarks.lengths import Change, changes, length, table
from tests.shared.tables import results
from wae.analysis.collecting import write_table
from wae.analysis.results import Results
from wae.analysis.runs import TRAJECTORIES_COLUMNS
from wae.core.errors import UserError


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({1: 0.4, 2: 0.2, 4: 0.04, 8: -0.05, 16: 0.0}, (4, True)),
        ({1: 0.0, 2: 0.0, 4: 0.0, 8: -0.051, 16: 0.0}, (16, True)),
        ({1: 0.4, 2: 0.0, 4: 0.0, 8: 0.0, 16: -0.06}, (16, False)),
        ({1: 0.0, 2: 0.0, 4: 0.06, 8: 0.0, 16: 0.0}, (8, True)),
    ],
)
def test_the_smallest_length_from_which_on_nothing_moves(shares: dict[int, float], expected: tuple[int, bool]) -> None:
    quiet = [Change("wae_mmd", "fid_classifier", epochs, 0.0) for epochs in shares]
    assert length([*quiet, *(Change("vae", "mse", epochs, share) for epochs, share in shares.items())]) == expected


@pytest.fixture
def pilot(tmp_path: Path) -> Results:
    scores = {(method, "fid_classifier/prior"): [1.0, 1.0] for method in ("vae", "wae_mmd")}
    made = results(tmp_path, scores)
    courses = {
        ("vae", 0): [8.0, 4.0, 3.9, 3.9],
        ("vae", 1): [4.0, 4.0, 3.9, 3.9],
        ("wae_mmd", 0): [9.0, 3.0, 2.97, 2.97],
    }
    rows = [
        {"dataset": "glyphs", "method": method, "seed": seed, "epoch": 2 ** (k + 2), "seconds": 1.0}
        | {"metric": metric, "subject": subject, "value": value}
        for (method, seed), values in courses.items()
        for k, value in enumerate(values)
        for metric, subject in (("fid_classifier", "prior"), ("mse", "reconstruction"), ("sharpness", "prior"))
    ]
    write_table(tmp_path / "trajectories.csv", rows, TRAJECTORIES_COLUMNS)
    return made


def test_changes_are_of_the_means_over_seeds(pilot: Results) -> None:
    found = {(c.method, c.measure, c.epochs): c.share for c in changes(pilot, "glyphs")}
    assert len(found) == 12  # two methods, two measures, three doublings
    assert found["vae", "fid_classifier", 4] == pytest.approx(4.0 / 6.0 - 1)
    assert found["wae_mmd", "mse", 8] == pytest.approx(-0.01)


def test_the_table_says_what_is_taken(pilot: Results) -> None:
    text = table(pilot, "glyphs")
    assert "| WAE-MMD | mse | −66.7% | −1.0% | +0.0% |" in text
    assert text.endswith("Taken: 8 epochs (from there on no doubling moves a score by more than 5%).")


@pytest.mark.parametrize("lost", ["wae_mmd", "the last epoch"])
def test_what_was_not_measured_is_not_taken_to_have_stayed(pilot: Results, lost: str) -> None:
    file = pilot.folder / "trajectories.csv"
    frame = pilot.trajectories()
    frame[(frame["method"] != lost) & ((frame["epoch"] < 32) | (lost == "wae_mmd"))].to_csv(file, index=False)
    with pytest.raises(UserError, match="has no finite fid_classifier at"):
        table(Results(pilot.folder), "glyphs")
