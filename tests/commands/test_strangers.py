"""What strangers bring: recorded folders, plans and configs that name what they should not. Nothing of it runs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.commands.test_verify import manifest
from tests.shared.results import make
from wae.analysis.claims.judging import check_judges
from wae.analysis.collecting import write_table
from wae.analysis.results import Results
from wae.analysis.runs import METRICS_COLUMNS
from wae.commands.check import check_plugins
from wae.commands.claims import claims as judge
from wae.commands.compare import compare
from wae.commands.verify import verify
from wae.core.errors import UserError
from wae.core.files import read_json, write_json
from wae.core.settings import DatasetSettings, ExtractorSettings, RunSettings, TrainingSettings
from wae.data.source import prepare
from wae.evaluation.features import build_extractor
from wae.evaluation.own import OwnMetrics
from wae.methods.base import build
from wae.models.costs import find_cost
from wae.models.networks import build_networks
from wae.models.priors import build_prior
from wae.planning.config import merge
from wae.planning.plan import load_plan
from wae.report.figures.own import find as find_figure
from wae.training.trackers import Trackers

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ("subprocess:run", "shutil:rmtree", "os:system", "builtins:eval", "posix:system", "numpy:load", "torch:load")
# What modules of this suite import from elsewhere, and functions of its own that are something else.
BORROWED = (
    "wae.core.files:Callable",
    "wae.core.files:sha256_file",
    "wae.core.files:write_bytes",
    "wae.core.plugins:load",
)


@pytest.fixture(autouse=True)
def untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A working folder in which a file and a folder outside results/ stay as they are."""
    (tmp_path / "precious/digits/vae/seed0").mkdir(parents=True)
    (tmp_path / "precious/digits/vae/seed0/file").write_text("precious")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    before = set(tmp_path.rglob("*"))
    yield
    assert (tmp_path / "precious/digits/vae/seed0/file").read_text() == "precious"
    after = {path for path in tmp_path.rglob("*") if "recorded" not in path.parts and "results" not in path.parts}
    assert after <= before | {tmp_path / "work/plan.json", tmp_path / "work/claims.yaml"}


def refused(dotted: str, stage: Callable[[], object]) -> None:
    with pytest.raises(UserError) as caught:
        stage()
    assert dotted in str(caught.value)
    assert "\n" not in str(caught.value)


def training(**changes: Any) -> TrainingSettings:
    return TrainingSettings(**({"implementation": "baselines.vae:VAE"} | changes))


def run_of(**changes: Any) -> RunSettings:
    return RunSettings(dataset="digits", method="m", seed=0, shape=[1, 8, 8], training=training(**changes))


def claims(dotted: str) -> Path:
    path = Path("claims.yaml")
    text = (ROOT / "config/claims.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("judge: cost", f"judge: {dotted}"), encoding="utf-8")
    return path


STAGES: dict[str, Callable[[str], object]] = {
    "source": lambda d: prepare(
        DatasetSettings(source=d, shape=[1, 8, 8], options={"path": "../precious"}),
        Path("../precious"),
        Path("results"),
    ),
    "implementation": lambda d: build(run_of(implementation=d)),
    "architecture": lambda d: build_networks(training(architecture=d), (1, 8, 8)),
    "prior": lambda d: build_prior(training(prior=d)),
    "cost": lambda d: find_cost(d),
    "metric": lambda d: OwnMetrics([d]),
    "extractor": lambda d: build_extractor(Path("results"), ExtractorSettings(kind=d), Path("results/out")),
    "judge": lambda d: check_judges(claims(d)),
    "figure": find_figure,
    "tracker": lambda d: Trackers([d], "cell"),
}
CHANGES: dict[str, Callable[[str], dict[str, Any]]] = {
    "source": lambda d: {"datasets": {"digits": {"source": d}}},
    "implementation": lambda d: {"training": {"methods": {"vae": {"implementation": d}}}},
    "architecture": lambda d: {"training": {"common": {"architecture": d}}},
    "prior": lambda d: {"training": {"common": {"prior": d}}},
    "cost": lambda d: {"training": {"methods": {"wae_mmd": {"cost": d}}}},
    "metric": lambda d: {"evaluation": {"metrics": [d]}},
    "extractor": lambda d: {"extractors": {"classifier": {"kind": d}}},
    "figure": lambda d: {"report": {"figures": [d]}},
    "judge": lambda d: {"report": {"claims": str(claims(d))}},
    "tracker": lambda d: {"execution": {"trackers": [d]}},
}


@pytest.mark.parametrize("dotted", [*FOREIGN, *BORROWED])
@pytest.mark.parametrize("kind", sorted(STAGES))
def test_what_is_no_plug_in_is_refused_by_its_stage(kind: str, dotted: str) -> None:
    refused(dotted, lambda: STAGES[kind](dotted))


@pytest.mark.parametrize("kind", sorted(CHANGES))
@pytest.mark.parametrize("dotted", [*FOREIGN, *BORROWED])
def test_what_is_no_plug_in_is_refused_by_the_check(kind: str, dotted: str, smoke: dict[str, Any]) -> None:
    changes = CHANGES[kind](dotted)
    with pytest.raises(UserError, match=dotted.replace(".", r"\.")):
        check_plugins(load_plan(merge(smoke, changes)))


def test_the_command_refuses_in_one_line(smoke: dict[str, Any], tmp_path: Path) -> None:
    write_json("results/c.json", merge(smoke, CHANGES["source"]("subprocess:run")))
    done = subprocess.run(
        [sys.executable, "-m", "wae", "check", "--config", "results/c.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "'subprocess:run'" in done.stderr
    assert "Traceback" not in done.stderr


def record(smoke: dict[str, Any], **changes: Any) -> Path:
    """A recorded folder whose manifest is that of the smoke config's first VAE, changed."""
    run = load_plan(smoke).run("digits/vae/seed0")
    cell = {"dataset": "digits", "method": "vae", "seed": 0, "settings": run.training.model_dump()}
    folder = Path("recorded")
    write_json(folder / "manifest.json", manifest(experiment="smoke", config=smoke, plan=[cell]) | changes)
    row = {"experiment": "smoke", "dataset": "digits", "method": "vae", "seed": 0, "metric": "mse", "value": 1.0}
    write_table(folder / "metrics.csv", [row], METRICS_COLUMNS)
    return folder


NAMES = (
    "x/../../../precious",
    "../precious",
    "/etc",
    "..",
    "",
    ".",
    "a b",
    "a\nb",
    "a\x1b[31m",
    "a" * 65,
    3,
    None,
    ["a"],
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", ["experiment", "dataset", "method", "seed"])
@pytest.mark.parametrize("cell", [None, "digits/vae/seed0"])
def test_a_hostile_name_of_a_record_is_refused(key: str, name: Any, cell: str | None, smoke: dict[str, Any]) -> None:
    folder = record(smoke)
    document = read_json(folder / "manifest.json")
    (document if key == "experiment" else document["plan"][0])[key] = name
    write_json(folder / "manifest.json", document)
    with pytest.raises(UserError, match=key) as caught:
        verify(folder, Path("results"), cell)
    assert str(caught.value).isprintable()
    assert not Path("results").exists()


@pytest.mark.parametrize("kind", sorted({*CHANGES} - {"figure", "judge", "tracker"}))
@pytest.mark.parametrize("dotted", FOREIGN)
def test_a_record_runs_no_code_that_a_config_may_not_name(kind: str, dotted: str, smoke: dict[str, Any]) -> None:
    hostile = merge(smoke, CHANGES[kind](dotted))
    cell = {"dataset": "digits", "method": "vae", "seed": 0, "settings": {}}
    folder = record(smoke, config=hostile, plan=[cell])
    with pytest.raises(UserError):
        verify(folder, Path("results"), "digits/vae/seed0")
    assert not Path("results").exists()


@pytest.mark.parametrize("kind", ["figure", "judge", "tracker"])
def test_what_decides_no_score_is_left_out(kind: str, smoke: dict[str, Any]) -> None:
    from wae.commands.recorded import config_to_rerun, read_recorded

    folder = record(smoke, config=merge(smoke, CHANGES[kind]("os:system")))
    check_plugins(load_plan(config_to_rerun(read_recorded(folder))))


@pytest.mark.parametrize("place", ["recorded.code", "code_in_cwd"])
def test_code_that_came_with_the_record_is_not_run(
    place: str, smoke: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = record(smoke, config=merge(smoke, {"evaluation": {"metrics": [f"{place}:score"]}})).resolve()
    (folder / f"{place.rpartition('.')[2]}.py").write_text("open('../../precious/owned', 'w')\n")
    if place == "code_in_cwd":
        monkeypatch.chdir(folder)
    with pytest.raises(UserError, match="is code that came with"):
        verify(folder, Path("results"), "digits/vae/seed0")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"plan": "x"}, "plan"),
        ({"plan": [3]}, r"plan\.0"),
        ({"plan": [{}]}, r"plan\.0\.dataset"),
        ({"config": []}, "config"),
        ({"config": {"experiment": "e"}}, "run"),
        ({"commit": "\x1b[31mx"}, "commit"),
        ({"versions": 3}, "versions"),
        ({"hardware": []}, "hardware"),
    ],
)
def test_a_manifest_of_another_form_is_one_line(change: dict[str, Any], says: str, smoke: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=says):
        verify(record(smoke, **change), Path("results"), "digits/vae/seed0")


def test_nothing_of_a_record_reaches_the_terminal_raw(
    smoke: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(smoke, versions={"torch": "2\x1b[31m"}, hardware={"processor": "P\x1b]0;x\x07\n"})
    rows = [{"experiment": "smoke", "dataset": "d\x1b[2J", "method": "m", "seed": 0, "metric": "x", "value": 1.0}]
    write_table(folder / "metrics.csv", rows, METRICS_COLUMNS)
    write_table(Path("results/smoke/metrics.csv"), [rows[0] | {"dataset": "d"}], METRICS_COLUMNS)
    verify(folder, Path("results"))
    assert "\x1b" not in capsys.readouterr().out


def test_nothing_of_compared_or_judged_folders_reaches_the_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [make(tmp_path / "recorded" / name, datasets=("digits",)) for name in ("a", "b")]
    document = read_json(folders[1] / "manifest.json")
    document["commit"] = "\x1b[2J"
    document["hardware"]["processor"] = "P\x1b]0;pwned\x07\x1b[2J [click](javascript:alert(1))"
    document["experiment"] = document["config"]["experiment"] = "e\x1b[2J"
    write_json(folders[1] / "manifest.json", document)
    judge(folders[1:], ROOT / "config/claims.yaml")
    table = (folders[1] / "metrics.csv").read_text(encoding="utf-8")
    (folders[1] / "metrics.csv").write_text(table.replace("digits", "d\x1b[2J"), encoding="utf-8")
    compare(*folders, Path("results/comparison.html"))
    said = capsys.readouterr().out
    assert "]0;pwned[2J" in said
    assert "](javascript" not in said
    assert said.replace("\n", "").isprintable()


FORMS: dict[str, tuple[Any, ...]] = {
    "manifest.json": (
        *({"data": 5}, {"data": {"x": 5}}, {"plan": 5}, {"plan": ["x"]}, {"plan": [{}]}, {"extractors": {"x": []}}),
        *({"config": "x"}, {"config": {"extractors": 5}}, {"hardware": []}, {"versions": "x"}, {"commit": 5}),
    ),
    "plan.json": ({"runs": 5}, {"runs": "x"}, {"runs": [5]}, {"runs": [{}]}, {"config": 5}, {"config": {"run": []}}),
    "metrics.csv": (("seed", "x"), ("seed", ""), ("seed", "1e999"), ("seed", "0.5"), ("value", "x"), ("samples", "x")),
    "timing.csv": (
        ("n", "x"),
        ("n", ""),
        ("latent_dim", "1e999"),
        ("critic_width", "x"),
        ("seconds", "x"),
        ("seconds", ""),
        ("low", "-5"),
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_compared_folders_of_another_form_are_one_line(name: str, tmp_path: Path) -> None:
    folders = [make(tmp_path / "recorded" / folder, datasets=("digits",)) for folder in ("a", "b")]
    path = folders[1] / name
    text = path.read_text(encoding="utf-8")

    def read() -> None:
        Results(folders[1]).timing()
        compare(*folders, Path("results/comparison.html"))

    for change in FORMS[name]:
        if name.endswith(".csv"):
            head, row, *rows = text.splitlines()
            cells = row.split(",")
            cells[head.split(",").index(change[0])] = change[1]
            path.write_text("\n".join([head, ",".join(cells), *rows]), encoding="utf-8")
        else:
            path.write_text(json.dumps(json.loads(text) | change), encoding="utf-8")
        with pytest.raises(UserError, match=name) as caught:
            read()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("key", ["dataset", "method"])
@pytest.mark.parametrize("name", ["../../precious", "x/y", "..", ""])
def test_a_plan_names_no_folder_elsewhere(key: str, name: str, smoke: dict[str, Any]) -> None:
    document = json.loads(json.dumps(load_plan(smoke).document()))
    document["runs"][0][key] = name
    write_json("plan.json", document)
    with pytest.raises(UserError, match=rf"plan\.json: {key}: "):
        load_plan("plan.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"runs": 5}, "runs: found 5, need a list; write it again"),
        ({"runs": None}, "runs: found None, need a list"),
        ({"runs": [5]}, "valid dict"),
        ({"config": {"\x1b[2J": 5}}, "x1b"),
        ({"config": 5}, "valid dict"),
    ],
)
def test_a_plan_of_another_form_is_one_line(change: dict[str, Any], says: str, smoke: dict[str, Any]) -> None:
    write_json("plan.json", merge(json.loads(json.dumps(load_plan(smoke).document())), change))
    with pytest.raises(UserError, match=says) as caught:
        load_plan("plan.json")
    assert str(caught.value).isprintable()


def test_a_plan_that_is_no_json_may_be_corrected_or_written_again() -> None:
    Path("plan.json").write_text('{"experiment": "mine",}')
    with pytest.raises(UserError, match=r"not valid JSON .*; correct it, or write it again with `wae plan`$"):
        load_plan("plan.json")


@pytest.mark.parametrize("name", ["data", "Reference", "recorded"])
def test_a_plan_takes_no_shared_folder(name: str, smoke: dict[str, Any]) -> None:
    document = json.loads(json.dumps(load_plan(smoke).document()))
    document["config"]["experiment"] = name
    write_json("plan.json", document)
    for source in ("plan.json", smoke | {"experiment": name}):
        with pytest.raises(UserError, match="is a folder that experiments share; rename it"):
            load_plan(source)


@pytest.mark.parametrize("kind", ["methods", "datasets"])
def test_names_that_differ_by_case_alone_are_refused(kind: str, smoke: dict[str, Any]) -> None:
    name = smoke["run"][kind][0]
    where = smoke["training"]["methods"] if kind == "methods" else smoke["datasets"]
    where[name.upper()] = where[name]
    smoke["run"][kind] = [*smoke["run"][kind], name.upper()]
    with pytest.raises(
        UserError, match=rf"run\.{kind}: '{name}' and '{name.upper()}' differ by case alone; rename one"
    ):
        load_plan(smoke)


def test_variants_that_differ_by_case_alone_and_datasets_named_like_files_are_refused(smoke: dict[str, Any]) -> None:
    smoke["training"]["methods"]["VAE"] = smoke["training"]["methods"]["vae"]
    smoke["run"]["vary"] = [{"methods": [name], "values": {"width": [8]}} for name in ("vae", "VAE")]
    with pytest.raises(UserError, match="'vae@width=8' and 'VAE@width=8' differ by case alone"):
        load_plan(smoke)
    smoke["run"]["vary"] = []
    smoke["datasets"]["plan.json"] = smoke["datasets"]["digits"]
    smoke["run"]["datasets"] = ["plan.json"]
    with pytest.raises(UserError, match=r"'plan\.json' is named like a file of results/; rename it"):
        load_plan(smoke)


def test_good_arrays_are_not_the_reason() -> None:
    """The fixtures above are refused for their names alone: the same calls with plug-ins pass."""
    assert np.shape(build(run_of()).sample(2, 0)) == (2, 1, 8, 8)
    assert find_cost("l1")(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)) == 4
