"""The page: reports/summary.html, one self-contained file from an experiment's files."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from wae.analysis.files import CITATION, CLAIMS
from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.core.files import read_json, write_text
from wae.report.names import slug
from wae.report.page import citation, headline, protocol, provenance
from wae.report.page.explorer import explorer
from wae.report.page.pictures import BUDGET, galleries
from wae.report.page.sections import SECTIONS, shown
from wae.report.page.vector import inline_svg
from wae.report.tables import error_tables, study_tables
from wae.report.tables.claim_tables import VERDICTS, errors_said, fixed_said
from wae.report.tables.score_tables import reasons_in_words
from wae.report.tables.write import read_tables

TEMPLATES = Path(__file__).parent / "templates"
LARGEST = 8 * 2**20  # bytes


def page(experiment_dir: Path, report_dir: Path, out_html: Path, partial: bool = False) -> None:
    """Write the page of the experiment to ``out_html``; ``report_dir`` holds its tables/ and figures/.

    ``partial``: the experiment is not complete; the page says so and what is missing.
    """
    results = Results(Path(experiment_dir))
    text = render(results, Path(report_dir), partial)
    size = len(text.encode())
    if size > LARGEST:  # pictures give way first
        text = render(results, Path(report_dir), partial, max(BUDGET - (size - LARGEST), 0))
        size = len(text.encode())
    if size > LARGEST:
        raise UserError(f"{out_html}: the page has {size:,} bytes, at most {LARGEST:,}; plan fewer variants per config")
    write_text(out_html, text)


def render(results: Results, report_dir: Path, partial: bool, pictures: int = BUDGET) -> str:
    """The page's HTML, with at most so many bytes of ``pictures``."""
    template = environment().get_template("summary.html.j2")
    return template.render(context(results, report_dir, partial, pictures))


def environment() -> Environment:
    """What the templates are rendered with: all that is not said to be markup is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html", "j2"), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["slug"] = slug
    made.filters["data_uri"] = data_uri
    made.filters["verdict_class"] = lambda verdict: verdict.value.replace(" ", "-")
    return made


def context(results: Results, report_dir: Path, partial: bool, pictures: int = BUDGET) -> dict[str, Any]:
    """Everything that the template shows."""
    grids, figures = read_tables(report_dir / "tables"), load_figures(report_dir / "figures")
    latent = explorer(results)
    sections = [s for s in SECTIONS if s.id != "own" or any(f["section"] == "own" for f in figures)]
    runs, claims, shortfalls = results.runs(), results.read(CLAIMS).claims, results.read(CITATION)
    return {
        "title": f"Wasserstein autoencoders: {results.experiment}",
        "sections": [s for s in sections if s.id != "explorer" or latent],
        "results": results,
        "partial": partial,
        "started": len(runs),
        "finished": int((runs["status"] == "finished").sum()),
        "missing": int((runs["status"] == "missing").sum()),
        "reasons": reasons_in_words(shortfalls),
        "headline": headline.sentence(results),
        "basis": headline.basis(results),
        "legend": headline.legend(results),
        "step_cost": headline.step_cost(results),
        "figures": figures,
        "tables": shown(results, [claim.id for claim in claims], grids),
        "claims": claims,
        "claims_fixed": fixed_said(results.read(CLAIMS)) if claims else "",
        "errors_said": errors_said,
        "claims_file": results.config.get("report", {}).get("claims", "config/claims.yaml"),
        "claim_tables": {claim.id: grids.get(f"claim_{slug(claim.id)}") for claim in claims},
        "verdicts": VERDICTS,
        "downloads": {name: downloads(name, report_dir / "tables") for name in grids},
        "galleries": galleries(results, pictures),
        "explorer": latent,
        "quiet": study_tables.quietness(results),
        "budget_sentences": error_tables.sentences(results),
        "protocol": protocol.paragraphs(results),
        "protocol_tex": protocol.latex(results),
        "facts": provenance.facts(results),
        "reruns": provenance.reruns(results),
        "config_text": provenance.config_text(results),
        "raw_files": [(name, name, data_uri(text, kind)) for name, kind, text in provenance.raw_files(results)],
        "bibtex": citation.suite_bibtex(results),
        "papers_bibtex": citation.PAPERS,
        "style": Markup("".join((TEMPLATES / f).read_text(encoding="utf-8") for f in ("style.css", "explorer.css"))),
        "script": Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
    }


def load_figures(folder: Path) -> list[dict[str, Any]]:
    """The figures of ``folder``/index.json, each with its inline SVG."""
    index = folder / "index.json"
    entries = read_json(index) if index.exists() else []
    return [
        entry | {"svg": Markup(inline_svg(folder / f"{entry['name']}.svg", f"f{number}"))}
        for number, entry in enumerate(entries)
    ]


def downloads(name: str, folder: Path) -> list[tuple[str, str, str]]:
    """(label, file name, data: URI) of a table's files."""
    kinds = {"csv": ("CSV", "text/csv"), "tex": ("LaTeX", "application/x-tex"), "md": ("Markdown", "text/markdown")}
    return [
        (label, f"{name}.{suffix}", data_uri((folder / f"{name}.{suffix}").read_text(encoding="utf-8"), kind))
        for suffix, (label, kind) in kinds.items()
    ]


def data_uri(text: str, kind: str = "text/plain") -> str:
    """``text`` as a data: URI."""
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"
