"""A config: read, merged over the defaults, checked, and the layers of its training settings merged.

Nothing here imports torch or a plug-in, as the Snakefile reads a config at each start.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import wae.core
from wae.core.errors import UserError, unknown_name
from wae.core.files import load_yaml
from wae.core.layout import SHARED
from wae.core.scales import IMQ_SCALES
from wae.core.settings import Config, RunSettings, TrainingSettings
from wae.planning.compatibility import check
from wae.planning.presence import missing, other_shape
from wae.planning.validation import check_plain, listed, shown, training_layer, validate

RESERVED = ("recorded",)  # further folders of reports/
# Endings of what lies beside the folders of experiments and datasets in results/ and reports/
FILES = (".json", ".csv", ".log", ".html", ".lock")
DEFAULTS = Path(wae.core.__file__).with_name("defaults.yaml")


def checked_config(raw: dict[str, Any]) -> Config:
    """The config of a merged map; UserError lists each fault on a line: key, value, limit, remedy."""
    check_plain(raw, "config")
    config = validate(Config, raw, "config")
    check_names(config)
    data_root(config)
    _check_shapes(config)
    _check_extractors(config)
    _check_layers(config)
    return config


def check_names(config: Config) -> None:
    """UserError where a name would clash with a folder or file of results/, or with another by its case alone."""
    if config.experiment.lower() in (*SHARED, *RESERVED):
        raise UserError(f"config: experiment: {config.experiment!r} is a folder that experiments share; rename it")
    if Path(config.experiment).suffix.lower() in FILES:
        raise UserError(f"config: experiment: {config.experiment!r} is named like a file of reports/; rename it")
    for name in config.run.datasets:
        if name not in config.datasets:
            raise UserError(f"config: run.datasets: {unknown_name('dataset', name, config.datasets)}")
        if Path(name).suffix.lower() in FILES:
            raise UserError(f"config: run.datasets: {name!r} is named like a file of results/; rename it")
    check_case("run.datasets", config.run.datasets)
    check_case("run.methods", config.run.methods)
    check_case("run.extractors", config.run.extractors)


def check_case(where: str, names: Iterable[str]) -> None:
    """UserError for two names that differ by case alone: on many disks they are one folder."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise UserError(f"config: {where}: {other!r} and {name!r} differ by case alone; rename one")


def read_config(path: Path) -> dict[str, Any]:
    """The config file at ``path``, merged over the defaults."""
    return with_defaults(load_yaml(path))


def with_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """A config's differences from wae/core/defaults.yaml, merged over it; a whole config stays as it is.

    What it says of all runs (``training.common``) goes before what the defaults say of a dataset.
    """
    defaults = load_yaml(DEFAULTS)
    training = raw.get("training")
    common = training.get("common") if isinstance(training, dict) else None
    if isinstance(common, dict):
        layers = defaults["training"]["datasets"]
        defaults["training"]["datasets"] = {
            name: {key: value for key, value in layer.items() if key not in common} for name, layer in layers.items()
        }
    return merge(defaults, raw)


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
        options = merged.get("options", {}) | layer.get("options", {})  # a map, merged as maps are
        merged |= layer
        if "implementation" not in layer and options:  # with one, a layer's options are all that its class gets
            merged["options"] = options
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


def training_of(config: Config, dataset: str, name: str, base: str, values: dict[str, Any]) -> TrainingSettings:
    """The training settings of a cell, whatever the seed."""
    where = f"config: training for {dataset}/{name}"
    training = validate(TrainingSettings, merged_training(config, dataset, base) | values, where)
    try:
        check(training, tuple(config.datasets[dataset].shape), {"only_lambda": 1.0} if base == "vae" else {})
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return training


def missing_files(config: Config, dataset: str) -> list[str]:
    """A line on the files that a dataset is prepared from and that are not there; empty if none lacks.

    No part of a config's check: prepared data need them no more, and a command on one dataset not those of the others.
    """
    settings = config.datasets[dataset]
    lacking = missing(settings.source, settings.options, data_root(config))
    return [f"datasets.{dataset}: {lacking}"] if lacking else []


def refuse_missing_files(config: Config, datasets: Iterable[str]) -> None:
    """UserError, with a line per dataset, where ``missing_files`` has any."""
    faults = [f"config: {line}" for dataset in datasets for line in missing_files(config, dataset)]
    if faults:
        raise listed(faults)


def _check_shapes(config: Config) -> None:
    for name in config.run.datasets:
        settings = config.datasets[name]
        if other := other_shape(settings.source, settings.options, settings.shape):
            raise UserError(f"config: datasets.{name}: {other}")


def _check_extractors(config: Config) -> None:
    for name in config.run.extractors:
        if name not in config.extractors:
            raise UserError(f"config: run.extractors: {unknown_name('extractor', name, config.extractors)}")
        extractor = config.extractors[name]
        if extractor.weights is not None and not os.path.isfile(os.path.expanduser(extractor.weights)):
            raise UserError(
                f"config: extractors.{name}.weights: {shown(extractor.weights)}: no such file; put the weights there"
            )


def _check_layers(config: Config) -> None:
    """Every layer of training settings by itself, so that a fault is named where it was written."""
    training = config.training
    for key in training.datasets:
        if key not in config.datasets:
            raise UserError(f"config: training.datasets: {unknown_name('dataset', key, config.datasets)}")
    made = {name for name, layer in training.methods.items() if layer.keys() & {"implementation", "like"}}
    for key in training.methods:
        if key not in made:
            raise UserError(f"config: training.methods: {unknown_name('method', key, made)}; a new one needs `like`")
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
        if "like" in layer and path[1] != "methods":
            place = ".".join(path)
            faults.append(f"config: {place}.like: only a method inherits from another; set it in training.methods")
        try:
            validate(training_layer(), layer, "config", path)
        except UserError as error:
            faults += str(error).splitlines()
    if faults:
        raise listed(faults)


def _check_validation(config: Config, fractions: list[float]) -> None:
    if len(fractions) > 1:
        raise UserError(
            f"config: evaluation.reference is 'validation' with validation_fraction {fractions}; all runs need the "
            "same one: set training.common.validation_fraction alone"
        )
    for name in config.run.extractors:
        extractor = config.extractors[name]
        if extractor.kind == "classifier" and fractions[0] > extractor.validation_fraction:
            raise UserError(
                f"config: extractors.{name}.validation_fraction: {extractor.validation_fraction} is below that of the "
                f"runs, {fractions[0]}, so that it would be trained on validation images; set it to {fractions[0]}"
            )


def check_evaluation(config: Config, runs: list[RunSettings]) -> None:
    if config.evaluation.reference == "validation":
        for run in runs:
            if run.training.validation_fraction == 0:
                raise UserError(
                    f"config: evaluation.reference is 'validation', but {run.dataset}/{run.method} holds nothing back; "
                    "set training.common.validation_fraction above 0"
                )
        _check_validation(config, sorted({run.training.validation_fraction for run in runs}))
    last = max(config.evaluation.training_epochs, default=0)
    for run in runs:
        if last > run.training.epochs:
            raise UserError(
                f"config: evaluation.training_epochs: {last} is beyond the {run.training.epochs} epochs of "
                f"{run.dataset}/{run.method}; lower it"
            )
    if config.timing.max_rounds < config.timing.rounds:
        raise UserError(
            f"config: timing.max_rounds: found {config.timing.max_rounds}, must be at least timing.rounds = "
            f"{config.timing.rounds}; raise it"
        )
    if config.timing.random_features < len(IMQ_SCALES) and "mmd_random_features" in config.timing.penalties:
        raise UserError(
            f"config: timing.random_features: found {config.timing.random_features}, each of the {len(IMQ_SCALES)} "
            f"kernel scales needs one; set it to at least {len(IMQ_SCALES)}"
        )
