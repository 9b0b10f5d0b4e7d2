"""Every table of an experiment, as CSV, Markdown and LaTeX."""

from pathlib import Path

from wae.analysis.results import Results
from wae.core.files import write_json, write_text
from wae.report.tables import error_tables, run_tables, score_tables, study_tables
from wae.report.tables.grids import Grid, csv_text, markdown_text, tex_text

WRITERS = {"csv": csv_text, "md": markdown_text, "tex": tex_text}


def tables(experiment_dir: Path, out_dir: Path) -> None:
    """Write every table of the experiment into ``out_dir`` as NAME.csv, NAME.md and NAME.tex, and index.json."""
    out_dir = Path(out_dir)
    index = []
    for grid in build(Results(Path(experiment_dir))):
        for suffix, text in WRITERS.items():
            write_text(out_dir / f"{grid.name}.{suffix}", text(grid))
        index.append({key: getattr(grid, key) for key in ("name", "title", "caption", "section", "dataset")})
    write_json(out_dir / "index.json", index)


def build(results: Results) -> list[Grid]:
    """The tables that the experiment's results allow, in the page's order."""
    modules = (score_tables, study_tables, error_tables, run_tables)
    return [grid for module in modules for grid in module.build(results)]
