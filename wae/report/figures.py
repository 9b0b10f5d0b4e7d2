"""Every figure of an experiment, as SVG, PDF and PNG."""

from pathlib import Path

from wae.analysis.results import Results
from wae.files import write_json
from wae.report import figures_budget, figures_claims, figures_scores, figures_timing, figures_training
from wae.report.plots import Plot, write


def figures(experiment_dir: Path, out_dir: Path) -> None:
    """Draw every figure of the experiment into ``out_dir``, with index.json: title, caption, alt text and section."""
    out_dir = Path(out_dir)
    index = []
    for plot in build(Results(Path(experiment_dir))):
        write(plot, out_dir)
        index.append(plot.entry())
    write_json(out_dir / "index.json", index)


def build(results: Results) -> list[Plot]:
    """The figures that the experiment's results allow, in the page's order."""
    modules = (figures_scores, figures_training, figures_timing, figures_budget, figures_claims)
    return [plot for module in modules for plot in module.plots(results)]
