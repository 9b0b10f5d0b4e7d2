"""What is known of a metric stands on its function: title, unit, which way is better, definition.

Imports no torch, so that analysis reads the same type; the facts of a run's metrics are written beside its scores.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from wae.core.errors import UserError

Better = Literal["lower", "higher"] | None
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Metric:
    """``better``: which way is better, None where neither is.

    ``positive``: the value cannot be zero or less, so that its intervals and tests are on the log scale.
    """

    title: str
    unit: str = ""
    better: Better = None
    definition: str = ""
    positive: bool = False

    def __post_init__(self) -> None:
        for name in ("title", "unit", "definition"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"metric: {name} is {getattr(self, name)!r}, need text")
        if not self.title:
            raise UserError("metric: the title is empty; write what a table should call it")
        if self.better not in (None, "lower", "higher"):
            raise UserError(f"metric {self.title!r}: better is {self.better!r}; write 'lower', 'higher' or None")


def metric(
    name: str | None = None,
    *,
    title: str,
    unit: str = "",
    better: Better = None,
    definition: str = "",
    positive: bool = False,
) -> Callable[[Function], Function]:
    """Declare what a function measures: ``@metric(title="Brightness gap", unit="grey levels", better="lower")``.

    Tables then have its title, arrows, best marks, ties and definition. ``name``: that of the score, by default the
    function's; a function that returns several scores is declared once for each. UserError for a wrong declaration.
    """
    declared = Metric(title, unit, better, definition, positive)

    def decorate(function: Function) -> Function:
        known = facts(function)
        function.metrics = {name or function.__name__: declared} | known  # type: ignore[attr-defined]
        return function

    return decorate


def facts(*functions: Callable[..., Any]) -> dict[str, Metric]:
    """What ``functions`` declare, by name; nothing for a function that declares nothing."""
    return {name: found for function in functions for name, found in getattr(function, "metrics", {}).items()}


def as_document(known: Mapping[str, Metric]) -> list[dict[str, Any]]:
    """Facts for a JSON file, in their order."""
    return [{"name": name, **asdict(found)} for name, found in known.items()]


def from_document(entries: list[dict[str, Any]]) -> dict[str, Metric]:
    """The inverse of ``as_document``."""
    return {entry["name"]: Metric(*(entry[key] for key in Metric.__dataclass_fields__)) for entry in entries}
