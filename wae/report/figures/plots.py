"""What a figure is, and how it is saved: the same bytes for the same results."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from wae.core.files import write_atomic
from wae.report.figures.style import RC, TIP

_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Plot:
    """A figure to draw: ``draw()`` makes it under the house's style.

    ``name``: of its files. ``alt`` says in words what the figure shows. ``section``: where the page shows it, by
    default among the figures of one's own. ``dataset`` is "" when it is about all.
    """

    name: str
    title: str
    caption: str
    alt: str
    draw: Callable[[], Figure]
    section: str = "own"
    dataset: str = ""

    def entry(self) -> dict[str, str]:
        """What index.json keeps of it."""
        return {key: getattr(self, key) for key in ("name", "section", "title", "caption", "alt", "dataset")}


def write(plot: Plot, folder: Path) -> None:
    """Draw ``plot`` and write NAME.svg, NAME.pdf and NAME.png into ``folder``, without dates."""
    settings: Any = {**RC, "svg.hashsalt": plot.name}
    with rc_context(settings):
        figure = plot.draw()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # the layout is found once for the three files
        for suffix, metadata in _METADATA.items():
            save = partial(figure.savefig, format=suffix, metadata=metadata)
            write_atomic(folder / f"{plot.name}.{suffix}", _with_tips(save) if suffix == "svg" else save)


def _with_tips(save: Callable[[Any], None]) -> Callable[[Path], None]:
    """``save`` to SVG; what ``style.tip`` named gets data-method and a <title>, which browsers show on hover."""

    def saved(path: Path) -> None:
        buffer = io.BytesIO()
        save(buffer)
        path.write_text(re.sub(rf'<g id="{TIP}\|([^"|]*)\|([^"]*)">', _tipped, buffer.getvalue().decode()), "utf-8")

    return saved


def _tipped(found: re.Match[str]) -> str:
    return f'<g data-method="{found[1]}"><title>{found[2]}</title>' if found[2] else f'<g data-method="{found[1]}">'
