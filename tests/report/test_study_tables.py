"""Tables of training time to a distance and of random streams, and how quiet the machine was, from known rows."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.shared.tables import results
from wae.analysis.collecting import write_table
from wae.analysis.files import CROSSED, LOTTERY, REACHING
from wae.analysis.inference_rows import CrossedRow, StreamRow
from wae.analysis.results import Results
from wae.analysis.rows import Limit, Reaching, Score
from wae.analysis.runs import TRAJECTORIES_COLUMNS
from wae.core.files import write_json
from wae.report.tables import inference_tables, run_tables, study_tables
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


def test_a_time_of_the_first_kept_epoch_is_a_limit(made: Results) -> None:
    rows = [
        {"dataset": "glyphs", "method": method, "seed": seed, "epoch": epoch, "seconds": 7.0 * epoch}
        | {"metric": "fid_classifier", "subject": "prior", "value": value}
        for method, firsts in (("vae", (4.0, 6.0)), ("wae_mmd", (6.0, 5.0)))
        for seed, first in enumerate(firsts)
        for epoch, value in ((1, first), (2, 3.0))
    ]
    write_table(made.folder / "trajectories.csv", rows, TRAJECTORIES_COLUMNS)
    found = [Reaching("glyphs", m, 4.2, 10.0, 9.0, 11.0, {0: 7.0, 1: 13.0}) for m in ("vae", "wae_mmd")]
    REACHING.write(made.folder, found)
    assert [row[4] for row in texts(run_tables.build(made), "time_to_distance")] == ["≤ 10 s", "10 s [9 s, 11 s]"]
    (grid,) = [grid for grid in run_tables.build(made) if grid.name == "time_to_distance"]
    assert {"seed 0: at most 7 s", "seed 1: 13 s"} <= set(grid.rows[0][4].trace)
    assert (grid.rows[0][4].low, grid.rows[1][4].low) == (None, 9.0)


def test_streams_alone_and_crossed(made: Results) -> None:
    rows = [
        StreamRow("glyphs", "vae", "all", 10, True, 0.05, 0.0344, 0.0913, 1.0),
        StreamRow("glyphs", "vae", "data_order", 10, True, 0.025, 0.0175, 0.0439, 0.25, 0.08, 0.79),
        StreamRow("glyphs", "vae", "samples", 2, True),
        StreamRow("glyphs", "vae", "sum", 9, True, None, None, None, 1.5, 0.625, 3.6),
    ]
    LOTTERY.write(made.folder, rows)
    crossing = CrossedRow("glyphs", "vae", "samples", 5, 4, True, 0.125, -0.01, 0.71, 0.3, 0.6, 0.0004)
    CROSSED.write(made.folder, [crossing])
    built = inference_tables.build(made)
    assert texts(built, "seed_streams") == [
        ["glyphs", "VAE", "all", "10", "5% [3.44%, 9.13%]", "100%"],
        ["glyphs", "VAE", "order of the data", "10", "2.5% [1.75%, 4.39%]", "25% [8%, 79%]"],
        ["glyphs", "VAE", "draws of the evaluation", "2", "-", "-"],
        ["glyphs", "VAE", "sum of those alone", "9", "-", "150% [62.5%, 360%]"],
    ]
    numbers = ["12.5%", "−1%", "71%", "30%", "0.6", "0.0004"]
    assert texts(built, "seed_cross") == [["glyphs", "VAE", "draws of the evaluation", "5 × 4", *numbers]]
    for grid in built:
        if grid.name in ("seed_streams", "seed_cross"):
            assert "relative sd" in [head.text for head in grid.heads]
            assert not {"decides", "causes"} & set(f"{grid.title} {grid.caption}".lower().split())


def test_the_sd_of_a_score_that_can_be_negative_is_in_its_unit(made: Results) -> None:
    LOTTERY.write(made.folder, [StreamRow("glyphs", "vae", "samples", 5, False, 0.0125, 0.008, 0.03, 0.5, 0.2, 1.2)])
    CROSSED.write(made.folder, [CrossedRow("glyphs", "vae", "samples", 5, 4, False, 2.5, 0.2, 0.5, 0.3, 0.6, 0.04)])
    built = inference_tables.build(made)
    assert texts(built, "seed_streams")[0][4:] == ["0.0125 [0.008, 0.03]", "50% [20%, 120%]"]
    assert texts(built, "seed_cross")[0][4] == "2.5"
    assert all("sd" in [h.text for h in grid.heads] for grid in built if grid.name in ("seed_streams", "seed_cross"))


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


@pytest.mark.parametrize(
    ("cores", "said"),
    [
        (
            {"rounds_taken_out": 1819, "rounds_kept": 7},
            " Rounds while the machine's host kept its cores apart or ran two on one, which can take several times as "
            "long: 1,819 left out; 7 are all that there is at some points, which show no time.",
        ),
        ({"rounds_taken_out": 0, "rounds_kept": 0}, ""),
        (None, ""),  # a study of before they were counted
    ],
)
def test_the_page_says_how_many_rounds_the_host_of_the_machine_slowed(
    made: Results, cores: dict[str, int] | None, said: str
) -> None:
    machine = {"device": "cpu", "threads": {"asked": 2}, "noisy_rounds": 3, "rounds": 1200}
    machine |= {"load_during": {"mean_cores_busy_with_others": 0.031}, "left_out": []}
    write_json(made.folder / "timing_machine.json", machine | ({} if cores is None else {"cores_apart": cores}))
    assert study_tables.quietness(made) == (
        "While the study ran, other processes kept 0.03 cores busy on average; 3 of 1,200 rounds were beside other "
        f"load and are kept.{said} Threads: 2; device: cpu."
    )
