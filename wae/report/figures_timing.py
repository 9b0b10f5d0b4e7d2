"""Figures of the timing."""

from collections.abc import Iterable

from wae.report.plots import Plot
from wae.report.results import Results


def plots(results: Results) -> Iterable[Plot]:
    """None yet."""
    return ()
