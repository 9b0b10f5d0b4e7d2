"""The page in headless Chromium: no errors, no network, sorting, tracing, disclosure, accessibility, small screens."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shared.report import HOSTILE, experiment
from wae.analysis.results import Results
from wae.report.figures import draw as figures
from wae.report.figures.plots import write
from wae.report.page.render import page
from wae.report.tables.write import tables

selenium = pytest.importorskip("selenium", reason="selenium is not installed: pip install -e '.[dev]' for it")
from selenium.webdriver import Chrome, Keys  # noqa: E402
from selenium.webdriver.chrome.options import Options  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
DRAWN = ("overview", "mse", "gap", "latent", "power", "penalty_cost", "divergences_shifted", "training", "step")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="chromium and chromedriver are not both on the PATH: install chromium and chromium-driver",
    ),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a fake experiment, with some of its figures, a hostile dataset name and a diverged run."""
    root = tmp_path_factory.mktemp("browser")
    folder = experiment(root, datasets=("digits", HOSTILE), diverged=(("digits", "wae_gan", 1),))
    report = root / "reports" / "fake"
    entries = []
    for plot in figures.build(Results(folder)):
        if plot.dataset != HOSTILE and any(word in plot.name for word in DRAWN):
            write(plot, report / "figures")
            entries.append(plot.entry())
    (report / "figures" / "index.json").write_text(json.dumps(entries))
    tables(folder, report / "tables")
    page(folder, report, root / "summary.html")
    return root / "summary.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium with an empty profile that logs its console and every request."""
    options = Options()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


def _open(browser: Chrome, path: Path, width: int = 1280, scheme: str = "light") -> None:
    # Without motion, as a click may not hit what smooth scrolling still moves.
    values = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    media = [{"name": name, "value": value} for name, value in values.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(path.as_uri())


def _table(browser: Chrome, name: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, f"#table-{name} table")


def _column(table: Any, index: int) -> list[str]:
    return [
        row.find_elements(By.CSS_SELECTOR, "th, td")[index].text
        for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_no_error_no_request_and_no_sideways_scrolling(browser: Chrome, path: Path, width: int, scheme: str) -> None:
    browser.get_log("performance")
    browser.get_log("browser")
    _open(browser, path, width, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if not url.startswith(("data:", path.as_uri()))] == []
    widths = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths[0] <= widths[1]


def test_a_click_on_a_heading_sorts_and_another_turns_the_order(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    table = _table(browser, "digits_generation")
    heading = table.find_elements(By.CSS_SELECTOR, "thead th")[2]
    button = heading.find_element(By.TAG_NAME, "button")
    assert heading.get_attribute("aria-sort") == "ascending"  # as the page comes
    assert _column(table, 0) == ["WAE-GAN", "WAE-MMD", "VAE", "Real data"]
    button.send_keys(Keys.ENTER)
    assert heading.get_attribute("aria-sort") == "descending"
    assert _column(table, 0) == ["VAE", "WAE-MMD", "WAE-GAN", "Real data"]
    button.click()
    assert _column(table, 0) == ["WAE-GAN", "WAE-MMD", "VAE", "Real data"]
    by_name = table.find_elements(By.CSS_SELECTOR, "thead th")[0]
    by_name.find_element(By.TAG_NAME, "button").click()
    assert heading.get_attribute("aria-sort") is None
    assert _column(table, 0) == ["VAE", "WAE-GAN", "WAE-MMD", "Real data"]


def test_a_cell_shows_its_runs_on_hover_and_focus(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    box = browser.find_element(By.ID, "trace")
    assert not box.is_displayed()
    cell = _table(browser, "digits_generation").find_elements(By.CSS_SELECTOR, "td[data-trace]")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", cell)
    ActionChains(browser).move_to_element(cell).perform()
    assert box.is_displayed()
    assert "WAE-GAN on digits" in box.text
    assert "runs results/fake/digits/wae_gan/seed{0,2}" in box.text
    browser.execute_script("arguments[0].focus()", cell)
    cell.send_keys(Keys.ARROW_DOWN)
    assert "WAE-MMD on digits" in box.text
    active = browser.switch_to.active_element
    assert active.get_attribute("aria-describedby") == "trace"
    active.send_keys(Keys.ARROW_RIGHT)
    assert "Fréchet distance" in box.text
    assert "infinite samples" in box.text
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not box.is_displayed()


def test_the_trace_stays_on_a_small_screen(browser: Chrome, path: Path) -> None:
    _open(browser, path, 400)
    cells = browser.find_elements(By.CSS_SELECTOR, "#table-digits_generation td[data-trace]")
    for cell in (cells[0], cells[4]):
        browser.execute_script(
            "arguments[0].scrollIntoView({block: 'center', inline: 'center'}); arguments[0].focus()", cell
        )
        left, right = browser.execute_script(
            "const r = document.getElementById('trace').getBoundingClientRect(); return [r.left, r.right]"
        )
        assert left >= 0
        assert right <= 400


def test_a_claim_opens_its_evidence_by_mouse_and_keyboard(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    claim = browser.find_element(By.ID, "claim-quality")
    body = claim.find_element(By.CLASS_NAME, "body")
    assert not body.is_displayed()
    summary = claim.find_element(By.TAG_NAME, "summary")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", summary)
    summary.click()
    assert body.is_displayed()
    summary.send_keys(Keys.ENTER)
    assert not body.is_displayed()
    button = browser.find_element(By.ID, "open-claims")
    button.click()
    opened = browser.find_elements(By.CSS_SELECTOR, "details.claim[open]")
    assert len(opened) == 8
    assert button.text == "Close all evidence"


def test_a_print_opens_everything_and_closes_it_again(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    button = browser.find_element(By.ID, "open-claims")
    browser.execute_script("document.getElementById('claim-quality').open = true")
    for event, closed, text in (
        ("beforeprint", 0, "Close all evidence"),
        ("beforeprint", 0, "Close all evidence"),
        ("afterprint", 7, "Open all evidence"),
    ):
        browser.execute_async_script(f"dispatchEvent(new Event('{event}')); setTimeout(arguments[0], 100)")
        assert len(browser.find_elements(By.CSS_SELECTOR, "details.claim:not([open])")) == closed
        assert button.text == text
    assert browser.find_element(By.ID, "claim-quality").get_attribute("open")


def test_figures_are_readable_on_a_small_screen_and_follow_dark_mode(browser: Chrome, path: Path) -> None:
    _open(browser, path, 400, "dark")
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    heights = browser.execute_script(
        "return [...document.querySelectorAll('figure svg text')].map(t => {"
        "const m = t.getScreenCTM(); return parseFloat(getComputedStyle(t).fontSize) * Math.hypot(m.a, m.b)})"
    )
    assert len(heights) > 100
    assert min(heights) >= 8.0
    colour = browser.execute_script("return getComputedStyle(document.querySelector('figure svg text')).fill")
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(230, 232, 234)"
    assert ground == "rgb(20, 23, 27)"


def test_the_keyboard_reaches_the_skip_link_first(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    ActionChains(browser).send_keys(Keys.TAB).perform()
    active = browser.switch_to.active_element
    assert active.text == "Skip to the report"
    assert active.is_displayed()


def test_the_first_screen_shows_figures_verdicts_and_basis(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    for selector in ("h1", ".lede", "header .plots svg", ".chips", ".byline"):
        found = browser.find_elements(By.CSS_SELECTOR, selector)
        assert found, selector
        assert all(one.rect["y"] + one.rect["height"] <= 860 for one in found), selector


def test_tables_fit_a_large_screen_and_keep_their_first_column_on_a_small_one(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    wide = browser.execute_script(
        "return [...document.querySelectorAll('#scores .table > .scroll')]"
        ".filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.getAttribute('aria-label'))"
    )
    assert wide == []
    _open(browser, path, 400)
    left = browser.execute_script(
        "const s = document.querySelector('#table-digits_generation .scroll'); s.scrollLeft = 300;"
        "const firsts = [...s.querySelectorAll('tr > :first-child')];"
        "return [s.scrollLeft, ...firsts.map(c => c.getBoundingClientRect().left)]"
    )
    assert left[0] == 300
    assert len(set(left[1:])) == 1
    assert left[1] >= 0


def test_a_method_goes_off_in_all_figures_and_comes_back(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    shown = (
        "const parts = [...document.querySelectorAll(`figure [data-method=${arguments[0]}]`)];"
        "return parts.map(g => getComputedStyle(g).visibility)"
    )
    assert len(browser.execute_script(shown, "vae")) > 10
    button = browser.find_element(By.CSS_SELECTOR, "[data-toggle=vae]")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert set(browser.execute_script(shown, "vae")) == {"hidden"}
    assert set(browser.execute_script(shown, "wae_gan")) == {"visible"}
    button.send_keys(Keys.ENTER)
    assert set(browser.execute_script(shown, "vae")) == {"visible"}


def test_a_mark_of_a_figure_says_seed_and_value_on_hover(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    mark = browser.find_elements(By.CSS_SELECTOR, "#figure-overview_quality [data-trace*='seed']")[-1]
    ActionChains(browser).move_to_element(mark).perform()
    box = browser.find_element(By.ID, "trace")
    assert box.is_displayed()
    assert box.text == mark.get_attribute("data-trace")
    assert re.fullmatch(r"[\w-]+: seed \d: [\d.]+", box.text)


def test_a_print_on_a4_is_as_wide_as_the_paper(browser: Chrome, path: Path) -> None:
    _open(browser, path, 718)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    paper, wide = browser.execute_script(
        "const width = document.documentElement.clientWidth;"
        "return [width, [...document.querySelectorAll('table')]"
        ".filter(t => t.checkVisibility() && t.getBoundingClientRect().right > width).map(t => t.caption.textContent)]"
    )
    assert wide == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= paper
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_words_filter_the_facts_of_provenance(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    field = browser.find_element(By.CSS_SELECTOR, "#provenance label.filter input")
    field.send_keys("MACHINE imaginary")
    shown = [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#provenance > dl.facts dt") if e.is_displayed()]
    assert shown == ["Machine"]
    assert browser.find_element(By.ID, "live").get_attribute("textContent").startswith("1 of ")


def test_the_keyboard_walks_the_traces_of_the_rows_that_a_filter_leaves(browser: Chrome, path: Path) -> None:
    _open(browser, path)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    part = browser.find_element(By.ID, "table-claim_divergences")

    def stops() -> list[Any]:
        return part.find_elements(By.CSS_SELECTOR, "td[tabindex='0']")

    def row(cell: Any) -> str:
        return str(browser.execute_script("return arguments[0].parentElement.cells[0].textContent", cell))

    whole = row(stops()[0])
    field = part.find_element(By.CSS_SELECTOR, "label.filter input")
    field.send_keys("MMD² gradient")
    shown = [e.text for e in part.find_elements(By.CSS_SELECTOR, "tbody th") if e.is_displayed()]
    assert len(shown) > 1
    walked = []
    (cell,) = stops()
    for _ in shown:
        assert cell.is_displayed()
        walked.append(row(cell))
        cell.send_keys(Keys.ARROW_DOWN)
        (cell,) = stops()
        assert cell == browser.switch_to.active_element
    assert walked == shown
    field.send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE)
    assert [row(cell) for cell in stops()] == [whole]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_accessibility_checker_finds_nothing(browser: Chrome, path: Path, width: int, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip(f"axe-core is not installed: npm ci --prefix {AXE.parents[2]}")
    _open(browser, path, width, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.execute_script(AXE.read_text())
    found = browser.execute_async_script("axe.run(document).then(arguments[arguments.length - 1])")
    faults = [
        f"{violation['id']}: {violation['help']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]
    assert faults == []
    assert len(found["passes"]) > 10
