"""The latent explorer in headless Chromium: it draws what ``decode_images`` draws, by mouse and by keyboard."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.browser import test_page_in_browser as pages  # skips this file too where selenium is not installed
from tests.browser.test_page_in_browser import By, Chrome, Keys
from tests.evaluation.test_explorer import trained
from tests.shared.report import experiment
from wae.analysis.results import Results
from wae.core.files import write_json
from wae.evaluation.explorer import explorer, unpack
from wae.methods.base import Method
from wae.report.page.render import page
from wae.report.tables.write import tables

browser = pages.browser
pytestmark = pages.pytestmark

HOSTILE = "<script>alert('x')<"
SHAPES = {"digits": (1, 8, 8), HOSTILE: (3, 28, 28)}
NETWORKS: dict[tuple[str, str], dict[str, Any]] = {
    ("digits", "vae"): {"architecture": "mlp", "activation": "tanh"},
    ("digits", "wae_mmd"): {"kernel_size": 3, "activation": "elu", "extra_dense": 7},
    ("digits", "wae_gan"): {"prior": "sphere", "kernel_size": 2, "activation": "leaky_relu", "latent_dim": 3},
    (HOSTILE, "vae"): {"width": 16, "depth": 3, "latent_dim": 8, "pixel_range": "minus_one_one"},
    (HOSTILE, "wae_mmd"): {"kernel_size": 5, "activation": "softplus"},
    (HOSTILE, "wae_gan"): {},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str], Method]]:
    """A page with six different decoders, and the methods by dataset and title."""
    root = tmp_path_factory.mktemp("explorer")
    folder = experiment(root, datasets=tuple(SHAPES))
    results, methods = Results(folder), {}
    for (dataset, name), changes in NETWORKS.items():
        method = trained(name, SHAPES[dataset], **changes)
        codes = method.prior.sample(400, torch.Generator().manual_seed(1)).numpy() * 0.7
        document = explorer(method, codes[:300], np.arange(300) % 10, codes[300:], torch.Generator().manual_seed(2))
        assert document["left_out"] is None
        write_json(results.run_folder(dataset, name, 0).explorer, document, sealed=True)
        methods[dataset, results.title(name)] = method
    tables(folder, root / "report" / "tables")
    page(folder, root / "report", root / "summary.html")
    return root / "summary.html", methods


PICTURES = """
return [...document.querySelectorAll("#explorer canvas")].map((canvas) => ({
  title: canvas.closest("article").querySelector("h3").textContent,
  big: canvas.getAttribute("role") === "img",
  code: canvas.dataset.code.split(" ").map(Number),
  size: [canvas.height, canvas.width],
  pixels: [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data],
}))
"""


def _until(browser: Chrome, script: str) -> Any:
    for _ in range(200):
        found = browser.execute_script(script)
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not in ten seconds: {script}")


def _ready(browser: Chrome) -> None:
    _until(
        browser,
        "const app = document.getElementById('explorer-app');"
        "return app.querySelector('.card') && !app.hasAttribute('aria-busy')",
    )
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def _open(browser: Chrome, path: Path, width: int = 1280) -> None:
    pages._open(browser, path, width)
    browser.execute_script("document.getElementById('explorer').scrollIntoView({behavior: 'instant'})")
    _ready(browser)


def _check(browser: Chrome, methods: dict[tuple[str, str], Method], dataset: str) -> dict[str, list[float]]:
    """Compare every picture with the suite's; returns the code of each method's large one."""
    pictures = browser.execute_script(PICTURES)
    assert len(pictures) == 3 * (1 + 2 * 6)
    for picture in pictures:
        method = methods[dataset, picture["title"]]
        channels, height, width = method.shape
        assert picture["size"] == [height, width]
        rgba = np.array(picture["pixels"]).reshape(height, width, 4)
        expected = method.decode_images(torch.tensor([picture["code"]]))[0].permute(1, 2, 0).numpy()
        assert np.abs(rgba[..., :3] - np.broadcast_to(expected.astype(int), (height, width, 3))).max() <= 1
        assert (rgba[..., 3] == 255).all()
        assert channels == 3 or (rgba[..., 0] == rgba[..., 2]).all()
        assert np.ptp(expected) > 20
    return {picture["title"]: picture["code"] for picture in pictures if picture["big"]}


def test_its_pictures_are_those_of_the_suite(browser: Chrome, made: tuple[Path, dict[tuple[str, str], Method]]) -> None:
    path, methods = made
    browser.get_log("browser")
    _open(browser, path)
    first = _check(browser, methods, "digits")
    assert np.linalg.norm(first["WAE-GAN"]) == pytest.approx(1.0, abs=1e-3)  # on the sphere
    other = [e for e in browser.find_elements(By.NAME, "explorer-dataset") if e.get_attribute("value") == HOSTILE]
    other[0].send_keys(Keys.SPACE)
    _ready(browser)
    _check(browser, methods, HOSTILE)
    assert browser.get_log("browser") == []


def test_sliders_clicks_and_draws_move_the_code(
    browser: Chrome, made: tuple[Path, dict[tuple[str, str], Method]]
) -> None:
    path, methods = made
    _open(browser, path)
    axes = {}
    for run in json.loads(browser.execute_script("return document.getElementById('explorer-data').textContent"))[
        "runs"
    ]:
        if run["dataset"] == "digits":
            axes[run["title"]] = unpack(run, run["axes"])

    def coordinates() -> np.ndarray:
        found = _check(browser, methods, "digits")
        assert np.allclose(axes["VAE"] @ found["VAE"], axes["WAE-MMD"] @ found["WAE-MMD"], atol=1e-3)  # the same code
        return np.asarray(axes["VAE"] @ found["VAE"])

    browser.find_element(By.CSS_SELECTOR, "#explorer .centre").click()
    _ready(browser)
    assert np.allclose(coordinates(), 0.0, atol=1e-6)
    slider = browser.find_elements(By.CSS_SELECTOR, "#explorer input[type=range]")[2]
    for _ in range(10):
        slider.send_keys(Keys.ARROW_RIGHT)
    _ready(browser)
    assert np.allclose(coordinates(), [0, 0, 0.2, 0], atol=2e-3)
    scatter = browser.find_element(By.CSS_SELECTOR, "#explorer svg")
    browser.execute_script(
        "const r = arguments[0].getBoundingClientRect(); arguments[0].dispatchEvent(new MouseEvent('click', "
        "{clientX: r.left + 0.75 * r.width, clientY: r.top + 0.25 * r.height, bubbles: true}))",
        scatter,
    )
    _ready(browser)
    x, y, third, _ = coordinates()
    assert x == pytest.approx(y, rel=0.03)  # mouse positions are whole pixels
    assert x > 0.5
    assert third == pytest.approx(0.2, abs=2e-3)
    here = browser.find_element(By.CSS_SELECTOR, "#explorer .here")
    assert [float(here.get_attribute(name) or "nan") for name in ("cx", "cy")] == pytest.approx([0.5, -0.5], abs=0.01)
    browser.find_element(By.CSS_SELECTOR, "#explorer .strip button:nth-child(2)").send_keys(Keys.ENTER)
    _ready(browser)
    second = methods["digits", "VAE"].prior.sample(150, torch.Generator().manual_seed(2))[1].numpy()
    assert np.allclose(coordinates(), second, atol=5e-3)
    sentence = browser.find_element(By.CSS_SELECTOR, "#explorer .now p").text
    assert sentence.endswith("from the nearest dot")


def test_a_slider_says_its_value_and_the_page_once_what_the_move_gave(
    browser: Chrome, made: tuple[Path, dict[tuple[str, str], Method]]
) -> None:
    _open(browser, made[0])
    told = browser.execute_async_script(
        "const [done, heard] = [arguments[0], []];"
        "const live = document.getElementById('live');"
        "new MutationObserver(() => heard.push(live.textContent)).observe(live, {childList: true});"
        "const input = document.querySelectorAll('#explorer input[type=range]')[1];"
        "for (let step = 1; step <= 10; step++) { input.value = step / 10; input.dispatchEvent(new Event('input')); }"
        "const found = () => [input.getAttribute('aria-valuetext'), input.labels[0].lastChild.textContent, heard];"
        "setTimeout(() => done(found()), 1500)"
    )
    distances = [
        f"{card.find_element(By.TAG_NAME, 'h3').text}: {card.find_element(By.CSS_SELECTOR, '.now p').text}"
        for card in browser.find_elements(By.CSS_SELECTOR, "#explorer .card")
    ]
    assert len(distances) == 3
    assert told == ["1.00", "1.00", ["; ".join(distances)]]
    assert browser.find_elements(By.CSS_SELECTOR, "#explorer :is(output, [role=status], [aria-live])") == []


def test_holes_are_named_and_rings_change(browser: Chrome, made: tuple[Path, dict[tuple[str, str], Method]]) -> None:
    _open(browser, made[0])
    scatter = browser.find_element(By.CSS_SELECTOR, "#explorer svg")
    browser.execute_script(
        "const r = arguments[0].getBoundingClientRect(); arguments[0].dispatchEvent("
        "new MouseEvent('click', {clientX: r.left + 1, clientY: r.top + 1, bubbles: true}))",
        scatter,
    )
    _ready(browser)
    assert browser.find_element(By.CSS_SELECTOR, "#explorer .now p").text.startswith("Hole: ")
    rings = "[...document.querySelectorAll('#explorer .ring')].filter((ring) => ring.checkVisibility())"
    shown = f"return {rings}.map((ring) => ring.classList[1])"
    assert set(browser.execute_script(shown)) == {"prior"}
    browser.find_element(By.CSS_SELECTOR, "#explorer [value=mixture]").click()
    assert set(browser.execute_script(shown)) == {"mixture"}


@pytest.mark.parametrize("width", [400, 1280])
def test_it_fits_the_screen_and_stays_off_paper(
    browser: Chrome, made: tuple[Path, dict[tuple[str, str], Method]], width: int
) -> None:
    _open(browser, made[0], width)
    assert browser.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not browser.find_element(By.ID, "explorer").is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_script_is_short() -> None:
    text = (Path(__file__).parents[2] / "wae/report/page/templates/explorer.js").read_text()
    assert len(text.splitlines()) <= 210


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing(
    browser: Chrome, made: tuple[Path, dict[tuple[str, str], Method]], scheme: str
) -> None:
    if not pages.AXE.exists():
        pytest.skip(f"axe-core is not installed: npm ci --prefix {pages.AXE.parents[2]}")
    pages._open(browser, made[0], 1280, scheme)
    browser.execute_script("document.getElementById('explorer').scrollIntoView({behavior: 'instant'})")
    _ready(browser)
    browser.execute_script(pages.AXE.read_text())
    found = browser.execute_async_script("axe.run('#explorer').then(arguments[arguments.length - 1])")
    assert [(v["id"], [n["target"] for n in v["nodes"][:3]]) for v in found["violations"]] == []
