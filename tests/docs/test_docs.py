"""The documents: every code block is run or checked, every name in them exists, pictures and tables are current."""

import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.docs.blocks import Block, blocks, run_aside
from tests.workflow.test_module import SNAKEFILE
from wae.cli import COMMANDS, parser
from wae.core.version import __version__
from wae.methods.base import Method
from wae.planning.plan import load_plan

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(ROOT.glob("docs/*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(
        ROOT / name
        for name in ("config/README.md", "config/study/README.md", "reports/recorded/README.md", "benchmarks/REPORT.md")
    ),
]
RUN_WHOLE = ("docs/tutorial.md", "README.md")  # by test_what_the_pages_print_is_what_they_show
RUN_BY_NAME = {  # by tests/methods/test_extending.py and tests/evaluation/test_extractors.py, which name these files
    "docs/extending.md": {
        *("my_method.py", "my_learned_prior.py", "my_tracker.py", "my_networks.py", "my_prior.py", "my_cost.py"),
        *("parts.yaml", "my_dataset.py", "my_metric.py", "my_judge.py", "my_claims.yaml", "my_figure.py", "mine.yaml"),
        "weights.yaml",
    },
    "docs/extractors.md": {"my_extractor.py", "my_extractor.yaml"},
}
FOREIGN = {"my_tensorboard.py", "my_mlflow.py"}  # of packages that the suite does not need: their syntax is checked
FOLDERS = "wae|tests|config|docs|baselines|benchmarks|workflow|profiles|reports/recorded"
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def all_blocks() -> Iterator[tuple[Path, Block]]:
    for path in PAGES:
        for block in blocks(path):
            yield path, block


def name_of(value: Any) -> str:
    return value.name if isinstance(value, Path) else f"line {value.line}"


def test_the_reader_of_blocks_finds_them_all(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n\n```python\n# a.py\nx = 1\n```\n\n```text\n```\n\n```\nbare\n```\n")
    assert [(block.kind, block.text, block.file, block.line) for block in blocks(page)] == [
        ("python", "# a.py\nx = 1\n", "a.py", 3),
        ("text", "", "", 8),
        ("", "bare\n", "", 11),
    ]
    fences = sum(line.lstrip().startswith("```") for path in PAGES for line in path.read_text("utf-8").splitlines())
    assert fences == 2 * len(list(all_blocks())) > 60


@pytest.mark.parametrize(("path", "block"), list(all_blocks()), ids=name_of)
def test_every_block_is_run_or_checked(path: Path, block: Block) -> None:
    page = str(path.relative_to(ROOT))
    run = block.file in RUN_BY_NAME.get(page, set()) or page in RUN_WHOLE
    included = re.fullmatch(r'--8<-- "([^"]+)"\n', block.text)
    if included:
        assert (ROOT / included[1]).is_file()
    elif block.kind == "python":
        compile(block.text, str(path), "exec")
        assert run or block.file in FOREIGN, f"{page}:{block.line}: no test runs this block"
    elif block.kind == "yaml":
        rest = {"experiment": "some", "run": {"datasets": ["digits"], "methods": ["vae"], "seeds": [0]}}
        assert run or load_plan(rest | yaml.safe_load(block.text)).runs
    elif block.kind == "snakemake":
        assert "".join(block.text.replace("PATH", "../suite").split()) in "".join(SNAKEFILE.split())
    elif block.kind == "bash":
        for line in block.text.splitlines():
            check_command(line, {other.file for other in blocks(path)})
    else:
        assert block.kind == "text", f"{page}:{block.line}: say python, yaml, bash or text"


def check_command(line: str, made: set[str]) -> None:
    """A line of shell: the command exists, takes these arguments, and the files that it names are there."""
    words = shlex.split(line)
    if words[0] == "wae":
        parser().parse_args(words[1:])  # SystemExit for what it does not take
    elif words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= TARGETS, line
    elif words[0] == "snakemake":
        from snakemake.cli import get_argument_parser

        get_argument_parser().parse_args(words[1:])
    else:
        assert words[:2] == ["pip", "install"], f"{line}: say here how it is checked"
    for word in words:
        folder, _, name = word.partition("=")[2 if "=" in word else 0].rpartition("/")
        if folder.split("/")[0] in ("config", "profiles", "reports", "docs"):
            assert (ROOT / folder / name).exists(), f"{line}: {word} is not there"
        elif name.endswith(".yaml"):
            assert name in made, f"{line}: no block of the page makes {name}"


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("wae trian --plan config/smoke.yaml --cell digits/vae/seed0", set()),
        ("wae train --plan config/smoke.yaml", set()),
        ("wae check --config config/none.yaml", set()),
        ("wae check --config mine.yaml", {"other.yaml"}),
        ("make nothing", set()),
        ("snakemake --coers 8 all", set()),
        ("rm -r results", set()),
    ],
)
def test_a_wrong_command_is_noticed(line: str, made: set[str]) -> None:
    with pytest.raises((AssertionError, SystemExit)):
        check_command(line, made)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_names_in_the_text_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name == "CHANGELOG.md":
        text = text.partition("## 0.1.0")[0]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    known = {command.__name__ for command in COMMANDS}
    for code in re.findall(r"`([^`\n]+)`", prose):
        if found := re.match(r"(wae|make) ([a-z-]+)(?= |$)", code):
            assert found[2] in (known if found[1] == "wae" else TARGETS), f"{path.name}: `{code}`"
        if re.fullmatch(rf"({FOLDERS})/[\w./-]+", code):
            assert (ROOT / code).exists() or (ROOT / f"{code}.py").exists(), f"{path.name}: `{code}`"
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
        base = path.parent if path.parent != ROOT / "benchmarks" else ROOT
        assert (base / target.strip()).exists(), f"{path.name}: link to {target}"
        if path.is_relative_to(ROOT / "docs"):
            assert (base / target).resolve().is_relative_to(ROOT / "docs"), f"{path.name}: {target} is not in the site"


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN_WHOLE)
def test_what_the_pages_print_is_what_they_show(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for shown, printed in run_aside(ROOT / page, ROOT):
        differs = difference(shown.text, printed)
        assert not differs, f"{page}, line {shown.line}: {differs}"


def difference(shown: str, printed: str) -> str:
    """Where printed text is not as shown, "" where it is: the same words and whole numbers, others within a third."""
    if len(shown.split()) != len(printed.split()):
        return f"shown {shown!r}, printed {printed!r}"
    for a, b in zip(shown.split(), printed.split(), strict=True):
        if re.fullmatch(r"-?\d+\.\d+", a) and re.fullmatch(r"-?\d+\.\d+", b):
            if abs(float(a) - float(b)) > 0.02 + abs(float(a)) / 3:
                return f"shown {a}, printed {b}"
        elif a != b:
            return f"shown {a}, printed {b}"
    return ""


def test_a_difference_between_shown_and_printed_is_noticed() -> None:
    assert difference("vae 1.50 over 2 seeds\n", "vae 1.61 over 2 seeds\n") == ""
    assert difference("vae 1.50 over 2 seeds\n", "vae 2.61 over 2 seeds\n") == "shown 1.50, printed 2.61"
    assert difference("vae 1.50 over 2 seeds\n", "vae nan over 2 seeds\n") == "shown 1.50, printed nan"
    assert difference("vae 1.50 over 2 seeds\n", "vae 1.50 over 3 seeds\n") == "shown 2, printed 3"
    assert difference("vae 1.50\n", "vae 1.50\nwae 1.20\n") != ""


@pytest.fixture(scope="module")
def generate() -> dict[str, Any]:
    """What docs/generate.py defines."""
    return runpy.run_path(str(ROOT / "docs/generate.py"))


def test_pictures_and_tables_are_those_of_the_code(generate: dict[str, Any]) -> None:
    for path, text in generate["files"]().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not current: run `make docs-files`"


def test_every_score_has_its_row_once(generate: dict[str, Any]) -> None:
    text = (ROOT / "docs/measures.md").read_text(encoding="utf-8")
    listed = [name for names in re.findall(r"<!-- scores: ([\w ]+?) -->", text) for name in names.split()]
    traps = yaml.safe_load((ROOT / "docs/traps.yaml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(generate["declared"]()) == sorted(traps)


def test_the_layers_of_a_drawing() -> None:
    layered = runpy.run_path(str(ROOT / "docs/layered.py"))
    arrows = {("a", "b"), ("b", "c"), ("a", "c"), ("s", "c"), ("c", "d")}
    kept = layered["reduced"](arrows)
    assert kept == {("a", "b"), ("b", "c"), ("s", "c"), ("c", "d")}
    assert layered["layers_of"]("abcds", kept) == {"a": 0, "b": 1, "s": 1, "c": 2, "d": 3}
    boxes = [layered["Box"](name, f"what {name} is", "#fff") for name in "abcds"]
    svg = layered["draw"](boxes, arrows, "A & B")
    assert svg.count('marker-end="url(#tip)"') == len(kept)
    assert "<title>A &amp; B</title>" in svg
    assert all(f">{name}</text>" in svg for name in "abcds")


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    released = re.findall(r"^## (\d\S*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert citation["version"] == __version__ == released[0]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "wae.core.version.__version__"}


def test_the_record_names_its_commits() -> None:
    text = (ROOT / "reports/recorded/README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)/` \|.*\| ([^|]+) \|$", text, re.M))
    assert set(rows) == {path.name for path in (ROOT / "reports/recorded").iterdir() if path.is_dir()}
    for folder, commit in rows.items():
        if folder != "reproductions":
            manifest = (ROOT / "reports/recorded" / folder / "manifest.json").read_text(encoding="utf-8")
            assert f'"commit": "{commit.split(",")[0]}' in manifest, folder


def test_the_table_of_methods_has_each_with_its_options() -> None:
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    shown = {
        path: dict(re.findall(r"`(\w+)` \((\S+)\)", options))
        for paths, options in re.findall(r"^\| (`[\w.]+:.*) \| (.*) \|$", text, re.MULTILINE)
        for path in re.findall("`(.+?)`", paths)
    }
    assert shown == {
        f"{cls.__module__}:{cls.__name__}": {key: str(value).lower() for key, value in cls.options.items()}
        for file in (*(ROOT / "baselines").glob("*.py"), *(ROOT / "wae/methods").glob("*.py"))
        for cls in vars(import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))).values()
        if isinstance(cls, type) and issubclass(cls, Method) and vars(cls).get("title")
    }


def test_the_sites_packages_are_pinned_within_the_ranges() -> None:
    lines = (ROOT / "docs/requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in project["optional-dependencies"]["docs"]:
        requirement = Requirement(text)
        assert Version(pins[requirement.name]) in requirement.specifier


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="make docs installs what builds the site")
    pytest.importorskip("material", reason="make docs installs what builds the site")
    command = [
        sys.executable,
        "-W",
        "default",
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "-d",
        str(tmp_path / "site"),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(https?:)?//""", text)
        styles = re.findall(r"""<link\b[^>]*rel=["']?(?:stylesheet|preconnect)[^>]*href=["']?(https?:)?//""", text)
        assert not loaded + styles, page
    index = (tmp_path / "site/search/search_index.json").read_text(encoding="utf-8")
    assert "wae.commands.api.train" in index
    assert "aggregate posterior" in index
    assert not list((tmp_path / "site").rglob("*.py"))


def test_every_page_that_the_sources_name_exists() -> None:
    sources = [
        path
        for folder in ("wae", "baselines", "benchmarks", "config", "workflow")
        for path in (ROOT / folder).rglob("*")
    ]
    text = "".join(path.read_text("utf-8") for path in sources if path.suffix in (".py", ".yaml", ".smk", ".j2"))
    named = set(re.findall(r"\bdocs/[\w/-]+\.md", text))
    assert {"docs/measures.md", "docs/claims.md"} <= named
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]
