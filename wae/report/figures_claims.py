"""Figures of the claims."""

from collections.abc import Iterable

from wae.analysis.results import Results
from wae.report.plots import Plot


def plots(results: Results) -> Iterable[Plot]:
    """None yet."""
    return ()
