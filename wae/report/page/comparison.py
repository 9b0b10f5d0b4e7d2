"""The page of ``wae compare``: two folders of results against each other, one self-contained file."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from wae.analysis.folders import ScorePair
from wae.analysis.origins import Difference
from wae.core.files import write_text
from wae.report.page.render import TEMPLATES, data_uri, environment
from wae.report.tables import folder_tables
from wae.report.tables.grids import Grid
from wae.report.tables.write import KINDS, WRITERS


def comparison_page(names: Sequence[str], found: list[Difference], pairs: list[ScorePair], out_html: Path) -> None:
    """Write the page; ``names``: how the first and the second folder are called."""
    origins, scores = folder_tables.origins(found), folder_tables.scores(pairs)
    text = (
        environment()
        .get_template("comparison.html.j2")
        .render(
            title=f"{names[0]} and {names[1]} compared",
            names=names,
            summary=folder_tables.summary(pairs),
            origins=origins,
            scores=scores,
            downloads={grid.name: _downloads(grid) for grid in (origins, *scores)},
            style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
            script=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
        )
    )
    write_text(out_html, text)


def _downloads(grid: Grid) -> list[tuple[str, str, str]]:
    return [
        (label, f"{grid.name}.{suffix}", data_uri(WRITERS[suffix](grid), kind))
        for suffix, (label, kind) in KINDS.items()
    ]
