"""Compare two folders of results: two commits, two machines, two configs."""

from pathlib import Path

from wae.analysis.folders import compare_scores
from wae.analysis.origins import differences
from wae.analysis.results import Results
from wae.core.errors import UserError, printable
from wae.report.page.comparison import comparison_page
from wae.report.tables import folder_tables
from wae.report.tables.grids import markdown_text


def compare(first: Path, second: Path, out: Path) -> None:
    """Print as Markdown which scores differ and what differs in origin, and write the page with all of them."""
    results = [Results(scored_folder(folder)) for folder in (first, second)]
    found, pairs = differences(*results), compare_scores(*results)
    print(f"first: {printable(first)}, second: {printable(second)}\n")
    print(f"{folder_tables.summary(pairs)}\n")
    for grid in (*folder_tables.scores(pairs, only_different=True), folder_tables.origins(found)):
        if grid.rows:
            print(markdown_text(grid))
    comparison_page([str(first), str(second)], found, pairs, out)
    print(f"wrote {out}")


def scored_folder(folder: Path) -> Path:
    """The folder itself, or results/EXPERIMENT for reports/EXPERIMENT; UserError where neither holds metrics.csv."""
    for candidate in (folder, folder.parent.parent / "results" / folder.name):
        if (candidate / "metrics.csv").exists():
            return candidate
    raise UserError(f"{folder}: no metrics.csv; give results/EXPERIMENT or a recorded folder")
