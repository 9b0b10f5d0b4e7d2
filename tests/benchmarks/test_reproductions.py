import json
import math
import re
import shutil
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
import pytest
from scipy import stats

from benchmarks.marked import written
from benchmarks.parts import Parts
from benchmarks.reproductions import BEGIN, END, FURTHER, RECORDED, compared, experiments, table
from wae.core.errors import UserError
from wae.core.files import read_json, write_json

ROOT = Path(__file__).resolve().parents[2]


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
        "| A: VAE, MNIST, squared error per image<br>`mine` | - | 13.87&nbsp;±&nbsp;0.005, second hand "
        "| 13.866 | 1 | - | reproduced |",
        "| A: VAE, MNIST, Parzen log-likelihood<br>`mine` | - | 13.87&nbsp;±&nbsp;0.005, recalled "
        "| 13.866&nbsp;[13.5,&nbsp;14.25] | 3 | 2 | none:&nbsp;recalled |",
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
        "| A: VAE, MNIST, loss<br>`mine` | 1<br>10<br>30 "
        "| 205.16&nbsp;±&nbsp;2<br>145.5&nbsp;±&nbsp;2<br>140&nbsp;±&nbsp;2 "
        "| 206.2&nbsp;[205.2,&nbsp;207.2]<br>146.5&nbsp;[145.5,&nbsp;147.5]<br>141&nbsp;[140,&nbsp;142] "
        "| 3 | 3<br>0<br>- | undecided<br>reproduced<br>undecided |"
    ]


def test_rows_that_answer_one_number_stand_together_and_recalled_ones_last(tmp_path: Path) -> None:
    row = {"method": "vae", "dataset": "mnist", "published": 1.0, "tolerance": 0.5, "standing": "read"}
    row |= {"ours": 1.1, "low": 1.0, "high": 1.2, "seeds": 3, "below": 1, "outcome": "reproduced"}
    for config in ("first", "second"):
        rows = [
            row | {"source": "A", "metric": "parzen", "standing": "recalled", "outcome": ""},
            row | {"source": "C", "metric": "sse", "outcome": "undecided"},
            row | {"source": "B", "metric": "sse", "outcome": "not reproduced"},
            row | {"source": "B", "metric": "parzen"},
        ]
        (tmp_path / config).mkdir()
        (tmp_path / config / "published.json").write_text(json.dumps({"rows": rows}))
    titles = ("B: VAE, MNIST, Parzen log-likelihood", "B: VAE, MNIST, squared error per image")
    titles += ("C: VAE, MNIST, squared error per image", "A: VAE, MNIST, Parzen log-likelihood")
    assert [line.split(" | ")[0] for line in table(tmp_path).splitlines()[2:]] == [
        f"| {text}<br>`{config}`" for title in titles for text, config in ((title, "first"), ("the same", "second"))
    ]


def test_a_recorded_reproduction_names_the_commit_of_its_rules() -> None:
    for folder in RECORDED.iterdir():
        manifest = read_json(folder / "manifest.json")
        assert manifest["clean_tree"] is True
        assert len(manifest["commit"]) == 40
        assert manifest["config"]["experiment"] == folder.name
        assert (ROOT / f"config/reproductions/{FURTHER.sub('', folder.name)}.yaml").exists()


def runs_that_would_decide(folder: Path) -> list[int]:
    """How many runs of this mean and spread each undecided number would need, by Student's interval."""
    scores = pd.read_csv(folder / "metrics.csv")
    needed = []
    for row in read_json(folder / "published.json")["rows"]:
        if row["outcome"] == "undecided":
            values = scores[(scores["metric"] == row["our_metric"]) & (scores["seed"] >= 0)]["value"]
            edge = abs(abs(values.mean() - row["published"]) - row["tolerance"])
            runs = range(len(values), 1000)
            needed.append(next(n for n in runs if stats.t.ppf(0.975, n - 1) * values.std() / math.sqrt(n) <= edge))
    return sorted(needed)


def test_the_runs_that_would_decide_the_rest_of_kerass_log_are_those_of_the_record() -> None:
    text = " ".join((ROOT / "docs/reproductions.md").read_text(encoding="utf-8").split())
    said = text.partition("What would decide the rest.")[2].partition("So forty runs")[0]
    needed = runs_that_would_decide(RECORDED / "keras_vae_repeated")
    assert sorted(map(int, re.findall(r"(\d+) \(", said))) == needed
    assert len(needed) == 8
    assert sum(n <= 40 for n in needed) == 6
    of_the_page, of_the_earlier_log = runs_that_would_decide(RECORDED / "keras_vae_two_epochs")
    assert of_the_page < 100
    assert f"{of_the_earlier_log} such runs would decide" in text


def test_what_came_out_of_kerass_logs_is_what_is_recorded() -> None:
    page, earlier = (f"Variational AutoEncoder (Keras code example{which})" for which in ("", ", an earlier log"))
    answers = [
        ("the page's", page, "keras_vae_repeated_first_epoch", (1,)),
        ("the page's", page, "keras_vae_repeated", (2, 5, 10, 20, 30)),
        ("the earlier one", earlier, "keras_vae_two_epochs", (1, 2)),
    ]
    came_out: dict[tuple[str, str], dict[str, list[str]]] = {}
    for log, source, name, epochs in answers:
        rows = {(r["source"], r["metric"]): r for r in read_json(RECORDED / name / "published.json")["rows"]}
        for score, word in (("reconstruction", "reconstruction"), ("penalty", "KL divergence")):
            for epoch in epochs:
                outcome = rows[source, f"training_{score}_epoch{epoch}"]["outcome"]
                came_out.setdefault((log, outcome), {}).setdefault(word, []).append(str(epoch))
    text = (ROOT / "docs/reproductions.md").read_text(encoding="utf-8")
    outcomes = ("reproduced", "not reproduced", "undecided")
    for log in ("the page's", "the earlier one"):
        cells = [
            "; ".join(f"{word}: {', '.join(epochs)}" for word, epochs in sorted(of.items(), reverse=True))
            for of in (came_out[log, outcome] for outcome in outcomes)
        ]
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {log}, ")]
        assert line.split(" | ", 1)[1] == " | ".join(cells) + " |"
    counts = [
        sum(len(e) for (_, o), of in came_out.items() if o == outcome for e in of.values()) for outcome in outcomes
    ]
    assert counts == [2, 9, 5]
    assert "**two\nare reproduced, nine are not, and five are undecided**" in text


def part(tmp_path: Path, name: str, seed: int, parzen: float, **evaluation: int) -> Path:
    """The recorded adversarial autoencoder as if its one run had this ``seed`` and this estimate."""
    made = tmp_path / name
    shutil.copytree(RECORDED / "aae_mnist", made)
    scores = pd.read_csv(made / "metrics.csv")
    ours = scores["seed"] == 0
    assert ours.any()
    scores.loc[ours & (scores["metric"] == "parzen"), "value"] = parzen
    scores.loc[ours, "seed"] = seed
    scores.to_csv(made / "metrics.csv", index=False)
    manifest = read_json(made / "manifest.json")
    manifest["config"] |= {"experiment": name}
    manifest["config"]["evaluation"] |= evaluation
    write_json(made / "manifest.json", manifest)
    return made


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ((341.0, 342.0, 343.5), "reproduced"),
        ((338.0, 342.0, 345.5), "undecided"),
        ((351.0, 352.0, 353.5), "not reproduced"),
    ],
)
def test_seeds_of_several_experiments_have_one_verdict_on_the_interval_of_all(
    tmp_path: Path, values: tuple[float, ...], outcome: str
) -> None:
    names = ("aae_mnist", "aae_mnist_2", "aae_mnist_3")
    folders = [part(tmp_path, name, seed, value) for seed, (name, value) in enumerate(zip(names, values, strict=True))]
    assert experiments(tmp_path) == {"aae_mnist": folders}
    (row,) = [row for row in compared(folders) if row["method"] == "aae" and row["outcome"] != "not comparable"]
    half = float(stats.t.ppf(0.975, 2)) * stdev(values) / math.sqrt(3)
    assert (row["ours"], row["low"], row["high"]) == pytest.approx(
        (mean(values), mean(values) - half, mean(values) + half)
    )
    assert (row["seeds"], row["below"], row["outcome"]) == (3, sum(v < row["published"] for v in values), outcome)
    (line,) = [line for line in table(tmp_path).splitlines() if ": AAE, MNIST" in line]
    assert "<br>`aae_mnist` |" in line
    assert line.endswith(f"| 3 | {row['below']} | {outcome.replace(' ', '&nbsp;')} |")


def test_parts_are_other_seeds_of_the_same_protocol(tmp_path: Path) -> None:
    first, same = part(tmp_path, "aae_mnist", 0, 341.0), part(tmp_path, "aae_mnist_2", 0, 342.0)
    with pytest.raises(UserError, match=r"aae_mnist_2: has mnist/aae/seed0, as .*aae_mnist; keep one"):
        Parts([first, same])
    other = part(tmp_path, "aae_mnist_3", 1, 342.0, parzen_samples=1000)
    with pytest.raises(UserError, match=r"aae_mnist_3: evaluation: parzen_samples is 1000 and in .* 10000; runs of"):
        Parts([first, other])
    manifest = read_json(other / "manifest.json")
    manifest["config"]["evaluation"]["parzen_samples"] = 10000
    manifest["plan"][-1]["settings"]["dropout"] = 0.3
    write_json(other / "manifest.json", manifest)
    with pytest.raises(UserError, match=r"mnist/aae: dropout is 0.3 and in .* 0.2; runs of another protocol"):
        Parts([first, other])
