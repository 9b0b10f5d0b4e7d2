"""``python -m wae STAGE``: one subcommand a stage, the same that the rules of the workflow call.

Each stage imports only what it needs, when it runs. A stage's settings come as one JSON argument,
``--job``, which also carries the digest of the code that its numbers depend on.
"""

import argparse
import faulthandler
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wae.core.errors import UserError
from wae.core.exits import in_words
from wae.core.files import remove_leftovers
from wae.core.locks import alone

Arguments = argparse.Namespace
ALONE = ("prepare", "extractor", "reference", "evaluate", "timing")  # train sees to it itself


def execution() -> Any:
    """Where to run, from the WAE_EXECUTION environment variable that the Snakefile sets (defaults without it)."""
    from wae.core.settings import ExecutionSettings

    return ExecutionSettings.model_validate_json(os.environ.get("WAE_EXECUTION", "{}"))


def prepare(a: Arguments) -> None:
    """Prepare a dataset into uint8 arrays."""
    from wae.core.settings import DatasetSettings
    from wae.data.source import prepare as run

    root = os.environ.get("WAE_DATA_ROOT")
    run(DatasetSettings.model_validate(a.job["dataset"]), Path(root) if root else None, a.out)


def extractor(a: Arguments) -> None:
    """Train the classifier whose features the distances use, or record which Inception weights they use."""
    from wae.compute.devices import setup
    from wae.core.settings import ExtractorSettings
    from wae.evaluation.features import build_extractor

    setup(execution())
    build_extractor(a.data, ExtractorSettings.model_validate(a.job["extractor"]), a.out)


def reference(a: Arguments) -> None:
    """Features, statistics and scores of the real data."""
    from wae.compute.devices import setup
    from wae.core.settings import EvaluationSettings
    from wae.evaluation.reference import build_reference

    device = setup(execution())
    settings = EvaluationSettings.model_validate(a.job["evaluation"])
    build_reference(a.data, a.extractor, settings, a.job["validation_fractions"], a.out, device)


def train(a: Arguments) -> None:
    """Train one run."""
    from wae.core.settings import RunSettings
    from wae.training.loop import train as run

    run(RunSettings.model_validate(a.job["run"]), a.data, a.out, execution(), a.job["code"])


def evaluate(a: Arguments) -> None:
    """Score one trained run."""
    from wae.compute.devices import setup
    from wae.core.settings import EvaluationSettings
    from wae.evaluation.run import evaluate as run

    device = setup(execution())
    run(a.run, a.data, a.reference, EvaluationSettings.model_validate(a.job["evaluation"]), device)


def plan(a: Arguments) -> None:
    """Write a config's plan: the merged config and every run with its settings."""
    from wae.core.files import write_json
    from wae.planning.plan import load_plan

    made = load_plan(a.job["config"])
    extractors = {name: made.config.extractors[name].model_dump() for name in made.config.run.extractors}
    write_json(
        a.out,
        {
            "config": made.config.model_dump() | {"extractors": extractors},
            "runs": [run.model_dump() for run in made.runs],
            "data": {name: made.data_id(name) for name in made.config.run.datasets},
            "extractors": {name: made.extractor_id(name) for name in made.config.run.extractors},
            "references": {name: made.reference_id(name) for name in made.config.run.extractors},
        },
    )


def timing(a: Arguments) -> None:
    """The wall-clock study."""
    from wae.timing import run_study_of_plan

    run_study_of_plan(a.plan, a.results, execution(), a.out)


def collect(a: Arguments) -> None:
    """Gather every run's scores into metrics.csv and runs.csv."""
    from wae.analysis.runs import collect_plan

    collect_plan(a.plan, a.results, a.out, partial=a.partial)


def analyse(a: Arguments) -> None:
    """Fits, statistics and the verdict of each claim."""
    from wae.analysis import analyse as run

    run(a.experiment, a.claims, a.anchors)


def manifest(a: Arguments) -> None:
    """Record what was run, with which versions, on which machine."""
    from wae.commands.manifest import write_manifest

    write_manifest(a.plan, a.results, a.out)


def tables(a: Arguments) -> None:
    """Tables as CSV, Markdown and LaTeX."""
    from wae.report.tables.write import tables as run

    run(a.experiment, a.out)


def figures(a: Arguments) -> None:
    """Figures as SVG, PDF and PNG."""
    from wae.report.figures.draw import figures as run

    run(a.experiment, a.out, a.processes)


def page(a: Arguments) -> None:
    """The self-contained summary page."""
    from wae.report.page.render import page as run

    run(a.experiment, a.report, a.out, partial=a.partial)
    print(f"wrote {a.out}")


def partial(a: Arguments) -> None:
    """The page of what is complete, with what is missing marked."""
    from wae.commands.partial import report_partial

    report_partial(a.plan, a.results, a.claims, a.anchors, a.out)
    print(f"wrote {a.out}")


def status(a: Arguments) -> None:
    """What runs now, how far it is, when it should end."""
    from wae.commands.status import print_status

    print_status(a.results)


def verify(a: Arguments) -> None:
    """Compare a fresh run with a recorded one; with --cell rerun just that one."""
    from wae.commands.verify import verify as run

    if not run(a.recorded, a.results, a.cell):
        raise UserError(f"the fresh run differs from {a.recorded}")


def score(a: Arguments) -> None:
    """Score the images of any model against a dataset's, as if they were samples of a method here."""
    from wae.compute.devices import setup
    from wae.evaluation.score import as_table, score_against

    device = setup(execution())
    print(as_table(score_against(a.images, a.reference, a.config, a.results, device)))


def check(a: Arguments) -> None:
    """Check a config file and say how many runs it plans."""
    from wae.planning.plan import load_plan, read_config

    made = load_plan(read_config(a.config))
    print(
        f"{a.config}: {len(made.runs)} runs of {len(made.methods)} methods on {len(made.config.run.datasets)} datasets"
    )


def doctor(a: Arguments) -> None:
    """Check versions, devices, disk and data before a long run."""
    from wae.commands.doctor import print_findings
    from wae.planning.plan import load_plan, read_config

    if not print_findings(load_plan(read_config(a.config))):
        raise UserError("not ready: see to the findings marked error")


def schema(a: Arguments) -> None:
    """Write the JSON schema of a config, as YAML."""
    import yaml

    from wae.core.files import write_text
    from wae.core.settings import Config

    write_text(a.out, yaml.safe_dump(Config.model_json_schema(), sort_keys=True, width=120))


ARGUMENTS: dict[str, dict[str, Any]] = {  # of an option or argument; all others are required paths
    "--job": {"required": True, "type": json.loads, "help": "settings and code digest, as JSON"},
    "--cell": {"metavar": "DATASET/METHOD/seedN", "help": "rerun and compare only this run"},
    "--partial": {"action": "store_true", "help": "take what is complete, mark what is missing"},
    "--reference": {"action": "append", "required": True, "type": Path, "help": "repeatable"},
    "--reference DATASET": {"required": True, "metavar": "DATASET", "help": "a dataset that the config runs on"},
    "--processes": {"type": int, "default": 1, "help": "side by side"},
    "--results": {"type": Path, "default": Path("results")},
    "--config": {"type": Path, "default": Path("config/config.yaml")},
    "recorded": {"type": Path, "help": "folder of the recorded result"},
    "images": {"type": Path, "help": "a folder of images or a .npy of uint8"},
}

STAGES: dict[Callable[[Arguments], None], list[str]] = {
    prepare: ["--job", "--out"],
    extractor: ["--job", "--data", "--out"],
    reference: ["--job", "--data", "--extractor", "--out"],
    train: ["--job", "--data", "--out"],
    evaluate: ["--job", "--run", "--data", "--reference"],
    plan: ["--job", "--out"],
    timing: ["--plan", "--results", "--out"],
    collect: ["--plan", "--results", "--out", "--partial"],
    analyse: ["--experiment", "--claims", "--anchors"],
    manifest: ["--plan", "--results", "--out"],
    tables: ["--experiment", "--out"],
    figures: ["--experiment", "--out", "--processes"],
    page: ["--experiment", "--report", "--out", "--partial"],
    partial: ["--plan", "--results", "--claims", "--anchors", "--out"],
    status: ["--results"],
    verify: ["recorded", "--results", "--cell"],
    score: ["images", "--reference DATASET", "--config", "--results"],
    check: ["--config"],
    doctor: ["--config"],
    schema: ["--out"],
}


def parser() -> argparse.ArgumentParser:
    """The command line: a subcommand for each stage, its help from the function's docstring."""
    top = argparse.ArgumentParser(prog="python -m wae", description=__doc__)
    stages = top.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for function, options in STAGES.items():
        stage = stages.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        stage.set_defaults(function=function)
        for option in options:
            name = option.partition(" ")[0]
            stage.add_argument(name, **ARGUMENTS.get(option, {"type": Path, "required": True}))
    return top


def main() -> int:
    """Run a stage; a UserError is one line on stderr and exit status 1, a stop signal exit status 143 or 130."""
    arguments = parser().parse_args()
    faulthandler.enable()  # of a fault in native code, such as a file cut short while it is mapped, the log says where
    return in_words(arguments.stage, lambda: run_stage(arguments))


def run_stage(a: Arguments) -> None:
    """Run the stage that the command line names, alone in its folder where two of them would be in each other's way."""
    if a.stage not in ALONE:
        a.function(a)
        return
    folder = a.run if a.stage == "evaluate" else a.out
    with alone(folder, a.stage):
        if a.stage != "timing":  # whose folder is the whole experiment's
            remove_leftovers(folder)
        a.function(a)


if __name__ == "__main__":
    sys.exit(main())
