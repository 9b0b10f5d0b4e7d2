"""From a config to the runs it asks for: validated, layers merged, variants expanded, combinations checked."""

import ast
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import wae.core
from wae.core.errors import UserError, unknown_name
from wae.core.files import digest, load_yaml
from wae.core.settings import Config, RunSettings, TrainingSettings
from wae.data.presence import missing
from wae.planning.compatibility import check
from wae.planning.fingerprint import class_attributes, find_definition, keyword_options
from wae.planning.validation import check_plain, listed, shown, training_layer, validate
from wae.planning.variants import planned_methods

DEFAULTS = Path(wae.core.__file__).with_name("defaults.yaml")
RESERVED = ("data", "extractors", "reference")  # folders of results/ that all experiments share


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
    def methods(self) -> list[str]:
        """Method names, variants included, each once."""
        return list(dict.fromkeys(run.method for run in self.runs))

    def data_id(self, dataset: str) -> str:
        """Folder name of a prepared dataset: equal settings share one folder, whatever the experiment."""
        return f"{dataset}-{digest(self.config.datasets[dataset].model_dump())}"

    def extractor_id(self, extractor: str) -> str:
        """Folder name of an extractor of one dataset."""
        return f"{extractor}-{digest(self.config.extractors[extractor].model_dump())}"

    def reference_id(self, extractor: str) -> str:
        """Folder name of the reference features of one extractor under this config's evaluation."""
        return f"{self.extractor_id(extractor)}-{digest(self.reference_settings())}"

    def reference_settings(self) -> dict[str, Any]:
        """What of the config decides the reference features and the real-data scores."""
        fractions = sorted({run.training.validation_fraction for run in self.runs})
        return {"evaluation": self.config.evaluation.model_dump(), "validation_fractions": fractions}


def load_plan(raw: dict[str, Any]) -> Plan:
    """The plan of a merged config; UserError lists each fault on a line: key, value, limit, remedy."""
    check_plain(raw, "config")
    config = validate(Config, raw, "config")
    if config.experiment in RESERVED:
        raise UserError(f"config: experiment: {config.experiment!r} is a folder that experiments share; rename it")
    for name in config.run.datasets:
        if name not in config.datasets:
            raise UserError(f"config: run.datasets: {unknown_name('dataset', name, config.datasets)}")
    root = data_root(config)
    for name in config.datasets:
        _check_source(config, name, root)
    _check_extractors(config)
    _check_layers(config)
    variants = planned_methods(config)
    runs = [
        RunSettings(dataset=dataset, method=name, seed=seed, shape=config.datasets[dataset].shape, training=training)
        for dataset in config.run.datasets
        for name, training in [(name, _training(config, dataset, name, base, v)) for name, base, v in variants]
        for seed in config.run.seeds
    ]
    for dotted in config.evaluation.metrics:
        _find(dotted, ast.FunctionDef, "config: evaluation.metrics")
    _check_evaluation(config, runs)
    return Plan(config, runs)


def read_config(path: Path) -> dict[str, Any]:
    """The config file at ``path``, merged over the defaults."""
    return with_defaults(load_yaml(path))


def with_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """A config's differences from wae/core/defaults.yaml, merged over it; a whole config stays as it is."""
    return merge(load_yaml(DEFAULTS), raw)


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Maps merged key by key, everything else replaced: what Snakemake does with a second --configfile."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def data_root(config: Config) -> Path | None:
    """Where data already on disk lies: the config's ``data_root``, else the environment's WAE_DATA_ROOT."""
    root = config.data_root or os.environ.get("WAE_DATA_ROOT")
    try:
        return Path(root).expanduser() if root else None
    except RuntimeError as error:  # ~ of nobody
        raise UserError(f"config: data_root: {shown(root)}: {error}; write the whole path") from error


def merged_training(config: Config, dataset: str, method: str) -> dict[str, Any]:
    """Raw training settings of a cell: common, then dataset, method (after what it is ``like``), cell."""
    training = config.training
    layers = [training.common, training.datasets.get(dataset, {}), *_method_layers(config, method)]
    layers.append(training.cells.get(f"{dataset}/{method}", {}))
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
    merged.pop("like", None)
    return merged


def _method_layers(config: Config, method: str) -> list[dict[str, Any]]:
    chain: list[dict[str, Any]] = []
    seen: list[str] = []
    name: Any = method
    while name is not None:
        if not isinstance(name, str) or name not in config.training.methods:
            raise UserError(f"config: training.methods: {unknown_name('method', name, config.training.methods)}")
        if name in seen:
            raise UserError(f"config: training.methods.{name}.like: {' -> '.join([*seen, name])} is a circle; break it")
        seen.append(name)
        chain.insert(0, config.training.methods[name])
        name = config.training.methods[name].get("like")
    return chain


def _training(config: Config, dataset: str, name: str, base: str, values: dict[str, Any]) -> TrainingSettings:
    """The training settings of a cell, whatever the seed."""
    where = f"config: training for {dataset}/{name}"
    training = validate(TrainingSettings, merged_training(config, dataset, base) | values, where)
    _find(training.implementation, ast.ClassDef, f"{where}: implementation")
    attributes = class_attributes(training.implementation)
    try:
        known = attributes.get("options", {})
        for key in training.options:
            if key not in known:
                raise unknown_name("option", key, known)
        check(training, tuple(config.datasets[dataset].shape), attributes)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return training


def _find(dotted: str, kind: type[ast.AST], where: str) -> None:
    """UserError unless ``dotted`` names a ``kind`` (a class or a function) in a source file, or lies in a package."""
    try:
        found = find_definition(dotted)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    if found is not None and not isinstance(found, kind):
        raise UserError(f"{where}: {dotted!r} is no {'class' if kind is ast.ClassDef else 'function'}; name one")


def _check_source(config: Config, name: str, root: Path | None) -> None:
    settings = config.datasets[name]
    where = f"config: datasets.{name}"
    _find(settings.source, ast.FunctionDef, f"{where}.source")
    known = keyword_options(settings.source)
    for key in settings.options:
        if known is not None and key not in known:
            raise UserError(f"{where}.options: {unknown_name('option', key, known)}")
    if name in config.run.datasets:
        lacking = missing(settings.source, settings.options, root)
        if lacking:
            raise UserError(f"{where}: {lacking}")


def _check_extractors(config: Config) -> None:
    for name in config.run.extractors:
        if name not in config.extractors:
            raise UserError(f"config: run.extractors: {unknown_name('extractor', name, config.extractors)}")
        extractor = config.extractors[name]
        if extractor.weights is not None and not Path(extractor.weights).is_file():
            raise UserError(
                f"config: extractors.{name}.weights: {shown(extractor.weights)}: no such file; put the weights there"
            )


def _check_layers(config: Config) -> None:
    """Every layer of training settings by itself, so that a fault is named where it was written."""
    training = config.training
    for key in training.datasets:
        if key not in config.datasets:
            raise UserError(f"config: training.datasets: {unknown_name('dataset', key, config.datasets)}")
    for key in training.cells:
        dataset, _, method = key.partition("/")
        if dataset not in config.datasets:
            raise UserError(f"config: training.cells.{key}: {unknown_name('dataset', dataset, config.datasets)}")
        if method not in training.methods:
            raise UserError(f"config: training.cells.{key}: {unknown_name('method', method, training.methods)}")
    layers: dict[tuple[str, ...], dict[str, Any]] = {("training", "common"): training.common}
    for kind in ("datasets", "methods", "cells"):
        layers |= {("training", kind, name): layer for name, layer in getattr(training, kind).items()}
    faults: list[str] = []
    for path, layer in layers.items():
        try:
            validate(training_layer(), layer, "config", path)
        except UserError as error:
            faults += str(error).splitlines()
    if faults:
        raise listed(faults)


def _check_evaluation(config: Config, runs: list[RunSettings]) -> None:
    if config.evaluation.reference == "validation":
        for run in runs:
            if run.training.validation_fraction == 0:
                raise UserError(
                    f"config: evaluation.reference is 'validation', but {run.dataset}/{run.method} holds nothing back; "
                    "set training.common.validation_fraction above 0"
                )
    if config.evaluation.precision_neighbours >= config.evaluation.precision_samples:
        raise UserError(
            f"config: evaluation.precision_neighbours: found {config.evaluation.precision_neighbours}, must be below "
            f"evaluation.precision_samples = {config.evaluation.precision_samples}; lower it"
        )
    if config.timing.max_rounds < config.timing.rounds:
        raise UserError(
            f"config: timing.max_rounds: found {config.timing.max_rounds}, must be at least timing.rounds = "
            f"{config.timing.rounds}; raise it"
        )
