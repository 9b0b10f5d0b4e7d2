"""From a config to the runs it asks for: validated, layers merged, variants expanded, combinations checked."""

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from wae.combinations import check
from wae.data.presence import missing
from wae.errors import UserError, unknown_name
from wae.files import digest, load_yaml
from wae.settings import Config, RunSettings, TrainingSettings
from wae.sources import ROOT, class_attributes, find_definition, keyword_options

Model = TypeVar("Model", bound=BaseModel)


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
    config = _validate(Config, raw, "config")
    for name in config.run.datasets:
        if name not in config.datasets:
            raise UserError(f"config: run.datasets: {unknown_name('dataset', name, config.datasets)}")
    root = data_root(config)
    for name in config.run.datasets:
        _check_source(config, name, root)
    _check_override_names(config)
    variants = [*((m, m, {}) for m in config.run.methods), *_variants(config)]
    names = [name for name, _, _ in variants]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"config: run: method {name!r} is planned twice; list it once")
    runs = [
        _run(config, dataset, name, base, values, seed)
        for dataset in config.run.datasets
        for name, base, values in variants
        for seed in config.run.seeds
    ]
    for dotted in config.evaluation.metrics:
        find_definition(dotted)
    _check_evaluation(config, runs)
    return Plan(config, runs)


def read_config(path: Path) -> dict[str, Any]:
    """The config file at ``path``, merged over config/config.yaml as Snakemake merges them."""
    merged: dict[str, Any] = {}
    for file in dict.fromkeys([ROOT / "config/config.yaml", path.resolve()]):
        merged = merge(merged, load_yaml(file))
    return merged


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
    return Path(root).expanduser() if root else None


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


def _variants(config: Config) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for vary in config.run.vary:
        for key in vary.values:
            if key not in TrainingSettings.model_fields:
                raise UserError(f"config: run.vary: {unknown_name('setting', key, TrainingSettings.model_fields)}")
        for base in vary.methods:
            for combination in itertools.product(*vary.values.values()):
                values = dict(zip(vary.values, combination, strict=True))
                suffix = "+".join(f"{key}={value}" for key, value in values.items())
                if "/" in suffix or len(suffix) > 100:
                    raise UserError(f"config: run.vary: value in {suffix!r} cannot be part of a folder name")
                yield f"{base}@{suffix}", base, values


def _run(config: Config, dataset: str, name: str, base: str, values: dict[str, Any], seed: int) -> RunSettings:
    where = f"config: training for {dataset}/{name}"
    raw = merged_training(config, dataset, base) | values
    training = _validate(TrainingSettings, raw, where)
    shape = config.datasets[dataset].shape
    attributes = class_attributes(training.implementation)
    try:
        known = attributes.get("options", {})
        for key in training.options:
            if key not in known:
                raise unknown_name("option", key, known)
        check(training, tuple(shape), attributes)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return RunSettings(dataset=dataset, method=name, seed=seed, shape=shape, training=training)


def _check_source(config: Config, name: str, root: Path | None) -> None:
    settings = config.datasets[name]
    where = f"config: datasets.{name}"
    known = keyword_options(settings.source)
    for key in settings.options:
        if known is not None and key not in known:
            raise UserError(f"{where}.options: {unknown_name('option', key, known)}")
    lacking = missing(settings.source, settings.options, root)
    if lacking:
        raise UserError(f"{where}: {lacking}")


def _check_override_names(config: Config) -> None:
    for key in config.training.datasets:
        if key not in config.datasets:
            raise UserError(f"config: training.datasets: {unknown_name('dataset', key, config.datasets)}")
    for key in config.training.cells:
        dataset, _, method = key.partition("/")
        if dataset not in config.datasets:
            raise UserError(f"config: training.cells.{key}: {unknown_name('dataset', dataset, config.datasets)}")
        if method not in config.training.methods:
            raise UserError(f"config: training.cells.{key}: {unknown_name('method', method, config.training.methods)}")
    allowed = {*TrainingSettings.model_fields, "like"}
    layers = {"common": config.training.common}
    for kind in ("datasets", "methods", "cells"):
        layers |= {f"{kind}.{name}": layer for name, layer in getattr(config.training, kind).items()}
    for where, layer in layers.items():
        for key in layer:
            if key not in allowed:
                raise UserError(f"config: training.{where}: {unknown_name('key', key, allowed)}")


def _check_evaluation(config: Config, runs: list[RunSettings]) -> None:
    if config.evaluation.reference == "validation":
        for run in runs:
            if run.training.validation_fraction == 0:
                raise UserError(
                    f"config: evaluation.reference is 'validation', but {run.dataset}/{run.method} holds nothing back; "
                    "set training.common.validation_fraction above 0"
                )


def _validate(model: type[Model], raw: dict[str, Any], where: str) -> Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = [_line(model, fault, where) for fault in error.errors()]
        raise UserError("\n".join(dict.fromkeys(lines))) from None


def _line(model: type[BaseModel], fault: Any, where: str) -> str:
    path = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    if fault["type"] == "extra_forbidden":
        known = _fields_at(model, fault["loc"][:-1])
        parent = ".".join(str(part) for part in fault["loc"][:-1])
        return f"{where}: {parent + ': ' if parent else ''}{unknown_name('key', fault['loc'][-1], known)}"
    found = repr(fault.get("input"))
    found = found if len(found) <= 80 else found[:77] + "..."
    if fault["type"] == "missing":
        return f"{where}: {path}: missing; add it"
    message = fault["msg"].removeprefix("Value error, ")
    hint = ""
    if isinstance(fault.get("input"), str) and fault["type"] in ("float_type", "int_type"):
        hint = _number_hint(fault["input"])
    return f"{where}: {path}: found {found}: {message}{hint}"


def _number_hint(text: str) -> str:
    try:
        return f"; YAML reads it as text, write {float(text)!r}"
    except ValueError:
        return "; write a number without quotes"


def _fields_at(model: Any, location: tuple[Any, ...]) -> Iterable[str]:
    """Field names of the model at a location inside another model."""
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[part].annotation
        else:  # an entry of a dict or list: the model is its last type argument
            arguments = [a for a in get_args(model) if isinstance(a, type) and issubclass(a, BaseModel)]
            model = arguments[-1] if arguments else model
    if isinstance(model, type) and issubclass(model, BaseModel):
        return list(model.model_fields)
    return []
