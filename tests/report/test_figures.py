"""Figures: drawn for what was measured, the same bytes twice, readable and coloured by one rule."""

import colorsys
import json
import re
import shutil
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_rgb

from tests.shared.models import IMPLEMENTATIONS
from tests.shared.report import copy, experiment
from tests.shared.tables import results as made
from wae.analysis.results import Results
from wae.analysis.rows import SweepPoint
from wae.analysis.runs import REAL_DATA
from wae.analysis.words import seconds
from wae.core.errors import UserError
from wae.core.files import write_json
from wae.core.plugins import load_class
from wae.methods.base import Method
from wae.report.figures import claims, style, timing
from wae.report.figures import draw as figures
from wae.report.figures.budget import draw_gap
from wae.report.figures.claims import draw_information, draw_sweep
from wae.report.figures.plots import write
from wae.report.figures.timing import draw_split
from wae.report.figures.training import CLASSES, draw_latent
from wae.report.page.vector import inline_svg
from wae.report.tables import study_tables

GROUNDS = ("#fdfdfc", "#14171b")  # --paper of the page's style sheet, light and dark


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A fake experiment with a sweep of lambda."""
    methods = ("vae", "wae_mmd", "wae_gan", "wae_mmd@lambda_=1", "wae_mmd@lambda_=100")
    return Results(experiment(tmp_path_factory.mktemp("figures"), datasets=("digits",), methods=methods))


@pytest.mark.parametrize("count", [3, 26])
def test_each_class_of_codes_has_its_colour_and_its_name(count: int) -> None:
    classes = [str(label) for label in range(count)]
    codes = pd.DataFrame({"x": [float(i) for i in range(count)], "y": 0.0, "label": classes})
    (axes,) = draw_latent(codes, classes).axes
    assert [text.get_text() for text in axes.texts] == classes
    colours = {str(line.get_color()) for line in axes.lines}
    assert len(colours) == count
    assert all(_contrast(colour, ground) >= 3.0 for colour in colours for ground in GROUNDS)
    assert all(line.get_alpha() is None for line in axes.lines)  # a dot that lets the ground through has less


def test_every_measured_thing_has_its_figure(results: Results) -> None:
    names = {plot.name for plot in figures.build(results)}
    assert {
        *("overview_quality", "overview_seconds", "digits_mse", "digits_gap", "digits_bias", "digits_sharpness"),
        *("digits_training", "digits_vae_latent", "penalty_cost_d8", "digits_step_n100", "digits_quality_time"),
        *("divergences_shifted", "mmd_power", "digits_information", "digits_sweep_lambda_"),
    } <= names


def test_every_figure_says_what_it_shows(results: Results) -> None:
    plots = figures.build(results)
    assert len({plot.name for plot in plots}) == len(plots)
    for plot in plots:
        assert len(plot.alt) > 40, plot.name
        assert re.search(r"\d", plot.alt), f"{plot.name}: alt text without a number"
        assert plot.caption.endswith("."), plot.name


def test_the_figure_of_information_says_how_many_images_it_rests_on(results: Results) -> None:
    (caption,) = [plot.caption for plot in figures.build(results) if plot.name == "digits_information"]
    assert "I(X;Z) of 360 held-out images" in caption
    assert caption.endswith("The estimate cannot exceed log 360 = 5.9.")


def test_steps_of_very_different_length_are_drawn_as_shares_of_each() -> None:
    def widths(long: float) -> list[float]:
        looks = [style.Look(title, "#000000", "o", "-") for title in ("short", "long")]
        steps = {look: {"forward": 0.25 * t, "backward": 0.75 * t} for look, t in zip(looks, (0.01, long), strict=True)}
        (axes,) = draw_split(steps).axes
        if long > 0.1:
            assert [text.get_text() for text in axes.get_yticklabels()] == [
                "short: 10\N{NO-BREAK SPACE}ms",
                "long: 1\N{NO-BREAK SPACE}s",
            ]
        return [bar.get_width() for bar in axes.patches]

    assert widths(0.02) == pytest.approx([0.0025, 0.0075, 0.005, 0.015])
    assert widths(1.0) == pytest.approx([0.25, 0.75, 0.25, 0.75])


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_parts_that_another_call_gave_are_drawn_to_the_length_of_the_step(
    results: Results, tmp_path: Path, device: str
) -> None:
    folder = copy(results.folder, tmp_path)
    timing = pd.read_csv(folder / "timing.csv")
    timing.loc[(timing["study"] == "step") & (timing["part"] == "total"), "seconds"] /= 3
    timing.to_csv(folder / "timing.csv", index=False)
    write_json(folder / "timing_machine.json", {"device": device})
    found = Results(folder)
    (plot,) = [plot for plot in figures.build(found) if plot.name == "digits_step_n100"]
    (caption,) = [grid.caption for grid in study_tables.build(found) if grid.name == "timing_steps"]
    assert f"VAE {27.1 / 3 if device == 'cuda:0' else 27.1:.3g} ms" in plot.alt
    assert ("waits for the device" in plot.caption) == ("waits for the device" in caption) == (device == "cuda:0")


@pytest.mark.parametrize(("low", "bottom"), [(-0.2, None), (0.3, 0.0)])
def test_values_below_zero_are_drawn_and_others_begin_at_zero(low: float, bottom: float | None) -> None:
    method = style.Look("WAE-MMD", "#000000", "o", "-")
    course = pd.DataFrame({"method": "wae_mmd", "seed": 0, "epoch": [1, 2], "value": [low, 0.9]})
    points = [SweepPoint("d", "wae_mmd", "lambda_", at, value, {0: value}) for at, value in ((1.0, low), (2.0, 0.9))]
    for figure in (
        draw_gap({method: [None, low, 0.9, 0.8]}, "distance"),
        draw_information({"wae_mmd": method}, course),
        draw_sweep({method: points}, "λ", "distance"),
    ):
        found, _ = figure.axes[0].get_ylim()
        assert found < low if bottom is None else found == bottom


def test_a_run_ends_at_its_last_finite_value_and_is_not_drawn_without_one() -> None:
    ends = {0: [0.7, 0.5], 1: [0.6, np.nan], 2: [np.inf, np.nan]}
    rows = [("vae", seed, epoch, value) for seed, values in ends.items() for epoch, value in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["method", "seed", "epoch", "cost"])
    _, (axes,) = style.canvas()
    style.seed_lines(axes, frame, "epoch", "cost", {"vae": style.Look("VAE", "#000000", "o", "-", "vae")})
    said = [str(line.get_gid()).split("|")[-1] for line in axes.lines]
    assert said == ["VAE: seed 0, ends at 0.5", "VAE: seed 1, ends at 0.6"]


def test_every_figure_draws_with_named_axes(results: Results) -> None:
    for plot in figures.build(results):
        with rc_context(style.RC):
            figure = plot.draw()
        for axes in figure.axes:
            assert axes.get_ylabel() or len(axes.get_yticklabels()) > 1, plot.name
        assert figure.axes[-1].get_xlabel() or plot.name.endswith("gap"), plot.name
        assert figure.get_size_inches()[0] <= 5.5, plot.name  # readable at 400 pixels
    assert plt.get_fignums() == []


def test_the_same_results_give_the_same_bytes(results: Results, tmp_path: Path) -> None:
    plots = [p for p in figures.build(results) if p.name in ("overview_quality", "digits_vae_latent")]
    for name in ("a", "b"):
        for plot in plots:
            write(plot, tmp_path / name)
    files = sorted((tmp_path / "a").iterdir())
    assert len(files) == 6
    for path in files:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_the_index_lists_what_was_drawn(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = figures.build(results)[:1]
    monkeypatch.setattr(figures, "build", lambda _: chosen)
    figures.figures(results.folder, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    assert [entry["name"] for entry in index] == [chosen[0].name]
    assert set(index[0]) == {"name", "section", "title", "caption", "alt", "dataset"}
    for suffix in ("svg", "pdf", "png"):
        assert (tmp_path / f"{chosen[0].name}.{suffix}").stat().st_size > 1000


def test_two_processes_draw_what_one_draws(results: Results, tmp_path: Path) -> None:
    plots = figures.build(results)
    figures.figures(results.folder, tmp_path / "two", processes=2)
    index = json.loads((tmp_path / "two/index.json").read_text())
    assert [entry["name"] for entry in index] == [plot.name for plot in plots]
    assert len(list((tmp_path / "two").iterdir())) == 3 * len(plots) + 1
    for plot in plots[:2]:  # one of each process
        write(plot, tmp_path / "one")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_helper_that_fails_is_not_overlooked(results: Results, tmp_path: Path) -> None:
    (tmp_path / f"{figures.build(results)[1].name}.svg").mkdir()
    with pytest.raises(RuntimeError, match="ended with 1"):
        figures.figures(results.folder, tmp_path, processes=2)
    assert not (tmp_path / "index.json").exists()


@pytest.mark.parametrize("processes", [0, -2])
def test_fewer_than_one_process_is_refused(results: Results, tmp_path: Path, processes: int) -> None:
    with pytest.raises(UserError, match=f"^{processes} processes cannot draw; give --processes 1 or more$"):
        figures.figures(results.folder, tmp_path, processes)


def test_an_inline_figure_has_own_ids_and_the_pages_colours(results: Results, tmp_path: Path) -> None:
    plot = next(p for p in figures.build(results) if p.name == "digits_gap")
    write(plot, tmp_path)
    text = inline_svg(tmp_path / "digits_gap.svg", "f7")
    assert text.startswith("<svg viewBox=")
    assert all(found.startswith("f7-") for found in re.findall(r'\bid="([^"]+)"', text))
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    assert used <= ids
    assert "var(--ink)" in text
    assert style.INK not in text
    assert "fill: #ffffff" not in text
    assert "<style" not in text


def test_a_mark_of_a_figure_says_its_method_seed_and_value(results: Results, tmp_path: Path) -> None:
    plot = next(p for p in figures.build(results) if p.name == "overview_quality")
    write(plot, tmp_path)
    text = inline_svg(tmp_path / "overview_quality.svg", "f1")
    said = re.findall(r'<g data-method="(\w+)">\s*<title>([^<]*)</title>', text)
    values = results.seed_values("digits", "wae_gan", "fid_classifier", "prior")
    for seed, value in values.items():
        assert ("wae_gan", f"WAE-GAN: seed {seed}: {value:.4g}") in said
    assert {method for method, _ in said} == {"vae", "wae_mmd", "wae_gan"}
    assert "tip|" not in text


def test_the_overview_is_sorted_and_shows_real_data(results: Results) -> None:
    quality, time = (p for p in figures.build(results) if p.section == "overview")
    assert re.findall(r"(WAE-\w+|VAE) [\d.]+", quality.alt) == ["WAE-GAN", "WAE-MMD", "VAE"]
    assert re.findall(r"(WAE-\w+|VAE) [\d.]+", time.alt) == ["WAE-GAN", "WAE-MMD", "VAE"]
    assert quality.alt.endswith(f"real data {results.real_value('digits', 'fid_classifier'):.4g}")


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def _contrast(first: str, second: str) -> float:
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


METHODS = tuple(method for method in style._OWN if method != REAL_DATA)  # whose colour is the page's ink
COLOURS = {
    *(style.strokes(method)[0] for method in METHODS),
    *(colour for palette in (claims.LINES, claims.DEPARTURES) for _, colour, *_ in palette.values()),
    *(colour for colour, *_ in timing.LOOKS.values()),
    *CLASSES,
}


def test_the_caption_of_training_times_names_a_timing_study_where_there_is_one(
    results: Results, tmp_path: Path
) -> None:
    def caption(folder: Path) -> str:
        return next(plot.caption for plot in figures.build(Results(folder)) if plot.name == "overview_seconds")

    assert caption(results.folder).endswith("the machine: the timing study below had it to itself.")
    untimed = shutil.copytree(results.folder, tmp_path / "untimed")
    (untimed / "timing.csv").unlink()
    assert caption(untimed) == "Pre-training and steps, without scoring. Runs may have shared the machine."


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_colours_of_marks_stand_out_in_light_and_dark(ground: str) -> None:
    for colour in COLOURS:
        assert _contrast(colour, ground) >= 3.0, colour


def test_no_two_methods_look_alike_even_in_grey() -> None:
    for first, second in combinations(METHODS, 2):
        assert style.strokes(first)[1] != style.strokes(second)[1], (first, second)


# Machado, Oliveira and Fernandes 2009: linear RGB seen by deuteranopes and protanopes.
BLINDNESS = {
    "deuteranopia": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "protanopia": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
}


@pytest.mark.parametrize("kind", ["none", *BLINDNESS])
def test_the_ten_classes_of_codes_differ_to_all_readers(kind: str) -> None:
    matrix = np.array(BLINDNESS.get(kind, np.eye(3)))
    seen = {colour: matrix @ np.array(to_rgb(colour)) for colour in CLASSES}
    for first, second in combinations(CLASSES, 2):
        assert np.linalg.norm(seen[first] - seen[second]) > 0.1, (first, second)


@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_three_methods_differ_to_colour_blind_readers(kind: str) -> None:
    matrix = np.array(BLINDNESS[kind])
    seen = {m: matrix @ np.array(to_rgb(style.strokes(m)[0])) for m in METHODS[:3]}
    for first, second in combinations(seen, 2):
        assert np.linalg.norm(seen[first] - seen[second]) > 0.15, (first, second)


def test_a_method_is_drawn_alike_with_and_without_its_class_and_unlike_any_other() -> None:
    classes = {name: load_class(path, Method) for name, path in IMPLEMENTATIONS.items()}
    looks = {name: (method.colour, method.marker, method.line) for name, method in classes.items()}
    assert looks == {name: style.strokes(name) for name in looks}
    for first, second in combinations(looks.values(), 2):
        assert np.abs(np.subtract(to_rgb(first[0]), to_rgb(second[0]))).max() > 0.1, (first, second)
    assert style.strokes("my_own") == style.strokes("my_own@lambda_=3")
    assert style.strokes("my_own") in looks.values()


def test_a_variant_has_its_methods_colour() -> None:
    assert style.strokes("wae_mmd@lambda_=10") == style.strokes("wae_mmd")


def test_a_method_is_called_and_drawn_as_its_class_says(tmp_path: Path) -> None:
    found = made(tmp_path, {("mine@lambda_=2", "fid_classifier/prior"): [1.0], ("vae", "mse/prior"): [1.0]})
    assert found.title("mine@lambda_=2") == "mine, λ = 2"
    facts = {"title": "Mine", "colour": "#123456", "marker": "p", "line": [0, [1, 2]]}
    plan = json.loads((tmp_path / "plan.json").read_text()) | {"methods": {"mine": facts, "vae": {"title": "VAE"}}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    told = Results(tmp_path)
    assert style.look(told, "mine@lambda_=2") == style.Look(
        "Mine, λ = 2", "#123456", "p", (0, (1, 2)), "mine@lambda_=2"
    )
    assert style.look(told, "vae") == style.Look("VAE", *style.strokes("vae"), "vae")


def test_methods_of_one_class_are_told_apart(tmp_path: Path) -> None:
    names = ("wae_mmd", "own_parts", "own_widths", "own_parts@lambda_=3", "vae", "beta_vae", "ae")
    found = made(tmp_path, {(name, "fid_classifier/prior"): [1.0] for name in names})
    facts = {name: {"title": "WAE-MMD", "colour": "#0072b2", "marker": "s", "line": "--"} for name in names[:3]}
    plan = json.loads((tmp_path / "plan.json").read_text()) | {"methods": facts | {"vae": {"title": "VAE"}}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    found = Results(tmp_path)
    said = [
        "WAE-MMD",
        "WAE-MMD (own_parts)",
        "WAE-MMD (own_widths)",
        "WAE-MMD (own_parts), λ = 3",
        "VAE",
        "β-VAE",
        "AE",
    ]
    assert [found.title(name) for name in names] == said
    looks = {name: style.look(found, name) for name in names}
    assert [look.title for look in looks.values()] == said
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(names) - 1  # but for the variant
    assert looks["own_parts"].colour == looks["own_parts@lambda_=3"].colour


def test_numbers_and_times_on_axes_are_plain() -> None:
    said = {0: "0", 0.001: "0.001", 20: "20", 3000: "3,000", -2.5: "−2.5", 0.1 + 0.2: "0.3"}
    said |= {1e-8: "10⁻⁸", -1e7: "−10⁷", 1.5e7: "1.5×10⁷", 2.5e-5: "2.5×10⁻⁵", -1.5e-5: "−1.5×10⁻⁵"}
    assert {value: style.plain_number(value) for value in said} == said
    assert [seconds(v) for v in (2e-5, 0.003, 1.5, 600, 9000)] == [
        "20 µs",
        "3 ms",
        "1.5 s",
        "10 min",
        "2.5 h",
    ]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0372, 0.0391), (9.0, 12.2), (3.0, 11.0), (1.0, 9.0), (0.1, 30.0), (1e-3, 1e3)]
)
def test_a_logarithmic_axis_has_three_to_eight_labels_however_short_its_range(low: float, high: float) -> None:
    figure, (axes,) = style.canvas()
    axes.plot([low, high], [0.0, 1.0])
    style.log_axis(axes.xaxis)
    figure.draw_without_rendering()
    start, end = axes.get_xlim()
    shown = [tick.get_text() for tick in axes.get_xticklabels() if start <= tick.get_position()[0] <= end]
    assert 3 <= len(shown) <= 8
    assert all(shown)


@pytest.mark.parametrize(
    ("largest", "labels"),
    [
        (220.0, ["0", "1 min", "2 min", "3 min", "4 min"]),
        (110.0, ["0", "25 s", "50 s", "75 s", "100 s", "125 s"]),
        (0.0026, ["0", "1 ms", "2 ms", "3 ms"]),
        (3 * 3600.0, ["0", "1 h", "2 h", "3 h", "4 h"]),
    ],
)
def test_an_axis_of_times_has_round_labels_in_one_unit(largest: float, labels: list[str]) -> None:
    _, axes = plt.subplots()
    axes.barh([0], [largest])
    style.time_axis(axes.xaxis)
    axes.figure.canvas.draw()
    found = [label.get_text() for label in axes.get_xticklabels()]
    plt.close(axes.figure)
    assert found == labels


def test_colours_are_not_too_pale() -> None:
    assert all(colorsys.rgb_to_hls(*to_rgb(style.strokes(m)[0]))[1] < 0.6 for m in METHODS)


def test_a_wall_clock_study_that_had_no_time_for_penalties_has_no_figure_of_them(
    results: Results, tmp_path: Path
) -> None:
    spent = copy(results.folder, tmp_path)
    rows = pd.read_csv(spent / "timing.csv")
    rows.loc[rows["study"] == "penalty", ["status", "seconds"]] = "no_time", float("nan")
    rows.to_csv(spent / "timing.csv", index=False)
    names = [plot.name for plot in timing.plots(Results(spent))]
    assert names
    assert not [name for name in names if name.startswith("penalty_cost")]
