import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

SCRIPT = """
import json, sys
from pathlib import Path
import yaml
from wae.data.source import load, prepare
from wae.evaluation.features import build_extractor
from wae.evaluation.reference import build_reference
from wae.evaluation.run import evaluate
from wae.planning.plan import load_plan
from wae.core.settings import ExecutionSettings, EvaluationSettings, ExtractorSettings
from wae.training.loop import train

assert not any(name.startswith("my_") for name in sys.modules)
plan = load_plan("mine.yaml")
print(len(plan.runs), plan.methods)
prepare(plan.config.datasets["checkers"], None, Path("data"))
run = plan.cells["checkers", "moments", 1]
small = run.model_copy(update={"training": run.training.model_copy(update={"snapshots": 0})})
train(small, Path("data"), Path("run"), ExecutionSettings(device="cpu"), "code")
extractor = ExtractorSettings(width=4, features=8, epochs=1, min_steps=20)
build_extractor(Path("data"), extractor, Path("extractor"))
fast = plan.config.evaluation.model_dump() | {"draws": 1, "curve_points": 0, "permutations": 19, "halves": 2}
settings = EvaluationSettings.model_validate(fast)
build_reference(Path("data"), Path("extractor"), settings, [], Path("reference"))
evaluate(Path("run"), Path("data"), [Path("reference")], settings)
print(len(load(Path("data"), "train").images))
"""

REPORT = """
from pathlib import Path
from wae.analysis import files, summarise
from wae.analysis.claims.judging import judge_file
from wae.analysis.results import Results
from wae.analysis.collecting import collect
from wae.core.files import write_json
from wae.planning.config import read_config
from wae.planning.plan import load_plan
from wae.report.figures.draw import figures
from wae.report.page.render import page
from wae.report.tables.write import tables

plan = load_plan(read_config(Path("mine.yaml")))
run = plan.cells["checkers", "moments", 1]
folder = Path("results/mine")
collect([run], [Path("run")], [Path("reference/reference.json")], folder / "metrics.csv", folder / "runs.csv", "mine")
config = plan.config.model_dump()
config["report"]["primary"] = "fid_extractor"  # of the folder that the script above put the extractor into
write_json(folder / "plan.json", {"config": config, "runs": [run.model_dump()]})
results = Results(folder)
summarise(results)
files.CLAIMS.write(folder, judge_file(results, plan.config.report.claims))
tables(folder, Path("report/tables"))
figures(folder, Path("report/figures"))
page(folder, Path("report"), Path("report/summary.html"))
"""

FOREIGN = ("my_tensorboard.py", "my_mlflow.py")  # trackers of packages that the suite does not need: not run
PARTS = ("my_tracker.py", "my_networks.py", "my_prior.py", "my_cost.py", "parts.yaml")
TRAIN_PARTS = """
from pathlib import Path
from wae.core.settings import ExecutionSettings
from wae.data.source import prepare
from wae.planning.config import read_config
from wae.planning.plan import load_plan
from wae.training.loop import train

plan = load_plan(read_config(Path("parts.yaml")))
prepare(plan.config.datasets["digits"], None, Path("digits"))
for run in plan.runs:
    execution = ExecutionSettings(device="cpu", trackers=["my_tracker:json_lines"])
    train(run, Path("digits"), Path(run.method), execution, "code")
"""

TYPOS = """
import os
import sys
from pathlib import Path

from wae.commands.check import check_plugins
from wae.core.errors import UserError
from wae.planning.plan import load_plan

for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path.insert(0, folder)
    for name in [name for name in sys.modules if name.startswith("my_")]:
        del sys.modules[name]
    try:
        check_plugins(load_plan(Path("mine.yaml")))
        print("accepted")
    except UserError as error:
        print(str(error).splitlines()[-1])
"""


def blocks(text: str) -> dict[str, str]:
    """The document's code blocks by the file name in their first line."""
    return {
        match[2]: match[1]
        for match in re.finditer(r"^```(?:python|yaml)\n(# (\S+)\n.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    }


@pytest.fixture(scope="module")
def outside(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the project with the document's files, and nothing else."""
    folder = tmp_path_factory.mktemp("outside")
    files = blocks((root / "docs/extending.md").read_text())
    assert set(files) == {"my_method.py", "my_learned_prior.py", *PARTS, "my_dataset.py", "my_metric.py", "my_judge.py",
                          "my_claims.yaml", "my_figure.py", "mine.yaml", "weights.yaml", *FOREIGN}  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def python(root: Path, folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{root}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_documents_text_runs_from_outside_the_package(root: Path, outside: Path) -> None:
    result = python(root, outside, SCRIPT)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.splitlines() == ["6 ['wae_mmd', 'moments']", "400"]
    fate = json.loads((outside / "run/run.json").read_text())
    assert (fate["status"], fate["epochs"]) == ("finished", 5)
    history = (outside / "run/history.csv").read_text().splitlines()
    losses = [float(line.split(",")[history[0].split(",").index("loss")]) for line in history[1:]]
    assert losses[-1] < losses[0]
    rows = json.loads((outside / "run/metrics.json").read_text())["rows"]
    own = {row["subject"]: row["value"] for row in rows if row["metric"] == "brightness_gap"}
    assert set(own) == {"prior", "mixture", "reconstruction", "interpolation"}
    assert all(0 <= value <= 255 for value in own.values())


WEIGHTS = """
from wae.commands.check import check_plugins
from wae.planning.plan import load_plan

plan = load_plan("weights.yaml")
check_plugins(plan)
print(len(plan.runs), sorted({run.training.lambda_ for run in plan.runs}), plan.runs[-1].training.options)
"""


def test_the_documents_search_for_a_weight_is_planned(root: Path, outside: Path) -> None:
    result = python(root, outside, WEIGHTS)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.splitlines() == ["30 [0.1, 1.0, 10.0, 100.0, 1000.0] {'covariance': 0.5}"]


def test_the_documents_networks_prior_and_cost_train(root: Path, outside: Path) -> None:
    result = python(root, outside, TRAIN_PARTS)
    assert result.returncode == 0, result.stderr[-3000:]
    for method in ("own_parts", "own_widths"):
        history = (outside / method / "history.csv").read_text().splitlines()
        losses = [float(line.split(",")[history[0].split(",").index("loss")]) for line in history[1:]]
        assert losses[-1] < losses[0]
        tracked = [json.loads(line) for line in (outside / f"digits-{method}-seed0.jsonl").read_text().splitlines()]
        assert [row["loss"] for row in tracked] == losses
        weights = load_file(outside / method / "weights.safetensors")
        assert ("encoder.2.layers.0.weight" in weights) == (method == "own_parts")


LEARNED = """
import torch
from wae.compute.seeds import Streams
from wae.core.settings import RunSettings, TrainingSettings
from wae.methods.base import build

own = {"implementation": "wae.methods.wae_mmd:WAEMMD", "prior": "my_learned_prior:LearnedNormal"}
training = TrainingSettings(**own, width=4, depth=2, latent_dim=3)
method = build(RunSettings(dataset="d", method="m", seed=0, shape=[1, 8, 8], training=training)).train()
method.prepare_training()
before = {name: p.detach().clone() for name, p in method.named_parameters()}
streams = Streams(0)
for _ in range(5):
    method.step(torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8), streams)
print(sorted(name for name, p in method.named_parameters() if (p != before[name]).all() and name.startswith("prior")))
"""


def test_the_documents_learned_prior_moves(root: Path, outside: Path) -> None:
    result = python(root, outside, LEARNED)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.splitlines() == ["['prior.log_scale', 'prior.mean']"]


def test_a_claim_and_a_figure_of_ones_own_stand_on_the_page(root: Path, outside: Path) -> None:
    if not (outside / "run/metrics.json").exists():
        assert python(root, outside, SCRIPT).returncode == 0
    result = python(root, outside, REPORT)
    assert result.returncode == 0, result.stderr[-3000:]
    (claim,) = json.loads((outside / "results/mine/claims.json").read_text())["claims"]
    assert (claim["id"], claim["verdict"]) in [("brightness", "supported"), ("brightness", "refuted")]
    assert claim["threshold"].startswith("Supported where it is below 100 grey levels")
    assert claim["evidence"][0]["value"] == pytest.approx(float(claim["summary"].split()[4]), rel=0.01)
    page = (outside / "report/summary.html").read_text()
    assert "Matching two moments keeps the samples as bright as the images." in page
    assert 'id="figure-checkers_brightness_and_distance"' in page
    assert "Figures of this config" in page
    assert (outside / "report/figures/checkers_brightness_and_distance.pdf").stat().st_size > 1000


FAULTS = [  # (file, what is written there, the fault in its place, what the refusal says)
    ("mine.yaml", "count: 500", "count: 500", "accepted"),
    ("mine.yaml", "my_method:Moments", "my_method:Moment", "did you mean 'Moments'"),
    ("mine.yaml", "my_dataset:checkers", "my_datasets:checkers", "module 'my_datasets' is neither part of wae"),
    ("mine.yaml", "my_metric:brightness_gap", "my_metric:brightnes_gap", "did you mean 'brightness_gap'"),
    ("mine.yaml", "covariance: 0.5", "covarianse: 0.5", "did you mean 'covariance'"),
    ("mine.yaml", "count: 500", "counts: 500", "did you mean 'count'"),
    ("my_method.py", '("normal",)', '("sphere",)', "prior 'normal': Moments takes 'sphere'"),
    ("my_claims.yaml", "my_judge:brightness", "my_judge:brightnes", "did you mean 'brightness'"),
    ("my_judge.py", "-> Judgement", "", "says that it returns nothing; annotate it with `-> Judgement`"),
    ("mine.yaml", "my_figure:gaps", "my_figure:gap", "did you mean 'gaps'"),
    ("my_figure.py", "-> list[Plot]", "-> Plot", "says that it returns Plot"),
]


@pytest.fixture(scope="module")
def refusals(root: Path, outside: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the check of plug-ins says last of the document's files with each of FAULTS; one process looks at all."""
    folders = []
    for file, old, new, _ in FAULTS:
        folder = tmp_path_factory.mktemp("fault")
        for path in outside.iterdir():
            if path.is_file():
                text = path.read_text()
                assert path.name != file or old in text
                (folder / path.name).write_text(text.replace(old, new) if path.name == file else text)
        folders.append(str(folder))
    result = python(root, outside, TYPOS, *folders)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.splitlines()


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_typos_are_refused_when_the_plan_is_made(refusals: list[str], number: int) -> None:
    assert FAULTS[number][-1] in refusals[number]
