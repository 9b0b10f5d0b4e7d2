"""What is known of a metric stands on its function: title, unit, which way is better, definition.

Imports no torch, so that analysis reads the same type; the facts of a run's metrics are written beside its scores.
"""

import math
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
    ``lowest``, ``highest``: no value lies beyond, so that no interval of a mean does; None for no such limit.
    """

    title: str
    unit: str = ""
    better: Better = None
    definition: str = ""
    positive: bool = False
    lowest: float | None = None
    highest: float | None = None

    def __post_init__(self) -> None:
        for name in ("title", "unit", "definition"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"metric: {name} is {getattr(self, name)!r}, need text")
        if not self.title:
            raise UserError("metric: the title is empty; write what a table should call it")
        if self.better not in (None, "lower", "higher"):
            raise UserError(f"metric {self.title!r}: better is {self.better!r}; write 'lower', 'higher' or None")
        for limit in (self.lowest, self.highest):
            if limit is not None and not (isinstance(limit, int | float) and math.isfinite(limit)):
                raise UserError(f"metric {self.title!r}: the limit {limit!r} is no finite number; write one, or None")
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise UserError(f"metric {self.title!r}: lowest is {self.lowest:g}, need less than {self.highest:g}")


def metric(
    name: str | None = None,
    *,
    title: str,
    unit: str = "",
    better: Better = None,
    definition: str = "",
    positive: bool = False,
    lowest: float | None = None,
    highest: float | None = None,
) -> Callable[[Function], Function]:
    """Declare what a function measures: ``@metric(title="Brightness gap", unit="grey levels", better="lower")``.

    Tables then have its title, arrows, best marks, ties and definition. ``name``: that of the score, by default the
    function's; a function that returns several scores is declared once for each. Of a metric of one's own
    (``evaluation.metrics``), which returns one number, the function's name counts. UserError for a wrong declaration.
    """
    declared = Metric(title, unit, better, definition, positive, lowest, highest)

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
    """The inverse of ``as_document``; what an older file does not say is as by default."""
    known = Metric.__dataclass_fields__
    return {entry["name"]: Metric(**{key: entry[key] for key in known if key in entry}) for entry in entries}
