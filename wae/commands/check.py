"""What the plug-ins of a plan offer, asked of the imported objects once: by ``wae check`` and by the plan's job."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wae.core.errors import UserError, unknown_name
from wae.core.files import load_yaml, write_json
from wae.core.plugins import check_type, load_class, load_function
from wae.core.settings import ReportSettings, TrainingSettings
from wae.evaluation.metric import facts
from wae.planning import made_from
from wae.planning.compatibility import check
from wae.planning.config import DEFAULTS, missing_files
from wae.planning.plan import Plan
from wae.planning.validation import listed

# Sources that give no labels where an option has this value. Others show it only when they are read.
UNLABELLED = {  # the option, its default, the value
    "wae.data.torchvision:celeba": ("attribute", "", ""),
    "wae.data.own:folder": ("labels", "auto", "none"),
}
ATTRIBUTES = ("encoders", "priors", "likelihoods", "only_lambda", "options")


def check_plugins(plan: Plan) -> None:
    """Import every plug-in that ``plan`` names and see that it is what it is used as, with the options it has.

    Raises UserError with one line per fault.
    """
    from wae.analysis.claims.judging import check_judges
    from wae.analysis.published.ledger import load_ledger
    from wae.data.source import Dataset, check_options
    from wae.planning.jobs import LEDGER, claims_file, suite_file
    from wae.training.trackers import Trackers

    faults: list[str] = []

    def attempt(where: str, ask: Callable[[], object]) -> None:
        try:
            ask()
        except UserError as error:
            faults.extend(f"config: {where}: {line}" for line in str(error).splitlines())

    for name in plan.config.run.datasets:
        settings = plan.config.datasets[name]
        attempt(
            f"datasets.{name}",
            lambda s=settings: check_options(s.source, load_function(s.source, Dataset), s.options),  # type: ignore[misc]
        )
        attempt(f"datasets.{name}", lambda n=name: check_labels(plan, n))  # type: ignore[misc]
    for (dataset, method), run in sorted(plan.first_runs.items()):
        attempt(f"training for {dataset}/{method}", lambda r=run: check_method(r.training, tuple(r.shape)))  # type: ignore[misc]
    for dotted in plan.config.evaluation.metrics:
        attempt("evaluation.metrics", lambda d=dotted: check_metric(d, plan.config.report.primary))  # type: ignore[misc]
    for name in plan.config.run.extractors:
        kind = plan.config.extractors[name].kind
        if ":" in kind:
            attempt(f"extractors.{name}.kind", lambda k=kind: check_extractor(k))  # type: ignore[misc]
    attempt("execution.trackers", lambda: Trackers(plan.config.execution.trackers, "check"))
    if Path(suite_file(plan.config.report.claims)).exists() or plan.config.report.claims != ReportSettings().claims:
        # Else this is an installed package: the claims lie beside the workflow, and nothing is judged without it.
        attempt("report.claims", lambda: check_judges(claims_file(plan)))
    if Path(ledger := suite_file(LEDGER)).exists():
        attempt("published results", lambda: load_ledger(ledger))
    for dotted in plan.config.report.figures:
        attempt("report.figures", lambda d=dotted: check_figure(d))  # type: ignore[misc]
    if faults:
        raise listed(faults)


def check_labels(plan: Plan, dataset: str) -> None:
    """UserError where a classifier is to be trained on a dataset that its settings leave without labels."""
    settings = plan.config.datasets[dataset]
    key, default, none = UNLABELLED.get(settings.source, ("", "", None))
    kinds = {plan.config.extractors[name].kind for name in plan.config.run.extractors}
    if settings.options.get(key, default) == none and "classifier" in kinds:
        raise UserError(
            f"option {key} is {none!r}, which gives no labels, and run.extractors has a classifier, which needs them; "
            f"set {key}, or take extractor random, efficientnet_lite0 or inception"
        )


def check_metric(dotted: str, primary: str | None) -> None:
    """UserError unless ``dotted`` is a metric and, where it is the ``primary`` measure, says which way is better."""
    function = load_function(dotted, float)
    if dotted.rpartition(":")[2] == primary and not any(found.better for found in facts(function).values()):
        raise UserError(
            f"{dotted!r} declares no better direction, but report.primary ranks by it; declare it with "
            "@metric(title=..., better='lower') or 'higher', or name another measure there"
        )


def notes(plan: Plan) -> list[str]:
    """What is no fault of a config, a line each: settings that reach no run, and data that must be put there first."""
    later = "a later layer (datasets, methods, cells or run.vary, the defaults' too) has it as well; set it there"
    said = [f"training.common.{key} reaches no run: {later}" for key in unheard(plan)]
    return said + [line for name in plan.config.run.datasets for line in missing_files(plan.config, name)]


def unheard(plan: Plan) -> list[str]:
    """Keys of the config's own ``training.common`` whose value no run has, as a later layer goes before each.

    Most often it is the defaults of the methods, which a config does not show.
    """
    common, defaults = plan.config.training.common, load_yaml(DEFAULTS)["training"]["common"]
    own = [key for key, value in common.items() if defaults.get(key) != value]
    return [key for key in own if all(getattr(run.training, key) != common[key] for run in plan.runs)]


def check_extractor(kind: str) -> None:
    """UserError unless ``kind`` is an extractor's class; the import brings torch-fidelity, two seconds."""
    from wae.evaluation.fidelity_extractors import extractor_class

    extractor_class(kind)


def check_figure(dotted: str) -> None:
    """UserError unless ``dotted`` is a function that returns plots; the import brings matplotlib, half a second."""
    from wae.report.figures.own import find

    find(dotted)


def check_method(training: TrainingSettings, shape: tuple[int, ...]) -> None:
    """UserError unless the settings fit what their Method class says of itself, and what they name exists."""
    from wae.methods.base import Method
    from wae.models.costs import find_cost
    from wae.models.networks import Networks
    from wae.models.priors import Prior

    method = load_class(training.implementation, Method)
    known: Mapping[str, Any] = getattr(method, "options", {})
    for key, value in training.options.items():
        if key not in known:
            raise unknown_name("option", key, known)
        check_type(f"options.{key}", value, known[key])
    method.check_settings(training, shape)
    find_cost(training.cost)
    if ":" in training.architecture:
        load_function(training.architecture, Networks)
    if ":" in training.prior:
        load_class(training.prior, Prior)
    check(training, shape, {name: getattr(method, name) for name in ATTRIBUTES if hasattr(method, name)})


def write_checked_plan(plan: Plan, out: Path) -> None:
    """Check the plug-ins of ``plan`` and write it to ``out`` with what is known of its methods; errors likewise."""
    check_plugins(plan)
    known = {"methods": method_facts(plan), made_from.KEY: made_from.of_plan(plan)}
    write_json(out, plan.document() | known, sealed=True)


def method_facts(plan: Plan) -> dict[str, dict[str, Any]]:
    """What is known of each method of ``plan``, by its name there: title, look, paper, what its lambda weighs."""
    from wae.methods.base import Method

    implementations = {run.method: run.training.implementation for run in plan.runs}
    return {name: load_class(dotted, Method).facts().document() for name, dotted in implementations.items()}
