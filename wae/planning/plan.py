"""From a config to the runs it asks for: validated, layers merged, variants expanded, combinations checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from pydantic import ValidationError

from wae.core.errors import UserError, plain, shown, unknown_name
from wae.core.files import digest, read_json
from wae.core.layout import Cell, ExperimentFolder, Layout
from wae.core.settings import Config, RunSettings
from wae.planning import own_files
from wae.planning.config import (
    check_evaluation,
    check_names,
    checked_config,
    data_root,
    read_config,
    training_of,
    with_defaults,
)
from wae.planning.measures import check_measures
from wae.planning.variants import planned_methods

OF_REFERENCES = {  # what wae.evaluation.reference.build_reference reads of the evaluation; a test compares the two
    *("reference", "samples", "batch_size", "halves", "kid_subsets", "kid_subset_size"),
    *("precision_samples", "precision_neighbours", "density_neighbours"),
    *("parzen_samples", "parzen_validation", "parzen_sigmas"),
}


class PlanDocument(TypedDict):
    """What plan.json holds. ``data``, ``extractors`` and ``references``: folder names by name in the config."""

    config: dict[str, Any]
    runs: list[dict[str, Any]]
    data: dict[str, str]
    extractors: dict[str, str]
    references: dict[str, str]
    methods: NotRequired[dict[str, dict[str, Any]]]  # what is known of each method (wae.methods.facts), variants too
    made_from: NotRequired[dict[str, str]]  # digests (wae.planning.made_from)


@dataclass(frozen=True)
class Plan:
    """A validated config and its runs, in the order of the config's lists."""

    config: Config
    runs: list[RunSettings]

    @cached_property
    def cells(self) -> dict[tuple[str, str, int], RunSettings]:
        """Runs by (dataset, method, seed)."""
        return {(run.dataset, run.method, run.seed): run for run in self.runs}

    @property
    def first_runs(self) -> dict[tuple[str, str], RunSettings]:
        """The run of the first seed by (dataset, method): what does not depend on the seed is asked of it."""
        return {(run.dataset, run.method): run for run in reversed(self.runs)}

    def run(self, cell: Cell | str) -> RunSettings:
        """The run of ``cell`` (a Cell, or DATASET/METHOD/seedN); UserError if it is not planned."""
        cell = Cell.parse(cell) if isinstance(cell, str) else cell
        found = self.cells.get((cell.dataset, cell.method, cell.seed))
        if found is None:
            for kind in ("dataset", "method", "seed"):
                name, known = str(getattr(cell, kind)), {str(getattr(run, kind)) for run in self.runs}
                if name not in known:
                    raise unknown_name(f"{kind} of this plan", name, known)
            raise UserError(f"{cell} is not planned, though each part of it is; take another of plan.json's runs")
        return found

    @property
    def methods(self) -> list[str]:
        """Method names, variants included, each once."""
        return list(dict.fromkeys(run.method for run in self.runs))

    def folder(self, layout: Layout) -> ExperimentFolder:
        """Where the experiment's results lie."""
        return layout.experiment(self.config.experiment)

    def data_id(self, dataset: str) -> str:
        """Folder name of a prepared dataset: equal settings share one folder, whatever the experiment.

        Of data of the user's own the place counts too, as two data roots may hold different images at one path.
        """
        if dataset not in self.config.run.datasets:
            raise unknown_name("dataset of this config", dataset, self.config.run.datasets)
        settings = self.config.datasets[dataset]
        place = own_files.place(settings.source, settings.options, data_root(self.config))
        return f"{dataset}-{digest(settings.model_dump() | ({'place': place} if place else {}))}"

    def extractor_id(self, extractor: str) -> str:
        """Folder name of an extractor of one dataset."""
        if extractor not in self.config.run.extractors:
            raise unknown_name("extractor of this config", extractor, self.config.run.extractors)
        return f"{extractor}-{digest(self.config.extractors[extractor].model_dump())}"

    def reference_id(self, extractor: str) -> str:
        """Folder name of the reference features of one extractor under this config's evaluation."""
        return f"{self.extractor_id(extractor)}-{digest(self.reference_settings())}"

    def reference_settings(self) -> dict[str, Any]:
        """What of the config decides the reference features and the real-data scores."""
        fractions = sorted({run.training.validation_fraction for run in self.runs})
        evaluation = self.config.evaluation.model_dump(include=OF_REFERENCES)
        return {"evaluation": evaluation, "validation_fractions": fractions}

    def document(self) -> PlanDocument:
        """The plan as plan.json holds it: every setting with its value, defaults included."""
        run = self.config.run
        extractors = {name: self.config.extractors[name].model_dump() for name in run.extractors}
        return {
            "config": self.config.model_dump() | {"extractors": extractors},
            "runs": [run.model_dump() for run in self.runs],
            "data": {name: self.data_id(name) for name in run.datasets},
            "extractors": {name: self.extractor_id(name) for name in run.extractors},
            "references": {name: self.reference_id(name) for name in run.extractors},
        }

    def digest(self) -> str:
        """Sixteen hex digits of the validated plan: an edited default changes it as an edited config does."""
        return digest(self.document(), 16)


def load_plan(source: str | Path | Mapping[str, Any]) -> Plan:
    """The plan of a config (a YAML file, or a map merged over the defaults) or of a plan.json.

    Args:
        source: path of a config or of a plan.json, or the content of a config as a map.

    Raises:
        UserError: for each fault a line with key, value, limit and remedy.
    """
    if isinstance(source, Mapping):
        return make_plan(with_defaults(dict(source)))
    path = Path(source)
    return _read(path) if path.suffix == ".json" else make_plan(read_config(path))


def make_plan(raw: dict[str, Any]) -> Plan:
    """The plan of a whole config, already merged over the defaults; errors as ``load_plan``'s."""
    config = checked_config(raw)
    variants = planned_methods(config)
    runs = [
        RunSettings(dataset=dataset, method=name, seed=seed, shape=config.datasets[dataset].shape, training=training)
        for dataset in config.run.datasets
        for name, training in [(name, training_of(config, dataset, name, base, v)) for name, base, v in variants]
        for seed in config.run.seeds
    ]
    check_evaluation(config, runs)
    check_measures(config, runs)
    return Plan(config, runs)


def _read(path: Path) -> Plan:
    try:
        document = read_json(path, own=True)
    except UserError as error:
        again = ", or write it again with `wae plan`" if path.name.startswith("plan") else ""
        raise UserError(f"{error}{again}") from error
    if not isinstance(document, dict) or not {"config", "runs"} <= document.keys():
        if isinstance(document, dict) and "experiment" in document:
            return make_plan(with_defaults(document))  # a config written as JSON
        raise UserError(f"{path}: neither a plan nor a config; write it with `wae plan`")
    if not isinstance(document["runs"], list):
        raise UserError(f"{path}: runs: found {shown(document['runs'])}, need a list; write it again with `wae plan`")
    try:
        config = Config.model_validate(document["config"])
        check_names(config)
        return Plan(config, [RunSettings.model_validate(run) for run in document["runs"]])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(plain, first["loc"]))
        raise UserError(f"{path}: {where}: {first['msg']}; write it again with `wae plan`") from error
