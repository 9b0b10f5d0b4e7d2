"""Raw values against their typed settings: every fault becomes one line with the key's path and the remedy."""

import math
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError, create_model

from wae.core.errors import UserError, plain, shown, unknown_name
from wae.core.settings import Strict, TrainingSettings, types

Model = TypeVar("Model", bound=BaseModel)

MAX_WHOLE = 2**63
MAX_FAULTS = 10  # of one message

_NEEDS = {
    "model_type": "need a map of settings",
    "model_attributes_type": "need a map of settings",
    "dict_type": "need a map of settings",
    "list_type": "need a list, such as [a, b]",
    "bool_type": "need true or false",
    "string_type": "need text; write it in quotes",
    "int_type": "need a whole number",
    "int_from_float": "need a whole number",
    "float_type": "need a number",
    "finite_number": "need a finite number",
}
PATTERNS = {
    types.NAME: "need a name: a letter, then at most 63 letters, digits, '_', '.' or '-'",
    types.CELL_NAME: "need a cell; write dataset/method",
    types.METHOD_NAME: "need a method's name, or that of a variant: METHOD@KEY=VALUE",
    types.MEASURE: "need a metric's name; write METRIC, or METRIC/SUBJECT for prior, reconstruction, codes or mixture",
    types.DOTTED: "need a dotted path; write package.module:name",
    types.DEVICE: "need auto, cpu, cuda or cuda:N",
    types.SHA256: "need the 64 hexadecimal digits that `sha256sum FILE` prints, in small letters",
    types.COMMIT: "need a commit of git: hexadecimal digits, 64 at most; take the manifest as it was recorded",
}


def validate(model: type[Model], raw: Any, where: str, prefix: tuple[str, ...] = ()) -> Model:
    """``raw`` as a ``model``; UserError lists each fault on a line that begins with ``where`` and the key's path.

    ``prefix``: keys that lead to ``raw`` inside the config.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = [_line(model, fault, where, prefix) for fault in error.errors(include_url=False)]
        raise listed(lines) from None


@cache
def training_layer() -> type[BaseModel]:
    """The settings of a layer of training settings: every key optional, and ``like``, a method to inherit from."""
    fields: dict[str, Any] = {
        name: (field.rebuild_annotation(), None) for name, field in TrainingSettings.model_fields.items()
    }
    return create_model("TrainingLayer", __base__=Strict, like=(str, None), **fields)


def listed(lines: Iterable[str]) -> UserError:
    """The error that says ``lines``, each once; the first ``MAX_FAULTS`` of many."""
    found = list(dict.fromkeys(lines))
    if len(found) > MAX_FAULTS:
        where = found[0].partition(":")[0]
        found[MAX_FAULTS:] = [f"{where}: and {len(found) - MAX_FAULTS} more faults; correct these first"]
    return UserError("\n".join(found))


def check_plain(value: Any, where: str) -> None:
    """UserError unless ``value`` is maps with text keys, lists, text, finite numbers, true, false and null alone.

    YAML can also say dates, sets, bytes and infinite numbers.
    """
    faults = list(_plain_faults(value, where, ()))
    if faults:
        raise listed(faults)


def _plain_faults(value: Any, where: str, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, str):
                yield from _plain_faults(inner, where, (*path, key))
            else:
                parent = _dotted(path) + ": " if path else ""
                yield f"{where}: {parent}found the key {shown(key)}, need text; write it in quotes"
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _plain_faults(inner, where, (*path, str(index)))
    elif (fault := _scalar_fault(value)) is not None:
        yield f"{where}: {_dotted(path)}: found {shown(value)}: {fault}"


def _scalar_fault(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            return "holds characters that no file name or text can have; remove them"
        return None
    if isinstance(value, int):
        return None if abs(value) < MAX_WHOLE else "larger than any limit; write a smaller number"
    if isinstance(value, float):
        return None if math.isfinite(value) else "need a finite number"
    return f"{type(value).__name__} is no text, number, true, false, null, list or map; write it in quotes"


def _line(model: type[BaseModel], fault: Any, where: str, prefix: tuple[str, ...]) -> str:
    location = (*prefix, *(part for part in fault["loc"] if part != "[key]"))
    kind = fault["type"]
    if kind == "extra_forbidden":
        known = _fields_at(model, fault["loc"][:-1])
        parent = _dotted(location[:-1])
        return f"{where}: {parent + ': ' if parent else ''}{unknown_name('key', location[-1], known)}"
    path = _dotted(location)
    if kind == "missing":
        return f"{where}: {path}: missing; add it"
    found = fault.get("input")
    message = _NEEDS.get(kind) or PATTERNS.get((fault.get("ctx") or {}).get("pattern", ""))
    message = message or fault["msg"].removeprefix("Value error, ")
    return f"{where}: {path}: found {shown(found)}: {message}{_number_hint(found, kind)}"


def _dotted(path: Iterable[Any]) -> str:
    return ".".join(map(plain, path))


def _number_hint(found: Any, kind: str) -> str:
    if kind in ("int_type", "int_from_float") and isinstance(found, float) and math.isfinite(found):
        return f"; write {int(found)}"
    if kind not in ("float_type", "int_type") or not isinstance(found, str):
        return ""
    try:
        return f"; it is text here, write {int(found) if kind == 'int_type' else float(found)!r} without quotes"
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
