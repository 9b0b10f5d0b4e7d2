import ast
import json
from pathlib import Path

import pytest

from wae.core.errors import UserError
from wae.planning import fingerprint as sources


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "top_x.py").write_text("import below_x\nimport json\n\ndef f():\n    return below_x.VALUE\n")
    (tmp_path / "below_x.py").write_text('"""Doc."""\nVALUE = 1\n')
    (tmp_path / "aside_x.py").write_text("VALUE = 3\n")
    clear()
    yield tmp_path
    clear()


def clear() -> None:
    """Forget what this process knows of the sources, as a new one would."""
    for function in (sources.find_module, sources._tree, sources.scan, sources._kept, sources.code_digest):
        function.cache_clear()


def test_closure_follows_imports_of_the_project_only(modules: Path) -> None:
    assert [path.name for path in sources.closure(["top_x"])] == ["below_x.py", "top_x.py"]


def test_closure_follows_imports_inside_functions(modules: Path) -> None:
    (modules / "lazy_x.py").write_text("def f():\n    from aside_x import VALUE\n    return VALUE\n")
    assert [path.name for path in sources.closure(["lazy_x"])] == ["aside_x.py", "lazy_x.py"]


def test_digest_changes_with_imported_code_and_not_with_words(modules: Path) -> None:
    before = sources.code_digest("top_x")
    (modules / "below_x.py").write_text('"""Other words."""\n\n# A comment.\nVALUE   =   1\n')
    (modules / "aside_x.py").write_text("VALUE = 4\n")
    clear()
    assert sources.code_digest("top_x") == before
    (modules / "below_x.py").write_text('"""Doc."""\nVALUE = 2\n')
    clear()
    assert sources.code_digest("top_x") != before


def test_the_next_process_parses_only_what_changed(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = ast.parse
    monkeypatch.chdir(modules)
    monkeypatch.setattr(ast, "parse", lambda text: parsed.append(text) or parse(text))
    before = sources.code_digest("top_x")
    assert not (modules / ".snakemake").exists()  # nothing is kept but beside a workflow's state
    (modules / ".snakemake").mkdir()
    clear()
    assert sources.code_digest("top_x") == before
    for text in ("VALUE = 5\n", "VALUE = 5\n", "VALUE = 1\n"):
        known = (modules / "below_x.py").read_text() == text
        (modules / "below_x.py").write_text(text)
        parsed.clear()
        clear()
        assert (sources.code_digest("top_x") == before) is (text == "VALUE = 1\n")
        assert parsed == ([] if known else [text])


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"x": 1}', '{"x": [null, "y"]}'])
def test_scans_that_are_torn_are_found_anew(modules: Path, monkeypatch: pytest.MonkeyPatch, torn: str) -> None:
    before = sources.code_digest("top_x")
    (modules / ".snakemake").mkdir()
    (modules / sources.KEPT).write_text(torn)
    monkeypatch.chdir(modules)
    clear()
    assert sources.code_digest("top_x") == before
    assert len(json.loads((modules / sources.KEPT).read_text())) == 2


def test_training_does_not_depend_on_the_report() -> None:
    names = {str(path.relative_to(sources.ROOT)) for path in sources.closure(["wae.training.loop", "baselines.vae"])}
    assert {"wae/training/loop.py", "wae/models/networks.py", "wae/methods/base.py", "baselines/vae.py"} <= names
    assert not any(name.startswith(("wae/report", "wae/analysis", "wae/evaluation", "wae/plan")) for name in names)


def test_report_and_analysis_import_no_torch() -> None:
    for stage in (
        "wae.report.page.render",
        "wae.report.figures.draw",
        "wae.report.tables.write",
        "wae.analysis",
        "wae.planning.plan",
    ):
        for path in sources.closure([stage]):
            assert not {"torch", "torchvision"} & set(sources.scan(path).imports), f"{stage} reaches {path}"


def test_library_never_imports_baselines() -> None:
    for path in (sources.ROOT / "wae").rglob("*.py"):
        assert not any(name.split(".")[0] == "baselines" for name in sources.scan(path).imports), path


def test_class_attributes_are_read_with_those_of_the_bases(modules: Path) -> None:
    (modules / "base_x.py").write_text("class Base:\n    encoders: tuple = ('a', 'b')\n    options = {'k': 1}\n")
    (modules / "child_x.py").write_text("from base_x import Base\nclass Child(Base):\n    encoders = ('a',)\n")
    assert sources.class_attributes("child_x:Child") == {"encoders": ("a",), "options": {"k": 1}}


def test_a_misspelt_class_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="did you mean 'VAE'"):
        sources.find_definition("baselines.vae:VEA")
    with pytest.raises(UserError, match=r"no module 'baselines\.vea'"):
        sources.find_definition("baselines.vea:VAE")


def test_keyword_options_come_from_the_signature(modules: Path) -> None:
    (modules / "source_x.py").write_text("def images(root, *, pad=0, split='official'):\n    pass\n")
    assert sources.keyword_options("source_x:images") == {"pad", "split"}


def test_how_settings_are_checked_reruns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clear()
    before = sources.code_digest("wae.training.loop")
    scans = {path: sources.scan(path) for path in sources.closure(["wae.training.loop"])}
    for changed, moves in (
        ("wae/core/settings.py", False),
        ("wae/core/errors.py", False),
        ("wae/core/locks.py", False),
        ("wae/models/networks.py", True),
    ):
        path = sources.ROOT / changed
        edited = {**scans, path: scans[path]._replace(code="edited")}
        monkeypatch.setattr(sources, "scan", edited.__getitem__)
        sources.code_digest.cache_clear()
        assert (sources.code_digest("wae.training.loop") != before) is moves, changed
    sources.code_digest.cache_clear()
