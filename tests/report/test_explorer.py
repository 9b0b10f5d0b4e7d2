"""The latent explorer of the page: which decoders it holds, and what it says of the others."""

from pathlib import Path
from typing import Any

import pytest

from tests.shared.report import experiment
from tests.shared.results import make, write_json
from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.report.page.explorer import explorer
from wae.report.page.render import page
from wae.report.tables.write import tables

METHODS = ("vae", "beta_vae", "wae_mmd", "wae_gan")


def packed(size: int = 50, **changes: Any) -> dict[str, Any]:
    """What an evaluation might have written, of about ``size`` bytes."""
    return {"left_out": None, "layers": ["x" * size], "sigma": 1.0} | changes


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Four methods, of which two are kinds of VAE, on two datasets; the first run of wae_gan on digits diverged."""
    folder = make(tmp_path, methods=METHODS, diverged=(("digits", "wae_gan", 0),))
    found = Results(folder)
    found.plan["methods"] = {name: {"vae_like": "vae" in name} for name in METHODS}
    for dataset in found.datasets:
        for method in METHODS:
            for seed in (0, 1):
                write_json(found.run_folder(dataset, method, seed).explorer, packed())
    return found


def _shown(found: dict[str, Any] | None) -> list[tuple[str, str, int]]:
    assert found is not None
    return [(run["title"], run["dataset"], run["seed"]) for run in found["runs"]]


def test_the_first_finished_seed_of_each_method_is_shown(results: Results) -> None:
    found = explorer(results)
    assert _shown(found) == [
        *(("VAE", "digits", 0), ("WAE-MMD", "digits", 0), ("WAE-GAN", "digits", 1)),
        *(("VAE", "glyphs", 0), ("WAE-MMD", "glyphs", 0), ("WAE-GAN", "glyphs", 0)),
        *((results.title("beta_vae"), "digits", 0), (results.title("beta_vae"), "glyphs", 0)),
    ]
    assert found is not None
    assert found["datasets"] == ["digits", "glyphs"]
    assert found["left_out"] == []


def test_what_the_page_has_no_room_for_is_named(results: Results) -> None:
    size = len('{"layers":["' + "x" * 50 + '"],"left_out":null,"sigma":1.0}')
    found = explorer(results, budget=6 * size)
    assert found is not None
    assert len(found["runs"]) == 6
    beta = results.title("beta_vae")
    assert found["left_out"] == [f"{beta} on digits, {beta} on glyphs: no room is left on the page"]


def test_a_decoder_that_evaluation_left_out_is_named_with_the_reason(results: Results) -> None:
    write_json(results.run_folder("glyphs", "wae_mmd", 0).explorer, {"left_out": "the decoder has 9 numbers"})
    found = explorer(results)
    assert found is not None
    assert found["left_out"] == ["WAE-MMD on glyphs: the decoder has 9 numbers"]
    assert ("WAE-MMD", "glyphs", 0) not in _shown(found)
    results.run_folder("glyphs", "wae_mmd", 0).explorer.write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        explorer(results)


def test_a_record_without_them_has_no_such_section(tmp_path: Path) -> None:
    folder = experiment(tmp_path, datasets=("digits",))
    report = tmp_path / "reports" / "fake"
    tables(folder, report / "tables")
    page(folder, report, tmp_path / "a.html")
    assert 'id="explorer"' not in (tmp_path / "a.html").read_text()
    write_json(Results(folder).run_folder("digits", "vae", 0).explorer, {"left_out": "</script><b>a reason"})
    page(folder, report, tmp_path / "b.html")
    text = (tmp_path / "b.html").read_text()
    assert 'id="explorer"' in text
    assert "VAE on digits: &lt;/script&gt;&lt;b&gt;a reason" in text
    assert 'id="explorer-app"' not in text
