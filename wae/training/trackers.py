"""Trackers: functions of the user's own that see each row of a run's history as it is made."""

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

from wae.core.errors import UserError
from wae.core.plugins import OWN, load

Row = dict[str, float]
Tracker = Callable[[str, Row], object]


class Trackers:
    """The trackers of a run. What one of them raises is printed and changes nothing else; it is not called again."""

    def __init__(self, dotted: Iterable[str], cell: str) -> None:
        """Load each ``module:function`` or ``module:Class``; UserError for what cannot be called with a cell and a row.

        Nothing is called yet: the instance of a class is made at the run's first row.

        ``cell``: DATASET/METHOD/seedN, which each call is given before the row.
        """
        self.cell = cell
        self.trackers: dict[str, Tracker | type[Tracker]] = {}
        for name in dotted:
            if name.partition(".")[0].partition(":")[0] in OWN:
                raise UserError(f"{name!r} is no tracker; this suite has none, name one of yours")
            found = load(name)
            _check(name, found)
            self.trackers[name] = found

    def __call__(self, row: Row) -> None:
        """Show ``row``, an epoch's, by column of history.csv, to each tracker; each gets a copy."""
        for name, tracker in list(self.trackers.items()):
            try:
                if isinstance(tracker, type):
                    tracker = self.trackers[name] = tracker()
                tracker(self.cell, dict(row))
            except Exception as error:
                print(
                    f"warning: tracker {name!r} failed at epoch {row['epoch']:g} ({type(error).__name__}: {error}); "
                    "it is left out from here on, training goes on",
                    file=sys.stderr,
                )
                del self.trackers[name]


def _check(name: str, found: Any) -> None:
    """UserError unless ``found`` can be called with a cell and a row; a class with nothing, and then its instance."""
    try:
        if isinstance(found, type):
            call = next((vars(base)["__call__"] for base in found.__mro__ if "__call__" in vars(base)), None)
            if call is None:  # found.__call__ would be that of its own class, which makes instances
                raise TypeError("it defines no __call__")
            inspect.signature(found).bind()
            bound = call.__get__(object(), found) if hasattr(call, "__get__") else call
            inspect.signature(bound).bind("cell", {})
        elif callable(found):
            inspect.signature(found).bind("cell", {})
        else:
            raise TypeError(f"it is {type(found).__name__}")
    except TypeError as error:
        raise UserError(
            f"tracker {name!r} cannot be called with a cell and a row ({error}); name a function of the two, or a "
            "class made without arguments whose __call__ takes them"
        ) from error
    except ValueError:  # of compiled code, which has no signature
        pass
