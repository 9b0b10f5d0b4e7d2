"""Tables of training time to a distance and of random streams, alone and crossed, from rows that are known."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.shared.tables import results
from wae.analysis.files import CROSSED, LOTTERY, REACHING
from wae.analysis.inference_rows import CrossedRow, StreamRow
from wae.analysis.results import Results
from wae.analysis.rows import Limit, Reaching, Score
from wae.report.tables import inference_tables, run_tables
from wae.report.tables.columns import Column
from wae.report.tables.grids import Grid


@pytest.fixture
def made(tmp_path: Path) -> Results:
    return results(tmp_path, {(method, "fid_classifier/prior"): [2.0, 3.0] for method in ("vae", "wae_mmd")})


def texts(grids: list[Grid], name: str) -> list[list[str]]:
    (grid,) = [grid for grid in grids if grid.name == name]
    assert all(len(row) == len(grid.heads) for row in grid.rows)
    return [[cell.text for cell in row] for row in grid.rows]


def test_a_time_stands_only_where_every_seed_gets_there(made: Results) -> None:
    whole = Reaching("glyphs", "wae_mmd", 4.2, 15.0, 12.0, 19.0, {0: 14.0, 1: 16.0})
    part = Reaching("glyphs", "vae", 4.2, None, None, None, {0: 300.0, 1: None})
    REACHING.write(made.folder, [part, whole])
    assert texts(run_tables.build(made), "time_to_distance") == [
        ["glyphs", "VAE", "4.2", "1 of 2", "-"],
        ["glyphs", "WAE-MMD", "4.2", "2 of 2", "15 s [12 s, 19 s]"],
    ]
    (grid,) = [grid for grid in run_tables.build(made) if grid.name == "time_to_distance"]
    assert "seed 1: never" in grid.rows[0][4].trace


def test_streams_alone_and_crossed(made: Results) -> None:
    known = (None, None, None, None, None, -0.25)
    rows = [StreamRow("glyphs", "vae", "rest", 0, *known, *limits) for limits in ((), (-1.5, 0.625))]
    LOTTERY.write(made.folder, rows)
    CROSSED.write(made.folder, [CrossedRow("glyphs", "vae", "samples", 5, 4, 0.125, -0.01, 0.71, 0.3, 0.6, 0.0004)])
    built = inference_tables.build(made)
    assert texts(built, "seed_streams") == [
        ["glyphs", "VAE", "interaction: all, less each alone", "-", "-", "-", share]
        for share in ("−25%", "−25% [−150%, 62.5%]")
    ]
    assert texts(built, "seed_cross") == [
        [
            "glyphs",
            "VAE",
            "samples and other draws of the evaluation",
            "5 × 4",
            "12.5%",
            "−1%",
            "71%",
            "30%",
            "0.6",
            "0.0004",
        ]
    ]


def test_limits_have_their_sign_in_front() -> None:
    shown = {"vae": Limit.LEAST, "beta_vae": Limit.MOST, "wae_mmd": Limit.NONE}
    rows = {m: Score("glyphs", m, "m", "codes", 7.5, 7.4, 7.6, {0: 7.5}, limit=limit) for m, limit in shown.items()}
    column = Column("mutual_information", "codes", rows)
    texts = [column.text(row) for row in rows.values()]
    assert texts == ["≥ 7.500 [7.400, 7.600]", "≤ 7.500 [7.400, 7.600]", "7.500 [7.400, 7.600]"]
    assert column.text(replace(rows["vae"], low=None, high=None)) == "≥ 7.500"


def test_without_such_rows_there_are_no_such_tables(made: Results) -> None:
    names = {grid.name for grid in (*run_tables.build(made), *inference_tables.build(made))}
    assert not names & {"time_to_distance", "seed_streams", "seed_cross"}
