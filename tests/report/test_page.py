"""The page: self-contained, escaped, traceable, honest about what is missing."""

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from tests.shared.report import HOSTILE, copy, experiment
from tests.shared.results import write_json
from tests.shared.tables import results as made
from wae.analysis import contrasts, scores, summarise
from wae.analysis.files import CONTRASTS, SCORES
from wae.analysis.results import Results
from wae.analysis.rows import Mark
from wae.core.errors import UserError
from wae.report.names import slug
from wae.report.page import headline, protocol
from wae.report.page import render as page_module
from wae.report.page.citation import suite_bibtex
from wae.report.page.index import index
from wae.report.page.pictures import galleries
from wae.report.page.render import page
from wae.report.page.sections import shown
from wae.report.tables import run_tables
from wae.report.tables.write import read_tables, tables

SVG = '<svg width="1pt" height="1pt" viewBox="0 0 10 10"><g id="a"><path id="b" style="fill: #ffffff"/></g></svg>'


class Reader(HTMLParser):
    """Collects tags, ids, and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of each element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def _figures(folder: Path, *names: str) -> Path:
    entries = []
    for name in names:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        (folder / "figures" / f"{name}.svg").write_text(SVG)
        entry = {
            "name": name,
            "section": "overview" if name == "two" else "timing",
            "title": "Title",
            "caption": "Caption.",
            "alt": "Alt 1",
            "dataset": "",
        }
        entries.append(entry)
    write_json(folder / "figures" / "index.json", entries)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fake experiment with a diverged run and a dataset of a hostile name."""
    root = tmp_path_factory.mktemp("page")
    return experiment(root, datasets=("digits", HOSTILE), seeds=(0, 1, 2), diverged=(("digits", "wae_gan", 1),))


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    """Its page."""
    report = _figures(folder.parent.parent / "reports" / "fake", "one", "two")
    tables(folder, report / "tables")
    out = report.parent / "summary.html"
    page(folder, report, out)
    return out.read_text()


def test_sections_stand_in_their_order(html: str) -> None:
    ids = re.findall(r'<section id="([^"]+)"', html)
    there = [section.id for section in page_module.SECTIONS if section.id not in ("own", "explorer")]  # none here
    assert ids == there
    order = "scores images claims timing budget published failures protocol provenance cite"
    assert ids == order.split()


def test_every_table_that_a_section_declares_is_on_the_page(folder: Path, tmp_path: Path) -> None:
    analysed = copy(folder, tmp_path)
    summarise(Results(analysed))
    report = _figures(tmp_path / "reports/fake")
    tables(analysed, report / "tables")
    page(analysed, report, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    grids = read_tables(report / "tables")
    declared = shown(Results(analysed), [], grids)
    names = [grid.name for section in declared.values() for grid in section]
    assert {"contrasts", "aggregate", "error_budget", "metric_definitions"} <= set(names)
    assert [name for name in names if f'id="table-{slug(name)}"' not in text] == []
    downloads = re.findall(r'<a download="([^"]+)"', text)
    assert len(downloads) == len(set(downloads))


def test_nothing_comes_from_outside(html: str) -> None:
    reader = Reader(html)
    for tag, attributes in reader.tags:
        for name in ("src", "href", "xlink:href", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert not re.search(r"url\((?!#)", html)


def test_a_hostile_dataset_name_does_no_harm(html: str) -> None:
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;" in html
    scripts = [attributes for tag, attributes in Reader(html).tags if tag == "script"]
    assert len(scripts) == 1
    ids = [attributes["id"] for _, attributes in Reader(html).tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", str(identifier)) for identifier in ids)


def test_hostile_text_in_config_and_commands_is_escaped(folder: Path, tmp_path: Path) -> None:
    changed = copy(folder, tmp_path)
    manifest = json.loads((changed / "manifest.json").read_text())
    evil = "</pre><script>alert(1)</script>"
    manifest["config"]["description"] = manifest["description"] = evil
    manifest["plan"][0]["rerun"] = evil
    manifest["versions"][evil] = evil
    write_json(changed / "manifest.json", manifest)
    out = tmp_path / "page.html"
    page(changed, _figures(tmp_path / "r"), out)
    assert out.read_text().count("<script>") == 1


def test_headings_go_down_one_level_at_a_time(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Reader(html).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_picture_has_alt_text(html: str) -> None:
    reader = Reader(html)
    assert all(attributes.get("alt") for attributes in reader.all("img"))
    drawings = [a for a in reader.all("div") if a.get("role") == "img"]
    assert len(drawings) == 2
    assert all(attributes.get("aria-label") == "Alt 1" for attributes in drawings)


def test_numbers_can_be_traced(html: str) -> None:
    traces = [a["data-trace"] or "" for a in Reader(html).all("td") if a.get("data-trace")]
    found = next(t for t in traces if t.startswith("WAE-MMD on digits: Fréchet distance"))
    assert "seed 0: " in found
    assert "file results/fake/metrics.csv" in found
    assert "runs results/fake/digits/wae_mmd/seed{0,1,2}" in found


def test_the_first_screen_has_one_sentence_the_verdicts_and_what_it_rests_on(html: str, folder: Path) -> None:
    header = html[html.index("<header>") : html.index("</header>")]
    lede = re.search(r'<p class="lede">(.*?)</p>', header)
    assert lede
    assert lede[1].startswith("Samples closest to real images, by Fréchet distance (classifier): ")
    assert "not tested on digits, with fewer than 3 seeds" in lede[1]  # one of WAE-GAN's three diverged
    assert "WAE-GAN on &lt;script&gt;" in lede[1]
    chips = re.findall(r'<a href="#(claim-\w+)">', header)
    assert len(chips) == 8
    assert ">What the runs say of 8 claims<" in header
    claims = html[html.index('id="claims"') : html.index("A claim opens its evidence.")]
    assert "review" not in header + claims  # the claims may be a file of one's own
    assert all(f'<details class="claim" id="{chip}">' in html for chip in chips)
    rests = re.search(r'<p class="byline">(.*?)</p>', header)
    assert rests
    for part in ("dcgan, width 16, d_z = 8, 6 epochs", "3 seeds, 17 of 18 runs finished", "classifier features"):
        assert part in rests[1]
    assert "CPU Imaginary 9000 · commit 0123456789ab" in rests[1]
    assert re.findall(r'data-toggle="(\w+)"', header) == ["vae", "wae_mmd", "wae_gan"]


@pytest.mark.usefixtures("html")  # from it on the direction of the metric is known
def test_ties_are_said_and_no_best_is_named_where_no_test_tells_any_apart(tmp_path: Path) -> None:
    values = {
        ("vae", "fid_classifier/prior"): [30.0, 31.0, 32.0],
        ("wae_mmd", "fid_classifier/prior"): [10.0, 11.0, 12.0],
        ("wae_gan", "fid_classifier/prior"): [9.5, 10.6, 12.2],
    }
    found = made(tmp_path / "a", values)
    SCORES.write(found.folder, scores.summarise(found))
    assert "): WAE-GAN on glyphs, not told from WAE-MMD." in headline.sentence(found)
    same = made(tmp_path / "b", {key: [10.0, 11.0, 12.0] for key in values})
    SCORES.write(same.folder, scores.summarise(same))
    assert "on glyphs no test tells the methods apart." in headline.sentence(same)
    assert {score.mark for score in same.read(SCORES)} == {Mark.NONE}


@pytest.mark.usefixtures("html")  # from it on the direction of the metric is known
def test_the_best_that_is_told_from_nothing_is_said_so_and_higher_can_be_better(tmp_path: Path) -> None:
    values = {
        ("vae", "fid_classifier/prior"): [30.0, 31.0, 32.0],
        ("wae_mmd", "fid_classifier/prior"): [10.0, 11.0, 12.0],
        ("wae_gan", "fid_classifier/prior"): [2.0, 9.0, 19.0],  # the best mean, and too noisy to be told from any
    }
    found = made(tmp_path / "noisy", values)
    CONTRASTS.write(found.folder, contrasts.contrasts(found))
    SCORES.write(found.folder, scores.summarise(found))
    assert "on glyphs no test tells another method from the best mean, WAE-GAN" in headline.sentence(found)
    precise = {
        (method, "precision_classifier/prior"): [mean, mean + 0.01, mean + 0.02]
        for method, mean in (("vae", 0.3), ("wae_mmd", 0.5), ("wae_gan", 0.8))
    }
    primary = made(tmp_path / "precise", precise)
    plan = json.loads((primary.folder / "plan.json").read_text())
    plan["config"]["report"] = {"primary": "precision_classifier"}
    write_json(primary.folder / "plan.json", plan)
    primary = Results(primary.folder)
    CONTRASTS.write(primary.folder, contrasts.contrasts(primary))
    SCORES.write(primary.folder, scores.summarise(primary))
    assert headline.sentence(primary).endswith("): WAE-GAN on glyphs.")


@pytest.mark.usefixtures("html")  # from it on the direction of the metric is known
def test_the_headline_follows_the_tests_of_pairs_whatever_variants_the_table_has(tmp_path: Path) -> None:
    means = {"vae": 30.0, "wae_mmd": 16.0, "wae_gan": 10.0}
    values = {
        (f"{method}@latent_dim={size}" if size else method, "fid_classifier/prior"): [
            factor * mean + size for factor in (1.0, 1.1, 1.25)
        ]
        for method, mean in means.items()
        for size in range(9)
    }
    found = made(tmp_path, values)
    SCORES.write(found.folder, scores.summarise(found))
    assert "no test tells another method from the best mean, WAE-GAN" in headline.sentence(found)  # by 27 rows' marks
    CONTRASTS.write(found.folder, contrasts.contrasts(found))
    assert headline.sentence(made(tmp_path, values)).endswith("): WAE-GAN on glyphs.")


@pytest.mark.usefixtures("html")  # from it on the words of the metric are known
def test_one_method_is_not_told_apart_from_others_that_are_not_there(tmp_path: Path) -> None:
    found = made(tmp_path, {("vae", "fid_classifier/prior"): [30.0, 31.0, 32.0]})
    SCORES.write(found.folder, scores.summarise(found))
    said = headline.sentence(found)
    assert said.endswith("): VAE on glyphs, at 31 [28.6, 33.6], the only method measured there."), said
    scores_of = {(name, "fid_classifier/prior"): [30.0, 31.0, 32.0] for name in ("vae", "vae@cost=l1", "vae@cost=l2")}
    varied = made(tmp_path / "varied", scores_of)
    SCORES.write(varied.folder, scores.summarise(varied))
    assert headline.sentence(varied).endswith("the only method measured there, beside 2 variants below.")


def test_the_headline_counts_the_middle_of_a_long_ranking() -> None:
    assert headline.named(["a 1", "b 2", "c 3", "d 4"]) == "a 1, b 2, c 3, d 4"
    assert headline.named(["a 1", "b 2", "c 3", "d 4", "e 5"]) == "a 1, b 2, 2 between, and e 5"


def test_failures_and_citation_bar_are_told(html: str) -> None:
    assert "diverged at step 137" in html
    assert "17 of 18 runs finished" in html
    assert "<strong>Not for citation:</strong> a method has 2 finished seeds, fewer than 3." in html


def test_tables_can_be_downloaded_from_the_page(html: str) -> None:
    links = {a["download"]: str(a["href"]) for a in Reader(html).all("a") if a.get("download")}
    assert {
        "digits_generation.csv",
        "digits_generation.tex",
        "digits_generation.md",
        "methods.tex",
        "metrics.csv",
    } <= set(links)
    text = base64.b64decode(links["digits_generation.csv"].partition("base64,")[2]).decode()
    assert text.startswith("dataset,method,metric")


def test_provenance_names_commit_versions_and_commands(html: str) -> None:
    assert "Training of all runs, pre-training included, wall" in html
    assert "0123456789abcdef0123456789abcdef01234567, tree clean" in html
    assert "Imaginary 9000, 2 cores, 8.0 GiB memory" in html
    assert html.count("snakemake --cores 2 results/fake/digits") >= 9


def test_what_was_not_measured_is_said(folder: Path, tmp_path: Path) -> None:
    bare = copy(folder, tmp_path)
    for name in ("timing.csv", "timing_fits.json", "claims.json", "divergences.json", "manifest.json"):
        (bare / name).unlink()
    shutil.rmtree(bare / "digits")
    along = (bare / "trajectories.csv").read_text()
    (bare / "trajectories.csv").write_text(along.replace("fid_classifier", "fid_random"))
    out = tmp_path / "page.html"
    page(bare, tmp_path / "no-report", out)
    text = out.read_text()
    assert "The wall-clock study was not run." in text
    assert "methods are ranked by the Fréchet distance (classifier).</p>" in text
    assert run_tables.not_along_training(Results(folder)) == ""
    assert "claims were not judged" in text
    assert "No finished run of digits has images." in text
    assert "the origin of these numbers is not recorded" in text
    assert "None" not in re.sub(r"data:[^\"]*", "", text).replace("None of", "")


def test_the_index_lists_every_page_with_what_it_says_first(folder: Path, tmp_path: Path) -> None:
    page(folder, _figures(tmp_path / "fake"), tmp_path / "fake" / "summary.html")
    (tmp_path / "recorded" / "old").mkdir(parents=True)
    (tmp_path / "recorded" / "old" / "summary.html").write_text("<title>An &amp; older page</title>")
    text = index(tmp_path).read_text()
    assert [a["href"] for a in Reader(text).all("a")] == ["fake/summary.html", "recorded/old/summary.html"]
    assert "Samples closest to real images, by Fréchet distance (classifier): " in text
    assert "3 seeds, 17 of 18 runs finished" in text

    assert "An &amp; older page" in text
    assert HOSTILE not in text
    (tmp_path / "empty").mkdir()
    assert "There is no report yet" in index(tmp_path / "empty").read_text()


def test_a_partial_page_says_what_is_missing(tmp_path: Path) -> None:
    folder = experiment(tmp_path, datasets=("digits",), missing=(("digits", "vae", 2), ("digits", "vae", 1)))
    out = tmp_path / "page.html"
    page(folder, tmp_path, out, partial=True)
    assert "<strong>Partial report:</strong> 2 of 9 runs are missing" in out.read_text()
    listed = tmp_path / "reports/fake/summary.html"
    page(folder, tmp_path, listed, partial=True)
    assert (
        '<p class="mark">Partial report: 2 of 9 runs are missing. Not for citation: '
        in index(tmp_path / "reports").read_text()
    )


def test_images_stop_at_the_budget_and_first_seeds_come_first(folder: Path) -> None:
    results = Results(folder)
    everything = galleries(results)["digits"][0]
    assert [picture.title for picture in everything.first] == ["VAE, seed 0", "WAE-MMD, seed 0", "WAE-GAN, seed 0"]
    assert len(everything.others) == 5
    (between,) = [gallery for gallery in galleries(results)["digits"] if gallery.kind == "interpolations"]
    assert "held-out image" in between.note  # test images, or validation images where those are the reference
    size = len(everything.first[0].uri)
    tight = galleries(results, budget=4 * size)["digits"][0]
    assert len(tight.first) == 3
    assert tight.others == []
    assert tight.left_out == 5


def test_the_same_results_give_the_same_page(folder: Path, html: str, tmp_path: Path) -> None:
    page(folder, folder.parent.parent / "reports" / "fake", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == html


def test_the_protocol_is_generated_from_the_settings(folder: Path, tmp_path: Path) -> None:
    text = " ".join(protocol.paragraphs(Results(folder)))
    assert "a = 0.05, and pixels in [0, 1]" in text
    assert "WAE-MMD: a deterministic encoder, λ = 10," in text
    assert "scales 0.1, 0.2, 0.5, 1, 2, 5, 10" in text
    assert "10,000 samples in each of 5 independent draws" in text
    changed = copy(folder, tmp_path)
    plan = json.loads((changed / "plan.json").read_text())
    for run in plan["runs"]:
        run["training"] |= {"cost_weight": 0.5, "latent_dim": 64 if run["dataset"] == "digits" else 8}
    write_json(changed / "plan.json", plan)
    text = " ".join(protocol.paragraphs(Results(changed)))
    assert "a = 0.5," in text
    assert "d_z = 64 on digits" in text


def test_the_methods_paragraph_is_latex(folder: Path) -> None:
    text = protocol.latex(Results(folder))
    assert r"\paragraph{Protocol.}" in text
    assert r"$\lambda$" in text
    assert "λ" not in text
    assert text.count("{") == text.count("}")


def test_the_citation_names_version_commit_and_result(folder: Path) -> None:
    text = suite_bibtex(Results(folder))
    assert "commit 0123456789ab" in text
    assert text.count("{") == text.count("}")


def test_the_citation_of_a_name_with_underscores_and_of_an_unknown_tree_is_sound(folder: Path, tmp_path: Path) -> None:
    changed = copy(folder, tmp_path)
    manifest = json.loads((changed / "manifest.json").read_text())
    manifest["config"]["experiment"], manifest["clean_tree"] = "main_mnist", None
    write_json(changed / "manifest.json", manifest)
    (changed / "plan.json").unlink(missing_ok=True)
    text = suite_bibtex(Results(changed))
    assert r"experiment main\_mnist, result" in text
    assert "whether with changes is unknown" in text


def test_the_index_of_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        index(tmp_path / "nope")
    assert not (tmp_path / "nope").exists()


def test_every_caption_of_the_native_report_is_there() -> None:
    root = Path(__file__).resolve().parents[2]
    rules = "".join(path.read_text() for path in (*root.glob("workflow/rules/*.smk"), root / "workflow/Snakefile"))
    named = re.findall(r'"(?:\.\./)?report/([\w.]+)"', rules)
    captions = {path.name: path.read_text() for path in (root / "workflow/report").iterdir()}
    assert set(named) == set(captions)
    assert all(len(text) > 40 for text in captions.values())
    assert "[low, high]" in captions["tables.rst"]
    assert "config/claims.yaml" not in captions["claims.rst"]  # a config may have a claims file of its own
