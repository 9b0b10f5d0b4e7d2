"""The command ``wae``: the stages that the rules of the workflow call, and what users ask of a config or a result.

Every stage takes ``--plan``, a config (YAML) or a plan.json, and the name of what it works on. Each command imports
only what it needs, when it runs.
"""

import argparse
import faulthandler
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from wae.core.errors import UserError
from wae.core.exits import in_words
from wae.core.layout import Cell, Layout

Arguments = argparse.Namespace


def _plan(a: Arguments) -> Any:
    from wae.planning.plan import load_plan

    return load_plan(a.plan)


def plan(a: Arguments) -> None:
    """Write a config's plan: every setting with its value, every run, and what its plug-ins offer."""
    from wae.commands.check import write_checked_plan

    write_checked_plan(_plan(a), a.out)


def check(a: Arguments) -> None:
    """Check a config file and the plug-ins it names, and say how many runs it plans."""
    from wae.commands.check import check_plugins

    made = _plan(a)
    check_plugins(made)
    print(f"{a.plan}: {len(made.runs)} runs of {len(made.methods)} methods on {len(made.config.run.datasets)} datasets")


def prepare(a: Arguments) -> None:
    """Prepare a dataset into uint8 arrays."""
    from wae.commands import stages

    stages.prepare(_plan(a), a.dataset, Layout(a.results))


def extractor(a: Arguments) -> None:
    """Make a feature extractor: train the classifier, or record which weights are used."""
    from wae.commands import stages

    stages.extractor(_plan(a), a.dataset, a.extractor, Layout(a.results))


def reference(a: Arguments) -> None:
    """Features, statistics and scores of the real data."""
    from wae.commands import stages

    stages.reference(_plan(a), a.dataset, a.extractor, Layout(a.results))


def train(a: Arguments) -> None:
    """Train one run; after a stop the same command goes on from its checkpoint."""
    from wae.commands import stages

    stages.train(_plan(a), a.cell, Layout(a.results))


def evaluate(a: Arguments) -> None:
    """Score one trained run."""
    from wae.commands import stages

    stages.evaluate(_plan(a), a.cell, Layout(a.results))


def timing(a: Arguments) -> None:
    """The wall-clock study of a plan's methods and of the penalties."""
    from wae.commands import experiment

    experiment.timing(_plan(a), Layout(a.results))


def collect(a: Arguments) -> None:
    """Gather every run's scores into metrics.csv and runs.csv."""
    from wae.commands import experiment

    experiment.collect(_plan(a), Layout(a.results))


def manifest(a: Arguments) -> None:
    """Record what was run, with which versions, on which machine."""
    from wae.commands import experiment

    experiment.manifest(_plan(a), Layout(a.results))


def analyse(a: Arguments) -> None:
    """Fits, statistics and the verdict of each claim."""
    from wae.commands import experiment

    experiment.analyse(_plan(a), Layout(a.results), a.claims, a.anchors)


def tables(a: Arguments) -> None:
    """Tables as CSV, Markdown and LaTeX."""
    from wae.commands import experiment

    experiment.tables(_plan(a), Layout(a.results), a.out)


def figures(a: Arguments) -> None:
    """Figures as SVG, PDF and PNG."""
    from wae.commands import experiment

    experiment.figures(_plan(a), Layout(a.results), a.out, a.processes)


def page(a: Arguments) -> None:
    """The self-contained summary page."""
    from wae.commands import experiment

    experiment.page(_plan(a), Layout(a.results), a.out)
    print(f"wrote {a.out}")


def status(a: Arguments) -> None:
    """What runs now, how far it is, when it should end."""
    from wae.commands.status import print_status

    print_status(a.results)


def verify(a: Arguments) -> None:
    """Compare a fresh run with a recorded one; with --cell run just that one again."""
    from wae.commands.verify import verify as run

    if not run(a.recorded, a.results, a.cell):
        raise UserError(f"the fresh run differs from {a.recorded}")


def score(a: Arguments) -> None:
    """Score the images of any model against a dataset's, as if they were samples of a method here."""
    from wae.commands.api import score as run
    from wae.evaluation.score import as_table

    print(as_table(run(a.images, a.dataset, a.plan, a.results).to_dict("records")))


def doctor(a: Arguments) -> None:
    """Check versions, devices, disk and data before a long run."""
    from wae.commands.doctor import print_findings

    if not print_findings(_plan(a)):
        raise UserError("not ready: fix the findings marked error")


def schema(a: Arguments) -> None:
    """Write the JSON schema of a config, as YAML."""
    import yaml

    from wae.core.files import write_text
    from wae.core.settings import Config

    write_text(a.out, yaml.safe_dump(Config.model_json_schema(), sort_keys=True, width=120))


class Command(NamedTuple):
    """A subcommand: what it runs, its arguments, and an example of its use."""

    function: Callable[[Arguments], None]
    arguments: tuple[str, ...]
    example: str


def cell(text: str) -> Cell:
    """The type of ``--cell``."""
    try:
        return Cell.parse(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


ARGUMENTS: dict[str, dict[str, Any]] = {
    "--plan": {"required": True, "type": Path, "metavar": "FILE", "help": "a config (YAML), or a plan.json"},
    "--cell": {"required": True, "type": cell, "metavar": "DATASET/METHOD/seedN", "help": "the run"},
    "--cell?": {"metavar": "DATASET/METHOD/seedN", "help": "run only this one again and compare it"},
    "--dataset": {"required": True, "metavar": "NAME", "help": "a dataset that the config runs on"},
    "--extractor": {"required": True, "metavar": "NAME", "help": "a feature extractor of the config"},
    "--results": {"type": Path, "default": Path("results"), "metavar": "DIR", "help": "default: results"},
    "--processes": {"type": int, "default": 1, "metavar": "N", "help": "figures drawn side by side, default 1"},
    "--claims": {"type": Path, "required": True, "metavar": "FILE", "help": "such as config/claims.yaml"},
    "--anchors": {"type": Path, "required": True, "metavar": "FILE", "help": "such as config/anchors.yaml"},
    "--out": {"type": Path, "required": True, "metavar": "PATH", "help": "where to write"},
    "recorded": {"type": Path, "help": "folder of the recorded result"},
    "images": {"type": Path, "help": "a folder of images or a .npy of uint8"},
}
RUN = "--cell digits/wae_mmd/seed0"
COMMANDS = (
    Command(plan, ("--plan", "--out"), "wae plan --plan config/smoke.yaml --out plan.json"),
    Command(check, ("--plan",), "wae check --config config/mnist.yaml"),
    Command(prepare, ("--plan", "--dataset", "--results"), "wae prepare --plan config/smoke.yaml --dataset digits"),
    Command(
        extractor,
        ("--plan", "--dataset", "--extractor", "--results"),
        "wae extractor --plan config/smoke.yaml --dataset digits --extractor classifier",
    ),
    Command(
        reference,
        ("--plan", "--dataset", "--extractor", "--results"),
        "wae reference --plan config/smoke.yaml --dataset digits --extractor classifier",
    ),
    Command(train, ("--plan", "--cell", "--results"), f"wae train --plan config/smoke.yaml {RUN}"),
    Command(evaluate, ("--plan", "--cell", "--results"), f"wae evaluate --plan config/smoke.yaml {RUN}"),
    Command(timing, ("--plan", "--results"), "wae timing --plan config/timing.yaml"),
    Command(collect, ("--plan", "--results"), "wae collect --plan config/smoke.yaml"),
    Command(manifest, ("--plan", "--results"), "wae manifest --plan config/smoke.yaml"),
    Command(
        analyse,
        ("--plan", "--claims", "--anchors", "--results"),
        "wae analyse --plan config/smoke.yaml --claims config/claims.yaml --anchors config/anchors.yaml",
    ),
    Command(tables, ("--plan", "--results", "--out"), "wae tables --plan config/smoke.yaml --out reports/smoke/tables"),
    Command(
        figures,
        ("--plan", "--results", "--out", "--processes"),
        "wae figures --plan config/smoke.yaml --out reports/smoke/figures",
    ),
    Command(
        page, ("--plan", "--results", "--out"), "wae page --plan config/smoke.yaml --out reports/smoke/summary.html"
    ),
    Command(status, ("--results",), "wae status"),
    Command(verify, ("recorded", "--results", "--cell?"), "wae verify reports/recorded/mnist --cell mnist/vae/seed0"),
    Command(
        score,
        ("images", "--dataset", "--plan", "--results"),
        "wae score my_samples.npy --dataset digits --plan config/smoke.yaml",
    ),
    Command(doctor, ("--plan",), "wae doctor --config config/paper.yaml"),
    Command(schema, ("--out",), "wae schema --out wae/core/schemas/config.schema.yaml"),
)


def parser() -> argparse.ArgumentParser:
    """The command line: one subcommand per stage, its help from the function's docstring."""
    top = argparse.ArgumentParser(prog="wae", description=__doc__)
    stages = top.add_subparsers(dest="stage", required=True, metavar="COMMAND")
    for function, arguments, example in COMMANDS:
        words = function.__doc__ or ""
        stage = stages.add_parser(function.__name__, help=words, description=words, epilog=f"Example: {example}")
        stage.set_defaults(function=function)
        for name in arguments:
            stage.add_argument(
                *(("--plan", "--config") if name == "--plan" else (name.rstrip("?"),)), **ARGUMENTS[name]
            )
    return top


def main(words: list[str] | None = None) -> int:
    """Run a command; a UserError is one line on stderr and exit status 1, a stop signal exit status 143 or 130."""
    arguments = parser().parse_args(words)
    faulthandler.enable()  # of a fault in native code, such as a file cut short while it is mapped, the log says where
    return in_words(arguments.stage, lambda: arguments.function(arguments))
