"""The page: reports/summary.html, one self-contained file from an experiment's files."""

import base64
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from wae.analysis.files import CITATION, CLAIMS
from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.core.files import read_json, write_text
from wae.report.names import slug
from wae.report.page import citation, error_words, headline, protocol, provenance
from wae.report.page.explorer import explorer
from wae.report.page.pictures import BUDGET, Encode, encoded, galleries
from wae.report.page.sections import SECTIONS, shown
from wae.report.page.vector import inline_svg
from wae.report.tables import run_tables, study_tables
from wae.report.tables.claim_tables import VERDICTS, errors_said, fixed_said
from wae.report.tables.score_tables import reasons_in_words
from wae.report.tables.write import KINDS, read_tables

TEMPLATES = Path(__file__).parent / "templates"
LARGEST = 8 * 2**20  # bytes


@dataclass(frozen=True)
class Room:
    """What a page gives to all that lies in files too: bytes of image grids, bytes of figures of codes, data files."""

    pictures: int = BUDGET
    codes: int = LARGEST
    files: bool = True


# The page takes the first room in which it is not too large.
ROOMS = (
    Room(),
    Room(pictures=BUDGET // 4),
    Room(pictures=BUDGET // 4, codes=BUDGET // 2),
    Room(pictures=BUDGET // 4, codes=BUDGET // 2, files=False),
)


def page(experiment_dir: Path, report_dir: Path, out_html: Path, partial: bool = False) -> None:
    """Write the page of the experiment to ``out_html``; ``report_dir`` holds its tables/ and figures/.

    ``partial``: the experiment is not complete; the page says so and what is missing. A page of many variants leaves
    out grids, figures of codes and data files, in this order, and says where they lie. Raises UserError for a page of
    more than 8 MiB without them.
    """
    results = Results(Path(experiment_dir))
    encode = cache(encoded)  # a room differs in how many image grids it takes, not in the grids
    for room in ROOMS:
        text = render(results, Path(report_dir), partial, room, encode)
        size = len(text.encode())
        if size <= LARGEST:
            write_text(out_html, text)
            return
    raise UserError(f"{out_html}: the page has {size:,} bytes, at most {LARGEST:,}; plan fewer variants per config")


def render(results: Results, report_dir: Path, partial: bool, room: Room, encode: Encode = encoded) -> str:
    """The page's HTML, within ``room``."""
    template = environment().get_template("summary.html.j2")
    return template.render(context(results, report_dir, partial, room, encode))


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


def context(results: Results, report_dir: Path, partial: bool, room: Room, encode: Encode) -> dict[str, Any]:
    """Everything that the template shows."""
    grids = read_tables(report_dir / "tables")
    figures, figures_left_out = load_figures(report_dir / "figures", room.codes)
    latent = explorer(results)
    sections = [s for s in SECTIONS if s.id != "own" or any(f["section"] == "own" for f in figures)]
    raw_files = provenance.raw_files(results) if room.files else []
    runs, claims, shortfalls = results.runs(), results.read(CLAIMS).claims, results.read(CITATION)
    return {
        "title": f"Wasserstein autoencoders: {results.experiment}",
        "sections": [s for s in sections if s.id != "explorer" or latent],
        "results": results,
        "partial": partial,
        "started": len(runs),
        "finished": int((runs["status"] == "finished").sum()),
        "missing": int((runs["status"] == "missing").sum()),
        "timed": results.metrics().empty and not results.timing().empty,
        "reasons": reasons_in_words(shortfalls),
        "headline": headline.sentence(results),
        "basis": headline.basis(results),
        "legend": headline.legend(results),
        "step_cost": headline.step_cost(results),
        "figures": figures,
        "figures_left_out": figures_left_out,
        "results_dir": results.shown_path(results.folder),
        "report_dir": Path("reports") / results.folder.resolve().name,
        "tables": shown(results, [claim.id for claim in claims], grids),
        "claims": claims,
        "claims_fixed": fixed_said(results.read(CLAIMS)) if claims else "",
        "errors_said": errors_said,
        "claims_file": results.config.get("report", {}).get("claims", "config/claims.yaml"),
        "claim_tables": {claim.id: grids.get(f"claim_{slug(claim.id)}") for claim in claims},
        "verdicts": VERDICTS,
        "downloads": {name: downloads(name, report_dir / "tables") if room.files else [] for name in grids},
        "galleries": galleries(results, room.pictures, encode),
        "explorer": latent,
        "not_along_training": run_tables.not_along_training(results),
        "quiet": study_tables.quietness(results),
        "budget_sentences": error_words.sentences(results),
        "protocol": protocol.paragraphs(results),
        "protocol_tex": protocol.latex(results),
        "facts": provenance.facts(results),
        "reruns": provenance.reruns(results),
        "config_text": provenance.config_text(results),
        "raw_files": [(name, name, data_uri(text, kind)) for name, kind, text in raw_files],
        "bibtex": citation.suite_bibtex(results),
        "papers_bibtex": citation.PAPERS,
        "style": Markup("".join((TEMPLATES / f).read_text(encoding="utf-8") for f in ("style.css", "explorer.css"))),
        "script": Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
    }


def load_figures(folder: Path, codes: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The figures of ``folder``/index.json, each with its inline SVG, and how many of codes are left out, by dataset.

    Figures of codes, one a variant, are taken in their order as long as they fit into ``codes`` bytes together.
    """
    index = folder / "index.json"
    entries = read_json(index) if index.exists() else []
    figures, spent, left_out = [], 0, Counter[str]()
    for number, entry in enumerate(entries):
        svg = inline_svg(folder / f"{entry['name']}.svg", f"f{number}")
        if entry["section"] == "latent":
            if spent + len(svg) > codes:
                left_out[entry["dataset"]] += 1
                continue
            spent += len(svg)
        figures.append(entry | {"svg": Markup(svg)})
    return figures, left_out


def downloads(name: str, folder: Path) -> list[tuple[str, str, str]]:
    """(label, file name, data: URI) of a table's files."""
    return [
        (label, f"{name}.{suffix}", data_uri((folder / f"{name}.{suffix}").read_text(encoding="utf-8"), kind))
        for suffix, (label, kind) in KINDS.items()
    ]


def data_uri(text: str, kind: str = "text/plain") -> str:
    """``text`` as a data: URI."""
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"
