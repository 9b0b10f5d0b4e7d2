"""A saved SVG figure as part of the page: own ids, the page's colours and type, no background."""

import re
from pathlib import Path

from wae.report.figures.style import GRID, INK


def inline_svg(path: Path, prefix: str) -> str:
    """The <svg> element of a figure that matplotlib wrote, made to live inside a page beside others.

    Ids get ``prefix``, ink and grid become CSS variables that follow dark and light mode, the white ground
    and the file's metadata go. The text is the suite's own and escaped by matplotlib.
    """
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style type=\"text/css\">.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*</defs>", "", text)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", text)
    text = text.replace("fill: #ffffff", "fill: none")
    for colour, variable in ((INK, "--ink"), (GRID, "--grid")):
        text = text.replace(colour, f"var({variable})")
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups()  # type: ignore[union-attr]
    opening = (
        f'<svg viewBox="0 0 {width} {height}" xmlns:xlink="http://www.w3.org/1999/xlink" aria-hidden="true" '
        'focusable="false" stroke-linejoin="round">'
    )
    text = re.sub(r"<svg[^>]*>", opening, text, count=1)
    text = re.sub(r"\n\s+", "\n", text)
    return re.sub(r"\n+", "\n", text).strip()
