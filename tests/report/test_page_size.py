"""A page of many variants: what lies elsewhere too is left out in a fixed order, and long parts are folded."""

from pathlib import Path

import pytest

from tests.shared.report import experiment
from tests.shared.results import write_json
from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.report.page import render as page_module
from wae.report.page.render import LARGEST, Room, load_figures, page, render
from wae.report.tables.grids import Cell, Grid, Head
from wae.report.tables.write import tables

CODES = ("a_latent", "b_latent", "c_latent")  # of three sizes, with another section's figure between them
ORDER = ("a_latent", "training", "b_latent", "c_latent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three methods and three seeds."""
    return experiment(tmp_path_factory.mktemp("size"), datasets=("digits",), seeds=(0, 1, 2))


@pytest.fixture(scope="module")
def report_dir(folder: Path) -> Path:
    """Its tables, and figures that are not drawn from it."""
    made = folder.parent.parent / "reports" / "fake"
    tables(folder, made / "tables")
    figures = made / "figures"
    figures.mkdir()
    for number, name in enumerate(ORDER):
        path = '<path d="M 0 0"/>' * (10 - number)
        (figures / f"{name}.svg").write_text(f'<svg viewBox="0 0 10 10"><g id="a">{path}</g></svg>')
    write_json(figures / "index.json", [_entry(name) for name in ORDER])
    return made


def _entry(name: str) -> dict[str, str]:
    section = "latent" if name in CODES else name
    return {"name": name, "section": section, "title": name, "caption": "", "alt": "", "dataset": "digits"}


def test_what_lies_elsewhere_gives_way_in_a_fixed_order(
    folder: Path, report_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = (Room(), Room(pictures=0), Room(pictures=0, codes=0), Room(pictures=0, codes=0, files=False))
    monkeypatch.setattr(page_module, "ROOMS", rooms)
    sizes = [len(render(Results(folder), report_dir, partial=False, room=room).encode()) for room in rooms]
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3]
    for number, size in enumerate(sizes):
        monkeypatch.setattr(page_module, "LARGEST", size)
        out = tmp_path / f"{number}.html"
        page(folder, report_dir, out)
        text = out.read_text()
        assert len(text.encode()) == size
        assert ("data:image/" in text) == (number < 1)
        assert ("9 lie in the runs' folders" in text) == (number > 0)
        assert [f'id="figure-{name}"' in text for name in CODES] == [number < 2] * 3
        assert ('3 lie in <span class="path">reports/fake/figures</span>' in text) == (number > 1)
        assert ("data:text/csv" in text) == (number < 3)
        assert ('lie in <span class="path">results/fake</span>' in text) == (number == 3)
    monkeypatch.setattr(page_module, "LARGEST", sizes[-1] - 1)
    with pytest.raises(UserError, match=r"the page has [\d,]+ bytes, at most [\d,]+; plan fewer variants per config"):
        page(folder, report_dir, tmp_path / "refused.html")
    assert not (tmp_path / "refused.html").exists()


def test_the_last_room_of_a_page_is_the_smallest() -> None:
    fields = [(room.pictures, room.codes, room.files) for room in page_module.ROOMS]
    assert fields == sorted(fields, reverse=True)
    assert page_module.ROOMS[0] == Room()
    assert page_module.ROOMS[-1].files is False


def test_figures_of_codes_are_taken_in_their_order_while_there_is_room(report_dir: Path) -> None:
    everything, none = load_figures(report_dir / "figures", LARGEST)
    assert [figure["name"] for figure in everything] == list(ORDER)
    assert not none
    sizes = {figure["name"]: len(figure["svg"]) for figure in everything}
    both = sizes["a_latent"] + sizes["b_latent"]
    for room, kept in ((both, ["a_latent", "training", "b_latent"]), (both - 1, ["a_latent", "training", "c_latent"])):
        found, left_out = load_figures(report_dir / "figures", room)
        assert [figure["name"] for figure in found] == kept
        assert left_out == {"digits": 1}


def _shown(section: str, rows: int) -> str:
    """The markup of a table of so many rows, each with a long cell that has a short form."""
    row = (Cell("a", head=True), Cell("everything that differs", short="7 fields"))
    grid = Grid("name", "Title", "", section, (Head("x"), Head("y")), (row,) * rows)
    text = "{% import 'macros.html.j2' as show with context %}{{ show.table(grid) }}"
    return page_module.environment().from_string(text).render(grid=grid, downloads={"name": []})


@pytest.mark.parametrize(("section", "rows", "folded"), [("budget", 25, 1), ("budget", 24, 0), ("scores", 25, 0)])
def test_a_long_table_of_the_error_budget_is_folded(section: str, rows: int, folded: int) -> None:
    text = _shown(section, rows)
    assert text.count('<details class="more"><summary>Title (25 rows)</summary>') == folded
    assert text.count("<details") == text.count("</details>") == folded + rows
    assert text.index("<details") < text.index("<table") or not folded


def test_a_long_cell_shows_its_short_form_and_all_when_it_is_opened() -> None:
    assert "<details><summary>7 fields</summary>everything that differs</details></td>" in _shown("published", 1)
