"""Every figure of an experiment, as SVG, PDF and PNG."""

import multiprocessing
from collections import Counter
from pathlib import Path

from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.core.files import write_json
from wae.report.figures import budget as figures_budget
from wae.report.figures import claims as figures_claims
from wae.report.figures import overview as figures_overview
from wae.report.figures import own as figures_own
from wae.report.figures import scores as figures_scores
from wae.report.figures import timing as figures_timing
from wae.report.figures import training as figures_training
from wae.report.figures.plots import Plot, write
from wae.report.names import slug

MODULES = (  # in the page's order
    *(figures_overview, figures_scores, figures_training, figures_timing, figures_budget, figures_claims),
    figures_own,
)


def figures(experiment_dir: Path, out_dir: Path, processes: int = 1) -> None:
    """Draw every figure of the experiment into ``out_dir``, with index.json: title, caption, alt text and section.

    ``processes`` of them draw side by side; the files do not depend on how many. UserError if they are
    fewer than one; RuntimeError if one fails, which has written why to stderr.
    """
    if processes < 1:
        raise UserError(f"{processes} processes cannot draw; give --processes 1 or more")
    out_dir = Path(out_dir)
    spawn = multiprocessing.get_context("spawn")  # a fork would take the parent's locks along
    helpers = [
        spawn.Process(target=draw, args=(experiment_dir, out_dir, share, processes), daemon=True)
        for share in range(1, processes)
    ]
    for helper in helpers:
        helper.start()
    index = draw(experiment_dir, out_dir, 0, processes)
    for helper in helpers:
        helper.join()
        if helper.exitcode:
            raise RuntimeError(f"a process that draws figures ended with {helper.exitcode}")
    write_json(out_dir / "index.json", index)


def draw(experiment_dir: Path, out_dir: Path, share: int, shares: int) -> list[dict[str, str]]:
    """Draw every ``shares``-th figure from the ``share``-th on; the entries of all."""
    plots = build(Results(Path(experiment_dir)))
    for plot in plots[share::shares]:
        write(plot, out_dir)
    return [plot.entry() for plot in plots]


def build(results: Results) -> list[Plot]:
    """The figures that the experiment's results allow, in the page's order."""
    plots = [plot for module in MODULES for plot in module.plots(results)]
    for name, count in Counter(plot.name for plot in plots).items():
        if count > 1 or slug(name) != name:
            raise UserError(f"figure {name!r}: names must differ and hold letters, digits, '-', '_' and '.' only")
    return plots
