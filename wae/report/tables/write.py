"""Every table of an experiment, as CSV, Markdown and LaTeX, and as what the page shows of it."""

from pathlib import Path
from typing import Any

from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.core.files import write_json, write_text
from wae.report.tables import claim_tables, error_tables, inference_tables, run_tables, score_tables, study_tables
from wae.report.tables.grids import Grid, csv_text, markdown_text, tex_text

WRITERS = {"csv": csv_text, "md": markdown_text, "tex": tex_text}
KINDS = {"csv": ("CSV", "text/csv"), "md": ("Markdown", "text/markdown"), "tex": ("LaTeX", "application/x-tex")}
INDEX = "index.json"


def tables(experiment_dir: Path, out_dir: Path) -> None:
    """Write every table of the experiment into ``out_dir`` as NAME.csv, NAME.md and NAME.tex, and all in index.json."""
    out_dir = Path(out_dir)
    grids = build(Results(Path(experiment_dir)))
    for grid in grids:
        for suffix, text in WRITERS.items():
            write_text(out_dir / f"{grid.name}.{suffix}", text(grid))
    write_json(out_dir / INDEX, _adapter().dump_python(grids, mode="json", exclude={"__all__": {"long_csv"}}))


def build(results: Results) -> list[Grid]:
    """The tables that the experiment's results allow, in the page's order."""
    modules = (score_tables, study_tables, claim_tables, inference_tables, error_tables, run_tables)
    return [grid for module in modules for grid in module.build(results)]


def read_tables(folder: Path) -> dict[str, Grid]:
    """The tables that ``tables`` wrote into ``folder``, by name; none where there is no index. UserError if corrupt."""
    from pydantic import ValidationError

    index = folder / INDEX
    if not index.exists():
        return {}
    try:
        return {grid.name: grid for grid in _adapter().validate_json(index.read_bytes())}
    except ValidationError as error:
        raise UserError(f"{index}: {error.errors()[0]['msg']}; delete it and make the tables again") from error


def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(list[Grid])
