"""reports/index.html: every experiment's page, with what it says first."""

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from markupsafe import Markup

from wae.core.errors import UserError
from wae.core.files import write_text
from wae.report.page.render import TEMPLATES, environment

HEAD = 65_536  # bytes of a page in which its title and description stand


@dataclass(frozen=True)
class Entry:
    """A page: its address from the index, and what its head says; "" for what an older page lacks.

    ``warning``: that runs are missing, or that it is not for citation, and why.
    """

    href: str
    title: str
    headline: str
    basis: str
    warning: str


def index(reports: Path) -> Path:
    """Write ``reports``/index.html, which lists the pages of its experiments and of recorded ones; returns its path.

    UserError where there is no such folder.
    """
    if not reports.is_dir():
        raise UserError(f"{reports}: no such folder; give the folder that holds the experiments' pages")
    here = [_entry(path, reports) for path in sorted(reports.glob("*/summary.html"))]
    recorded = [_entry(path, reports) for path in sorted(reports.glob("recorded/*/summary.html"))]
    out = reports / "index.html"
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    page = environment().get_template("index.html.j2")
    write_text(out, page.render(groups=[("Experiments", here), ("Recorded experiments", recorded)], style=style))
    return out


def _entry(path: Path, reports: Path) -> Entry:
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(HEAD)

    def said(pattern: str) -> str:
        found = re.search(pattern, head)
        return unescape(found[1]) if found else ""

    title = said(r"<title>([^<]*)</title>") or path.parent.name
    names = ("description", "wae-basis", "wae-warning")
    stated = (said(rf'<meta name="{name}" content="([^"]*)">') for name in names)
    return Entry(path.relative_to(reports).as_posix(), title, *stated)
