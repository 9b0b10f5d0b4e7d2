"""Score tables: the right numbers in the right cells, marks, citation bar, and the three file formats."""

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.shared.report import experiment as make
from wae.analysis.citation import shortfalls
from wae.analysis.claims.verdicts import Verdict
from wae.analysis.files import CLAIMS, SCORES
from wae.analysis.results import Results
from wae.analysis.rows import Score
from wae.analysis.runs import load_metrics
from wae.core.errors import UserError
from wae.core.files import read_json, write_json
from wae.report.names import slug
from wae.report.page.protocol import latex
from wae.report.tables import score_tables
from wae.report.tables import write as tables
from wae.report.tables.claim_tables import summary
from wae.report.tables.columns import Column
from wae.report.tables.grids import MARKS, Cell, Grid, Head, csv_text, markdown_text, tex_escape, tex_text
from wae.report.tables.score_tables import build, reasons_in_words
from wae.report.tables.write import read_tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fake experiment with one diverged run."""
    return make(tmp_path_factory.mktemp("tables"), diverged=(("glyphs", "wae_gan", 2),))


def _grid(folder: Path, name: str) -> Grid:
    return next(grid for grid in build(Results(folder)) if grid.name == name)


def test_a_cell_is_the_mean_over_seeds_of_means_over_draws(folder: Path) -> None:
    frame = load_metrics(folder / "metrics.csv")
    rows = frame[
        (frame["dataset"] == "digits")
        & (frame["method"] == "wae_mmd")
        & (frame["metric"] == "fid_classifier")
        & (frame["subject"] == "prior")
        & (frame["reference"] == "test")
    ]
    seeds = [rows[rows["seed"] == seed]["value"].mean() for seed in (0, 1, 2)]
    factor = np.exp(stats.t.ppf(0.975, 2) * stats.sem(seeds) / np.mean(seeds))
    grid = _grid(folder, "digits_generation")
    cell = grid.rows[1][2]
    assert cell.value == pytest.approx(np.mean(seeds))
    shown, low, high = map(float, re.findall(r"[\d.]+", cell.text))
    assert shown == pytest.approx(np.mean(seeds), abs=0.051)
    assert (low, high) == pytest.approx((np.mean(seeds) / factor, np.mean(seeds) * factor), abs=0.051)


def test_the_trace_names_seeds_file_and_runs(folder: Path) -> None:
    trace = _grid(folder, "digits_generation").rows[1][2].trace
    frame = load_metrics(folder / "metrics.csv")
    assert trace[0].startswith("WAE-MMD on digits")
    assert "from 10,000 images, 5 draws per seed" in trace
    assert trace[-2:] == ("file results/fake/metrics.csv", "runs results/fake/digits/wae_mmd/seed{0,1,2}")
    assert sum(line.startswith("seed ") for line in trace) == 3
    assert not frame.empty


def test_seeds_finished_of_started_and_why_it_is_not_for_citation(folder: Path) -> None:
    grid = _grid(folder, "glyphs_generation")
    seeds = {row[0].text: row[1].text for row in grid.rows}
    assert (seeds["VAE"], seeds["WAE-GAN"]) == ("3/3", "2/3")
    assert grid.reasons == ("a method has 2 finished seeds, fewer than 3",)
    assert _grid(folder, "digits_generation").reasons == ()
    assert not any(cell.mark for row in grid.rows for cell in row)


def test_the_bar_names_each_shortfall(tmp_path: Path) -> None:
    few = make(tmp_path / "few", datasets=("digits",), seeds=(0,), samples=500, clean=False)
    reasons = reasons_in_words(shortfalls(Results(few)))
    assert len(reasons) == 3
    assert "1 finished seed, fewer than 3" in reasons[0]
    assert reasons[1].endswith(
        "on digits rest on fewer than 2,048 images, or no more images than features, on one side"
    )
    assert "not committed" in reasons[2]
    (few / "manifest.json").unlink()
    assert "commit of the sources is not known" in reasons_in_words(shortfalls(Results(few)))[2]
    cell = _grid(few, "digits_generation").rows[0][2]
    assert cell.text.endswith(" †")
    assert "[" not in cell.text


def test_the_best_of_a_column_is_marked_in_its_direction(folder: Path) -> None:
    grid = _grid(folder, "digits_generation")
    marks = {row[0].text: row[2].mark for row in grid.rows}
    assert marks["WAE-GAN"] == "best"
    assert marks["VAE"] == ""


def test_rows_are_sorted_by_the_first_measure_and_some_columns_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = _grid(folder, "digits_generation")
    assert [row[0].text for row in grid.rows] == ["WAE-GAN", "WAE-MMD", "VAE", "Real data"]
    assert grid.order == (2, "ascending")
    assert grid.lead == 0  # it fits
    monkeypatch.setattr(score_tables, "LEAD", 4)
    assert _grid(folder, "digits_generation").lead == 4 < len(grid.heads)


def test_measures_that_the_config_names_follow_the_first_in_its_order(folder: Path, tmp_path: Path) -> None:
    named = shutil.copytree(folder, tmp_path / "named")

    def metrics() -> list[str]:
        scores = [score for score in Results(named).read(SCORES) if score.dataset == "digits"]
        return [c.metric for c in score_tables._columns(Results(named), scores, ["prior"], "fid_classifier")]

    first, *others = metrics()
    assert first == "fid_classifier"
    assert len(others) >= 4
    plan = read_json(named / "plan.json")
    plan["config"]["report"] = {"secondary": [others[-1], f"{others[2]}/prior", f"{others[3]}/codes"]}
    write_json(named / "plan.json", plan)
    kept = [name for name in others if name not in (others[-1], others[2])]
    assert metrics() == [first, others[-1], others[2], *kept]


def test_numbers_are_padded_to_their_decimal_point() -> None:
    cells = [Cell("1.25 [1, 2]", 1.25), Cell("10", 10), Cell("−3.5 †", -3.5), Cell("-"), Cell("2 of 3", 2.0)]
    cells.append(Cell("≥ 7.4 [7, 8]", 7.4))
    grid = Grid("a", "", "", "", (Head("x"),), tuple((cell,) for cell in cells))
    assert [cell.parts for cell in cells[:3]] == [("1.25", "[1, 2]"), ("10", ""), ("−3.5", "†")]
    assert [grid.padding(0, cell) for cell in cells] == ["", ".00", "0", "", ".00", "0"]
    assert cells[-1].parts == ("≥ 7.4", "[7, 8]")


@pytest.mark.parametrize(
    ("text", "parts", "pad"),
    [
        ("243, recalled", ("243,", "recalled"), ".00"),
        ("13.87, second hand", ("13.87,", "second hand"), ""),
        ("1,234.5, recalled", ("1,234.5,", "recalled"), "0"),
        ("10,000", ("10,000", ""), ".00"),
        ("5, 6", ("5,", "6"), ".00"),
        ("1,234x", ("1,234x", ""), ".00"),
    ],
)
def test_a_comma_after_a_number_neither_moves_from_it_nor_moves_it(text: str, parts: tuple[str, str], pad: str) -> None:
    cells = [Cell(text, 1.0), Cell("1.25", 1.25)]
    grid = Grid("a", "", "", "", (Head("x"),), tuple((cell,) for cell in cells))
    assert cells[0].parts == parts
    assert [grid.padding(0, cell) for cell in cells] == [pad, ""]


def test_times_are_not_padded_away_from_their_units() -> None:
    for second in ("6 ms", "6 µs"):
        cells = [Cell("6.17 ms", 6.17e-3), Cell(second, 6e-3)]
        grid = Grid("a", "", "", "", (Head("x"),), tuple((cell,) for cell in cells))
        assert [grid.padding(0, cell) for cell in cells] == ["", ""]


def test_real_data_stands_last_with_its_own_values(folder: Path) -> None:
    grid = _grid(folder, "digits_generation")
    assert grid.fixed == 1
    assert grid.rows[-1][0].text == "Real data"
    assert grid.rows[-1][2].value == pytest.approx((4.7 + 5.1) / 2)


def test_each_prior_against_itself_is_a_row_below_the_methods(folder: Path) -> None:
    def score(method: str, value: float) -> Score:
        return Score("digits", method, "latent_sw2", "codes", value, None, None, {0: value})

    scores = [score("vae", 0.1), *(score(f"perfect_match@prior={name}", 0.02) for name in ("normal", "sphere"))]
    grid = score_tables._build_one(Results(folder), scores, [], "digits", "latent")
    assert grid is not None
    assert grid.fixed == 2
    names = [row[0].text for row in grid.rows[-2:]]
    assert names == ["Prior against prior, prior = normal", "Prior against prior, prior = sphere"]
    assert grid.rows[-1][2].trace[1:] == ("value 0.02", "file results/fake/metrics.csv")
    assert score_tables._build_one(Results(folder), scores[1:], [], "digits", "latent") is None


def test_csv_has_full_precision_and_a_line_per_cell(folder: Path) -> None:
    grid = _grid(folder, "digits_generation")
    lines = list(csv.DictReader(io.StringIO(csv_text(grid))))
    line = next(one for one in lines if (one["method"], one["metric"]) == ("wae_mmd", "fid_classifier"))
    assert float(line["mean"]) == grid.rows[1][2].value
    assert (line["seeds_finished"], line["seeds_started"], line["draws"]) == ("3", "3", "5")


def test_files_are_written_in_three_formats_and_the_same_twice(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        tables.tables(folder, tmp_path / name)
    first, second = (sorted((tmp_path / name).iterdir()) for name in ("a", "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert all(x.read_bytes() == y.read_bytes() for x, y in zip(first, second, strict=True))
    assert {path.suffix for path in first} == {".csv", ".md", ".tex", ".json"}


def test_the_page_reads_what_the_tables_show(folder: Path, tmp_path: Path) -> None:
    tables.tables(folder, tmp_path)
    read, made = read_tables(tmp_path), {grid.name: grid for grid in tables.build(Results(folder))}
    assert list(read) == list(made)
    for name, grid in made.items():
        assert (read[name].heads, read[name].notes, read[name].reasons) == (grid.heads, grid.notes, grid.reasons)
        assert [[c.text for c in row] for row in read[name].rows] == [[c.text for c in row] for row in grid.rows]
        assert [[c.numeric for c in row] for row in read[name].rows] == [[c.numeric for c in row] for row in grid.rows]
    (tmp_path / "index.json").write_text("[{}]")
    with pytest.raises(UserError, match="delete it and make the tables again"):
        read_tables(tmp_path)
    assert read_tables(tmp_path / "none") == {}


def test_a_fixed_row_without_a_value_in_the_columns_shown_is_left_out() -> None:
    def row(*texts: str) -> tuple[Cell, ...]:
        return (Cell(texts[0], head=True), *map(Cell, texts[1:]))

    rows = (row("VAE", "3/3", "-", "1"), row("Real data", "", "0.1", "-"), row("Prior", "", "-", "0.2"))
    grid = Grid("n", "t", "c", "s", tuple(map(Head, "abcd")), rows, fixed=2)
    assert [(cells[0].text, len(cells), fixed) for cells, fixed in grid.shown(3)] == [
        ("VAE", 3, False),  # a method's row stays, whatever it lacks
        ("Real data", 3, True),
    ]
    assert [cells[0].text for cells, _ in grid.shown(4)] == ["VAE", "Real data", "Prior"]


SAMPLE = Grid(
    name="a_b",
    title="A <b> & c_d",
    caption="50% of x_1",
    key=MARKS,
    section="scores",
    heads=(Head("Method"), Head("Score [10⁻³] ↓")),
    rows=(
        (Cell("m|1", head=True), Cell("1.0 ± 0.1", 1.0, mark="best")),
        (Cell("λ_2"), Cell("1.1 ± 0.1", 1.1, mark="tie")),
    ),
)


def test_markdown_escapes_and_marks() -> None:
    text = markdown_text(SAMPLE)
    assert "A &lt;b>" in text
    assert "| m\\|1 | **1.0 ± 0.1** |" in text
    assert "| 1.1 ± 0.1 = |" in text


def test_markdown_of_any_text_steers_no_terminal_and_makes_no_link() -> None:
    hostile = "[click](javascript:alert(1)) [x]\u200b(y)\x1b]0;pwned\x07\x1b[2J a\u00a0b"
    text = markdown_text(Grid("n", "t", "c", "s", (Head("h"),), ((Cell(hostile),),)))
    assert r"| [click]\(javascript:alert(1)) [x]\(y)]0;pwned[2J a b |" in text
    assert text.replace("\n", "").isprintable()


def test_verdicts_in_markdown_repeat_no_name_raw(folder: Path) -> None:
    document = CLAIMS.read(folder)
    claim = next(claim for claim in document.claims if claim.evidence)
    shown = replace(claim.evidence[0], dataset="d\x1b[2J|[x](y)", verdict=Verdict.SUPPORTED)
    other = replace(shown, dataset="open", verdict=Verdict.INCONCLUSIVE)
    claims = [replace(claim, verdict=Verdict.SUPPORTED, evidence=[other, shown])]
    assert summary(replace(document, claims=claims))[-1].endswith(r"| d[2J\|[x]\(y) |")


def test_tex_escapes_and_marks() -> None:
    text = tex_text(SAMPLE)
    assert r"\caption{50\% of x\_1 " in text
    assert r"\textbf{1.0 $\pm$ 0.1}" in text
    assert r"$\lambda$\_2 & 1.1 $\pm$ 0.1 = \\" in text
    assert text.count("{") == text.count("}")
    assert tex_escape("a\\b") == r"a\textbackslash{}b"
    assert tex_escape("c(x, x̂)") == r"c(x, $\hat{x}$)"


def test_a_wide_table_is_turned_in_latex() -> None:
    wide = Grid("n", "t", "c", "s", tuple(Head(f"h{i}") for i in range(5)), (tuple(Cell(f"c{i}") for i in range(5)),))
    assert r"\begin{tabular}{ll}" in tex_text(wide)
    assert "h4 & c4" in tex_text(wide)


def test_latex_tables_compile(folder: Path, tmp_path: Path) -> None:
    engine = next((name for name in ("tectonic", "pdflatex", "lualatex") if shutil.which(name)), None)
    if engine is None:
        pytest.skip("no LaTeX engine (tectonic, pdflatex or lualatex) is installed; install one to compile the tables")
    tables.tables(folder, tmp_path / "tables")
    (tmp_path / "tables" / "methods.tex").write_text(latex(Results(folder)))
    inputs = "\n".join(rf"\input{{{path}}}" for path in sorted((tmp_path / "tables").glob("*.tex")))
    packages = r"\usepackage{booktabs}\usepackage{graphicx}\usepackage[T1]{fontenc}"
    document = rf"\documentclass{{article}}{packages}\begin{{document}}{inputs}\end{{document}}"
    (tmp_path / "all.tex").write_text(document)
    command = [engine, *(["-interaction=nonstopmode", "-halt-on-error"] if engine != "tectonic" else []), "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "all.pdf").stat().st_size > 1000


def test_slugs_are_safe_and_never_collide() -> None:
    assert slug("mnist") == "mnist"
    assert slug("<script>") != slug("(script)")
    assert set(slug("../a b/<c>")) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
    assert "/" not in slug("..")
    assert slug("..") not in ("", ".", "..")


def test_a_small_value_beside_large_ones_is_not_written_as_nothing() -> None:
    one = Score("d", "vae", "fid_classifier", "prior", mean=24.0, low=16.9, high=31.1, by_seed={0: 24.0, 1: 24.0})
    column = Column("fid_classifier", "prior", {"vae": one})
    assert [column.number(v) for v in (0.045, -0.045, 0.06, 3.14, 0.0)] == ["0.04", "−0.04", "0.1", "3.1", "0.0"]


def test_csv_has_the_interval_of_a_column_where_it_has_one() -> None:
    rows = (
        (Cell("a", head=True), Cell("0.3 [0.1, 0.5]", 0.1 + 0.2, low=0.1, high=0.5)),
        (Cell("b", head=True), Cell("-")),
    )
    grid = Grid("a", "", "", "", (Head("Method"), Head("x")), rows)
    assert csv_text(grid) == "Method,x,x: low,x: high\na,0.30000000000000004,0.1,0.5\nb,,,\n"
    assert csv_text(Grid("a", "", "", "", (Head("x"), Head("y")), ())) == "x,y\n"
