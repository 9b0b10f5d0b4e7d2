"""Trackers: functions of the user's own that see each row of a run's history as it is made."""

import sys
from collections.abc import Callable, Iterable

from wae.core.errors import UserError
from wae.core.plugins import OWN, load

Row = dict[str, float]
Tracker = Callable[[str, Row], object]


class Trackers:
    """The trackers of a run. What one of them raises is printed and changes nothing else; it is not called again."""

    def __init__(self, dotted: Iterable[str], cell: str) -> None:
        """Load ``module:function``, or make an instance of ``module:Class``; UserError for what cannot be called.

        ``cell``: DATASET/METHOD/seedN, which each call is given before the row.
        """
        self.cell = cell
        self.trackers: dict[str, Tracker] = {}
        for name in dotted:
            if name.partition(".")[0].partition(":")[0] in OWN:
                raise UserError(f"execution.trackers: {name!r} is no tracker; this suite has none, name one of yours")
            found = load(name)
            tracker = found() if isinstance(found, type) else found
            if not callable(tracker):
                raise UserError(f"execution.trackers: {name!r} cannot be called with a cell and a row; name a function")
            self.trackers[name] = tracker

    def __call__(self, row: Row) -> None:
        """Show ``row``, an epoch's, by column of history.csv, to each tracker; each gets a copy."""
        for name, tracker in list(self.trackers.items()):
            try:
                tracker(self.cell, dict(row))
            except Exception as error:
                print(
                    f"warning: tracker {name!r} failed at epoch {row['epoch']:g} ({type(error).__name__}: {error}); "
                    "it is left out from here on, training goes on",
                    file=sys.stderr,
                )
                del self.trackers[name]
