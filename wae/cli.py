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
    """Check a config file and the plug-ins it names; say how many runs it plans and what files are not there."""
    from wae.analysis.words import counted
    from wae.commands.check import check_plugins, notes

    made = _plan(a)
    check_plugins(made)
    names = ("run", made.runs), ("method", made.methods), ("dataset", made.config.run.datasets)
    runs, methods, datasets = (counted(len(found), name) for name, found in names)
    print(f"{a.plan}: {runs} of {methods} on {datasets}")
    for line in notes(made):
        print(f"note: {line}")


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
    """Gather every run's scores into metrics.csv, runs.csv and trajectories.csv."""
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


def index(a: Arguments) -> None:
    """List the pages of all experiments, each with what it says first, in reports/index.html."""
    from wae.report.page.index import index as run

    print(f"wrote {run(a.reports)}")


def status(a: Arguments) -> None:
    """What runs now, how far it is, when it should end."""
    from wae.commands.status import print_status

    print_status(a.results)


def verify(a: Arguments) -> None:
    """Compare a fresh run with a recorded one; with --cell run that one, or all its seeds, again first."""
    from wae.analysis.equivalence import Finding
    from wae.commands.verify import verify as run

    found = run(a.recorded, a.results, a.cell)
    if found is Finding.UNDECIDED:
        raise UserError(f"neither a repetition of {a.recorded} nor a difference to it is shown; make more seeds again")
    if found not in (Finding.IDENTICAL, Finding.EQUIVALENT):
        raise UserError(f"the fresh run differs from {a.recorded}")


def compare(a: Arguments) -> None:
    """Compare two recorded results: which scores differ beyond noise, and what differs in origin."""
    from wae.commands.compare import compare as run

    run(a.first, a.second, a.page)


def crate(a: Arguments) -> None:
    """Pack a recorded experiment as a Workflow Run RO-Crate, one zip file to deposit for a DOI."""
    from wae.commands.crate import crate as run

    run(a.folder, a.zip, a.weights)
    print(f"wrote {a.zip}")


def score(a: Arguments) -> None:
    """Score the images of any model against a dataset's, as if they were samples of a method here."""
    from wae.commands.api import score as run
    from wae.evaluation.score import as_table

    print(as_table(run(a.images, a.dataset, a.plan, a.results).to_dict("records")))


def claims(a: Arguments) -> None:
    """One verdict per claim over all experiments given, with the evidence of each."""
    from wae.commands.claims import claims as run

    run(a.folders, a.claims, a.out)


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


def cell(text: str) -> Cell:
    """The type of ``--cell``."""
    try:
        return Cell.parse(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class Argument(NamedTuple):
    """One argument of the command line: what it is in an example ("" for not there), and argparse's settings of it."""

    example: str
    settings: dict[str, Any]


def _path(example: str, **settings: Any) -> Argument:
    return Argument(example, {"type": Path, **settings})


_RUN = "digits/wae_mmd/seed0"
_NEEDED: dict[str, Any] = {"required": True}
ARGUMENTS = {
    "--plan": _path("config/smoke.yaml", **_NEEDED, metavar="FILE", help="a config (YAML), or a plan.json"),
    "--cell": Argument(_RUN, {**_NEEDED, "type": cell, "metavar": "DATASET/METHOD/seedN", "help": "the run"}),
    "--cell?": Argument("", {"metavar": "DATASET/METHOD[/seedN]", "help": "run this one, or all its seeds, again"}),
    "--dataset": Argument("digits", {**_NEEDED, "metavar": "NAME", "help": "a dataset that the config runs on"}),
    "--extractor": Argument("classifier", {**_NEEDED, "metavar": "NAME", "help": "a feature extractor of the config"}),
    "--results": _path("", default=Path("results"), metavar="DIR", help="default: results"),
    "--reports": _path("", default=Path("reports"), metavar="DIR", help="default: reports"),
    "--processes": Argument("", {"type": int, "default": 1, "metavar": "N", "help": "figures drawn at once (1)"}),
    "--claims": _path("config/claims.yaml", **_NEEDED, metavar="FILE", help="such as config/claims.yaml"),
    "--anchors": _path("config/anchors.yaml", **_NEEDED, metavar="FILE", help="such as config/anchors.yaml"),
    "--claims?": _path("", default=Path("config/claims.yaml"), metavar="FILE", help="default: config/claims.yaml"),
    "--out?": _path("", metavar="DIR", help="where to write claims.json and claims.md"),
    "--out": _path("OUT", **_NEEDED, metavar="PATH", help="where to write"),
    "recorded": _path("reports/recorded/main_mnist", help="folder of the recorded result"),
    "folders": _path(
        "reports/recorded",
        nargs="+",
        metavar="FOLDER",
        help="results/EXPERIMENT, a recorded folder, or a folder of them",
    ),
    "first": _path("reports/recorded/main_mnist", help="results/EXPERIMENT, or a recorded folder"),
    "second": _path("results/mnist", help="another one"),
    "--page?": _path("", default=Path("comparison.html"), metavar="FILE", help="default: comparison.html"),
    "folder": _path("reports/recorded/main_mnist", help="results/EXPERIMENT, or a recorded folder"),
    "--zip?": _path("", default=Path("crate.zip"), metavar="FILE", help="default: crate.zip"),
    "--no-weights?": Argument("", {"action": "store_false", "dest": "weights", "help": "without the trained networks"}),
    "images": _path("my_samples.npy", help="a folder of images or a .npy of uint8"),
}
COMMANDS: dict[Callable[[Arguments], None], str] = {  # with the arguments of each
    plan: "--plan --out",
    check: "--plan",
    prepare: "--plan --dataset --results",
    extractor: "--plan --dataset --extractor --results",
    reference: "--plan --dataset --extractor --results",
    train: "--plan --cell --results",
    evaluate: "--plan --cell --results",
    timing: "--plan --results",
    collect: "--plan --results",
    manifest: "--plan --results",
    analyse: "--plan --claims --anchors --results",
    tables: "--plan --results --out",
    figures: "--plan --results --out --processes",
    page: "--plan --results --out",
    index: "--reports",
    status: "--results",
    verify: "recorded --results --cell?",
    compare: "first second --page?",
    crate: "folder --zip? --no-weights?",
    score: "images --dataset --plan --results",
    claims: "folders --claims? --out?",
    doctor: "--plan",
    schema: "--out",
}


def parser() -> argparse.ArgumentParser:
    """The command line: one subcommand per stage, its help from the function's docstring."""
    top = argparse.ArgumentParser(prog="wae", description=__doc__)
    stages = top.add_subparsers(dest="stage", required=True, metavar="COMMAND")
    for function, names in COMMANDS.items():
        words, example = function.__doc__ or "", f"Example: wae {function.__name__}"
        stage = stages.add_parser(function.__name__, help=words, description=words)
        stage.set_defaults(function=function)
        for name in names.split():
            flag, argument = name.rstrip("?"), ARGUMENTS[name]
            stage.add_argument(flag, *(["--config"] if flag == "--plan" else []), **argument.settings)
            if argument.example:
                example += f" {flag} {argument.example}" if flag.startswith("-") else f" {argument.example}"
        stage.epilog = example
    return top


def main(words: list[str] | None = None) -> int:
    """Run a command; a UserError is one line on stderr and exit status 1, a stop signal 143 or 130."""
    arguments = parser().parse_args(words)
    faulthandler.enable()  # of a fault in native code, such as a file cut short while it is mapped, the log says where
    return in_words(arguments.stage, lambda: arguments.function(arguments))
