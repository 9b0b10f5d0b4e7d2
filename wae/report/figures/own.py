"""Figures of a user's own, named in the config as ``report.figures: ["module:function"]``."""

from collections.abc import Callable, Iterable, Iterator

from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.core.plugins import load_function
from wae.report.figures.plots import Plot


def find(dotted: str) -> Callable[[Results], Iterable[Plot]]:
    """The function ``dotted``, annotated ``-> Iterable[Plot]`` or ``-> list[Plot]``; UserError for anything else."""
    try:
        return load_function(dotted, list[Plot])
    except UserError:
        return load_function(dotted, Iterable[Plot])


def plots(results: Results) -> Iterator[Plot]:
    """What the config's own figures draw; UserError where one returns something else than plots."""
    for dotted in results.config.get("report", {}).get("figures", []):
        for plot in find(dotted)(results):
            if not isinstance(plot, Plot):
                raise UserError(f"{dotted!r} made a {type(plot).__name__}, need wae.report.figures.plots.Plot")
            yield plot
