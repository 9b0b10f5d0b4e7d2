import json
from pathlib import Path

from benchmarks.marked import written
from benchmarks.reproductions import BEGIN, END, RECORDED, table
from wae.core.files import read_json


def test_the_readmes_table_is_that_of_the_recorded_files(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme == written(readme, BEGIN, END, table(RECORDED)), "run `python -m benchmarks.reproductions --write`"
    assert readme.count(BEGIN) == readme.count(END) == 1


def test_only_measured_rows_are_shown_with_their_interval(tmp_path: Path) -> None:
    row = {"source": "A", "method": "vae", "dataset": "mnist", "metric": "sse", "published": 13.87, "tolerance": 0.005}
    measured = row | {
        "standing": "secondary",
        "ours": 13.8663,
        "low": None,
        "high": None,
        "seeds": 1,
        "outcome": "reproduced",
    }
    several = measured | {
        "metric": "parzen",
        "low": 13.5,
        "high": 14.25,
        "seeds": 3,
        "below": 2,
        "standing": "recalled",
        "outcome": "",
    }
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/published.json").write_text(json.dumps({"rows": [measured, several, measured | {"ours": None}]}))
    assert table(tmp_path).splitlines()[2:] == [
        "| A: VAE, MNIST, squared error per image | 13.87, second hand | 0.005 | 13.866 | 1 | - | reproduced "
        "| `config/reproductions/mine.yaml` |",
        "| A: VAE, MNIST, Parzen log-likelihood | 13.87, recalled | 0.005 | 13.866 [13.5, 14.25] | 3 | 2 "
        "| none: recalled | `config/reproductions/mine.yaml` |",
    ]


def test_the_epochs_of_a_log_are_one_row_and_other_protocols_none(tmp_path: Path) -> None:
    row = {"source": "A", "method": "vae", "dataset": "mnist", "standing": "read", "seeds": 3}
    rows = [
        row
        | {"metric": f"loss_epoch{epoch}", "published": value, "tolerance": 2, "ours": value + 1.0}
        | {"low": value, "high": value + 2.0, "outcome": outcome, "below": below}
        for epoch, value, outcome, below in (
            (1, 205.16, "undecided", 3),
            (10, 145.5, "reproduced", 0),
            (30, 140.0, "undecided", None),
        )
    ]
    foreign = rows[0] | {"source": "B", "outcome": "not comparable"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/published.json").write_text(json.dumps({"rows": [rows[0], foreign, *rows[1:]]}))
    assert table(tmp_path).splitlines()[2:] == [
        "| A: VAE, MNIST, loss, epochs 1, 10, 30 | 205.16<br>145.5<br>140 | 2<br>2<br>2 "
        "| 206.2 [205.2, 207.2]<br>146.5 [145.5, 147.5]<br>141 [140, 142] | 3 | 3<br>0<br>- "
        "| undecided (2); reproduced (1) | `config/reproductions/mine.yaml` |"
    ]


def test_a_recorded_reproduction_names_the_commit_of_its_rules() -> None:
    for folder in RECORDED.iterdir():
        manifest = read_json(folder / "manifest.json")
        assert manifest["clean_tree"] is True
        assert len(manifest["commit"]) == 40
        assert manifest["config"]["experiment"] == folder.name
