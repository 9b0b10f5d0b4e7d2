"""Which methods a config plans: those it lists, and variants, every combination of the values it varies."""

import itertools
import math
import re
from collections.abc import Iterable
from typing import Any

from wae.core.errors import UserError, unknown_name
from wae.core.settings import Config, TrainingSettings
from wae.planning.config import check_case
from wae.planning.validation import shown

MAX_RUNS = 100_000
VALUE = re.compile(r"[A-Za-z0-9_.,+-]+")  # what a varied value may look like in a folder's name


def planned_methods(config: Config) -> list[tuple[str, str, dict[str, Any]]]:
    """Planned methods as (name, base method, varied values); UserError for doubles and for too many runs."""
    methods = len(config.run.methods) * (1 + len(config.run.seed_streams)) + sum(
        len(vary.methods) * math.prod(len(values) for values in vary.values.values()) for vary in config.run.vary
    )
    runs = len(config.run.datasets) * methods * len(config.run.seeds)
    if runs > MAX_RUNS:
        raise UserError(f"config: run: {shown(runs)} runs planned, at most {MAX_RUNS:,}; split the config into several")
    variants = [*((method, method, {}) for method in config.run.methods), *_variants(config)]
    seen: set[str] = set()
    runs_of: dict[tuple[str, frozenset[Any]], str] = {}  # the name by the base method and the varied values
    for name, base, values in variants:
        if name in seen:
            raise UserError(f"config: run: method {name!r} is planned twice; list it once")
        seen.add(name)
        same = frozenset((key, tuple(v) if isinstance(v, list) else v) for key, v in values.items())
        other = runs_of.setdefault((base, same), name)
        if other != name:  # 1 and 1.0, or the same keys in another order
            raise UserError(f"config: run.vary: {other!r} and {name!r} have equal values: the same run; list one")
    check_case("run.vary", (name for name, _, _ in variants))
    return variants


def _variants(config: Config) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for base, stream in itertools.product(config.run.methods, config.run.seed_streams):
        yield f"{base}@seed_stream={stream}", base, {"seed_stream": stream}
    for vary in config.run.vary:
        for key in vary.values:
            if key not in TrainingSettings.model_fields:
                raise UserError(f"config: run.vary: {unknown_name('setting', key, TrainingSettings.model_fields)}")
        for base in vary.methods:
            for combination in itertools.product(*vary.values.values()):
                values = dict(zip(vary.values, combination, strict=True))
                suffix = "+".join(f"{key}={_in_name(key, value)}" for key, value in values.items())
                if len(suffix) > 100:
                    raise UserError(f"config: run.vary: {shown(suffix)}: too long for a folder name; vary fewer keys")
                yield f"{base}@{suffix}", base, values


def _in_name(key: str, value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    if not VALUE.fullmatch(text):
        raise UserError(
            f"config: run.vary: {key}: found {shown(value)}: it cannot be part of a folder name; "
            "write a method with it in training.methods, with `like`, and list that in run.methods"
        )
    return text
