"""The page of ``wae compare`` in headless Chromium: no errors, sorting, small screens, accessibility."""

from pathlib import Path

import pandas as pd
import pytest

from tests.analysis.test_folders import again, noise
from tests.browser import test_page_in_browser as pages  # skips this file too where selenium is not installed
from tests.browser.test_page_in_browser import By, Chrome
from tests.shared.results import make
from wae.commands.compare import compare

browser = pages.browser
pytestmark = pages.pytestmark


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders with a planted difference and another commit."""
    root = tmp_path_factory.mktemp("compared")
    first = make(root / "a", datasets=("digits", pages.HOSTILE), seeds=(0, 1, 2, 3, 4))

    def change(frame: pd.DataFrame) -> None:
        noise(frame, 0.03, 5)
        frame.loc[(frame["method"] == "wae_gan") & (frame["metric"] == "fid_classifier"), "value"] *= 2

    second = again(first, root / "b", change)
    manifest = second / "manifest.json"
    manifest.write_text(manifest.read_text().replace("0123456789abcdef" * 2, "f" * 32))
    compare(first, second, root / "page.html")
    return root / "page.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_is_clean_at_every_width(browser: Chrome, path: Path, width: int, scheme: str) -> None:
    browser.get_log("browser")
    pages._open(browser, path, width, scheme)
    assert browser.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.get_log("browser") == []
    if pages.AXE.exists():
        browser.execute_script(pages.AXE.read_text())
        found = browser.execute_async_script("axe.run(document).then(arguments[arguments.length - 1])")
        assert [(v["id"], [n["target"] for n in v["nodes"][:3]]) for v in found["violations"]] == []


def test_what_differs_comes_first_and_sorts(browser: Chrome, path: Path) -> None:
    pages._open(browser, path)
    rows = browser.find_elements(By.CSS_SELECTOR, "#table-scores_primary tbody tr")
    assert ["WAE-GAN" in row.text and "higher, worse" in row.text for row in rows] == [True, True, *[False] * 4]
    change = browser.find_elements(By.CSS_SELECTOR, "#table-scores_primary thead button")[6]
    assert change.text == "Change"
    change.click()
    rows = browser.find_elements(By.CSS_SELECTOR, "#table-scores_primary tbody tr")
    now = [float(row.find_elements(By.CSS_SELECTOR, "th, td")[6].get_attribute("data-sort") or "nan") for row in rows]
    assert now == sorted(now)
    assert len(now) == 6
    assert "commit" in browser.find_element(By.ID, "origins").text
