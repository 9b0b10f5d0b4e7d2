"""What the study's runs say: tables, lists and a figure in docs/results.md, from the recorded folders.

python -m benchmarks.study          # prints the tables
python -m benchmarks.study --write  # and puts them into that file, each between its two markers, and draws the figure
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks import lengths, marked, orders, scores, sizes, weights
from wae.analysis.claims.verdicts import Verdict
from wae.analysis.courses import sweeps
from wae.analysis.files import CLAIMS
from wae.analysis.results import Results
from wae.analysis.scores import one_score
from wae.analysis.words import SUBJECTS, about, in_words
from wae.report.figures.claims import SWEPT, draw_sweep, swept_points
from wae.report.figures.plots import Plot, write
from wae.report.figures.scores import score_rows
from wae.report.figures.style import canvas, log_axis, look, plain_ticks, seed_lines
from wae.report.tables import inference_tables, run_tables
from wae.report.tables.grids import markdown_text

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded"
PAGE = ROOT / "docs/results.md"
PICTURES = ROOT / "docs/pictures"
END = "<!-- end of the table -->"

INFORMATION = (
    *(("mutual_information", "codes"), ("kl_aggregate", "codes"), ("kl_total", "codes")),
    *(("fid_classifier", "prior"), ("fid_classifier", "mixture"), ("mse", "reconstruction")),
)
MAIN = (
    *(
        ("fid_classifier", "prior"),
        ("fid_classifier_1", "prior"),
        ("fid_classifier_2", "prior"),
        ("fid_random", "prior"),
    ),
    *(("fid_classifier", "mixture"), ("precision_classifier", "prior"), ("coverage_classifier", "prior")),
    *(("latent_sw2_debiased", "codes"), ("mse", "reconstruction"), ("sharpness", "prior")),
)
CONTROLS = (
    *(("fid_classifier", "prior"), ("fid_random", "prior"), ("fid_classifier", "mixture"), ("mse", "reconstruction")),
    *(("sharpness", "prior"), ("kl_total", "codes"), ("active_units", "codes"), ("latent_sw2_debiased", "codes")),
)
SIZES = (
    *(("fid_classifier", "prior"), ("fid_random", "prior"), ("fid_classifier", "mixture")),
    *(("latent_sw2_debiased", "codes"), ("mse", "reconstruction")),
)
PENALISED = (
    *(("fid_classifier", "prior"), ("fid_random", "prior"), ("fid_classifier", "mixture"), ("mse", "reconstruction")),
    *(("coverage_classifier", "prior"), ("sharpness", "prior")),
    *(("latent_sw2_debiased", "codes"), ("latent_direction_sd_min", "codes")),
    *(("mutual_information", "codes"), ("kl_total", "codes")),
)
WEIGHED = (
    *(("fid_classifier", "prior"), ("fid_random", "prior"), ("fid_classifier", "mixture")),
    *(("coverage_classifier", "prior"), ("latent_sw2_debiased", "codes")),
    *(("mse", "reconstruction"), ("sharpness", "prior")),
)
Text = Callable[[Results], str]


def said(results: Results) -> str:
    """What the judges say of each claim that the recorded experiment decides, as a list in Markdown."""
    claims = [claim for claim in results.read(CLAIMS).claims if claim.verdict in (Verdict.SUPPORTED, Verdict.REFUTED)]
    return "\n".join(f"- Claim {claim.number}, **{claim.verdict.value}**. {claim.summary}" for claim in claims)


def grid(name: str) -> Text:
    """One of the page's tables of methods against each other, of random streams or of runs, from the recorded files."""

    def text(results: Results) -> str:
        grids = (*inference_tables.build(results), *run_tables.build(results))
        return markdown_text({grid.name: grid for grid in grids}[name])

    return text


TEXTS: Sequence[tuple[str, str, Text]] = (  # what, of which folder of reports/recorded
    ("pilot_mnist", "pilot_mnist", lengths.tables),
    ("pilot_fashion_mnist", "pilot_fashion_mnist", lengths.tables),
    ("weights_mnist", "weights_mnist", weights.wide),
    ("weights_mnist_full", "weights_mnist_full", weights.wide),
    ("weights_fashion_mnist", "weights_fashion_mnist", weights.wide),
    ("weights_fashion_mnist_gan", "weights_fashion_mnist_gan", weights.wide),
    ("weights_fashion_mnist_full", "weights_fashion_mnist_full", weights.wide),
    ("weights_dimensions", "weights_dimensions", weights.wide),
    ("information_mnist", "information_mnist", partial(scores.table, scores=INFORMATION)),
    ("pairs of information_mnist", "information_mnist", grid("contrasts")),
    ("claims of information_mnist", "information_mnist", said),
    ("dimensions", "dimensions", partial(sizes.tables, scores=SIZES)),
    ("pairs of dimensions", "dimensions", grid("contrasts")),
    ("claims of dimensions", "dimensions", said),
    ("main_mnist", "main_mnist", partial(scores.table, scores=MAIN)),
    ("order of main_mnist", "main_mnist", orders.table),
    ("time of main_mnist", "main_mnist", grid("time_to_distance")),
    ("claims of main_mnist", "main_mnist", said),
    ("main_fashion_mnist", "main_fashion_mnist", partial(scores.table, scores=MAIN)),
    ("order of main_fashion_mnist", "main_fashion_mnist", orders.table),
    ("time of main_fashion_mnist", "main_fashion_mnist", grid("time_to_distance")),
    ("claims of main_fashion_mnist", "main_fashion_mnist", said),
    ("paper_weights", "paper_weights", partial(scores.table, scores=WEIGHED)),
    ("lottery", "lottery", grid("seed_streams")),
    ("scores of lottery", "lottery", partial(scores.table, scores=SIZES)),
    ("controls_vae", "controls_vae", partial(scores.table, scores=CONTROLS, variants=True)),
    ("controls_wae", "controls_wae", partial(scores.table, scores=PENALISED, variants=True)),
)


def blocks() -> list[tuple[str, str, str]]:
    """Markers and text of each recorded experiment of the study."""
    return [(marked.begin(what, "study"), END, text(Results(RECORDED / name))) for what, name, text in TEXTS]


def curves(experiment: str) -> Plot:
    """A pilot's distance of prior samples and error of reconstructions against the epoch."""
    results = Results(RECORDED / experiment)
    scores = ((str(results.distance), "prior"), ("mse", "reconstruction"))

    def draw() -> Figure:
        figure, panels = canvas(height=5.0, rows=2, sharex=True)
        frame = results.trajectories()
        looks = {method: look(results, method) for method in results.main_methods}
        for axes, (metric, subject) in zip(panels, scores, strict=True):
            rows = frame[(frame["metric"] == metric) & (frame["subject"] == subject)]
            handles = seed_lines(axes, rows, "epoch", "value", looks)
            axes.set(xlabel="epoch", ylabel="", xscale="log")
            axes.set_title(f"{in_words(metric)} of {SUBJECTS[subject]}")
            log_axis(axes.yaxis)
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
        epochs = sorted(frame["epoch"].unique())
        panels[1].set_xticks(epochs, labels=[f"{epoch}" for epoch in epochs])
        panels[1].xaxis.set_minor_locator(NullLocator())
        return figure

    return Plot(experiment, "How long is long enough", "", "", draw)


def seeds(experiment: str, measures: Sequence[scores.Score]) -> Plot:
    """A panel for each score of an experiment on one dataset: every seed, mean and interval of each method."""
    results = Results(RECORDED / experiment)
    (dataset,) = results.datasets

    def draw() -> Figure:
        figure, panels = canvas(height=1.5 * len(measures), rows=len(measures), width=6.0)
        for axes, (metric, subject) in zip(panels, measures, strict=True):
            rows = ((method, one_score(results, dataset, method, metric, subject)) for method in results.main_methods)
            found = {look(results, method): score for method, score in rows if score}
            score_rows(axes, found, real=None)  # so far from every method that it would hide what parts them
            axes.set_title(f"{in_words(metric)} of {SUBJECTS[subject]}")
            if about(metric).positive:
                log_axis(axes.xaxis)
            else:
                plain_ticks(axes.xaxis)
        return figure

    return Plot(experiment, "Methods with their seeds", "", "", draw)


def sweep(experiment: str, key: str) -> Plot:
    """The distance of prior samples over a setting, as the experiment's page has it."""
    results = Results(RECORDED / experiment)
    (dataset,) = results.datasets
    points = swept_points(results, sweeps(results), dataset, key)
    title = in_words(results.distance)
    return Plot(experiment, title, "", "", partial(draw_sweep, points, SWEPT[key], title))


def plots() -> list[Plot]:
    """The figures of docs/results.md, each docs/pictures/NAME.svg."""
    return [
        curves("pilot_mnist"),
        curves("pilot_fashion_mnist"),
        sweep("dimensions", "latent_dim"),
        *(
            seeds(name, (("fid_classifier", "prior"), ("fid_classifier", "mixture"), ("mse", "reconstruction")))
            for name in ("main_mnist", "main_fashion_mnist")
        ),
    ]


def picture(plot: Plot) -> bytes:
    """The SVG of ``plot``."""
    with tempfile.TemporaryDirectory() as folder:
        write(plot, Path(folder))
        return (Path(folder) / f"{plot.name}.svg").read_bytes()


if __name__ == "__main__":
    marked.main(__doc__, PAGE, blocks)
    if "--write" in sys.argv:
        for plot in plots():
            (PICTURES / f"{plot.name}.svg").write_bytes(picture(plot))
