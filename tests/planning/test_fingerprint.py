import ast
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from wae.core import plugins
from wae.core.files import sha256_file
from wae.planning import fingerprint as sources


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plugins, "folders", lambda: [tmp_path, plugins.ROOT])
    (tmp_path / "top_x.py").write_text("import below_x\nimport json\n\ndef f():\n    return below_x.VALUE\n")
    (tmp_path / "below_x.py").write_text('"""Doc."""\nVALUE = 1\n')
    (tmp_path / "aside_x.py").write_text("VALUE = 3\n")
    sources.clear()
    yield tmp_path
    sources.clear()


def test_closure_follows_imports_of_the_project_only(modules: Path) -> None:
    assert [path.name for path in sources.closure(["top_x"])] == ["below_x.py", "top_x.py"]


def test_closure_follows_imports_inside_functions(modules: Path) -> None:
    (modules / "lazy_x.py").write_text("def f():\n    from aside_x import VALUE\n    return VALUE\n")
    assert [path.name for path in sources.closure(["lazy_x"])] == ["aside_x.py", "lazy_x.py"]


def test_digest_changes_with_imported_code_and_not_with_words(modules: Path) -> None:
    before = sources.code_digest("top_x")
    (modules / "below_x.py").write_text('"""Other words."""\n\n# A comment.\nVALUE   =   1\n')
    (modules / "aside_x.py").write_text("VALUE = 4\n")
    sources.clear()
    assert sources.code_digest("top_x") == before
    (modules / "below_x.py").write_text('"""Doc."""\nVALUE = 2\n')
    sources.clear()
    assert sources.code_digest("top_x") != before


def test_the_next_process_parses_only_what_changed(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = ast.parse
    monkeypatch.chdir(modules)
    monkeypatch.setattr(ast, "parse", lambda text: parsed.append(text) or parse(text))
    before = sources.code_digest("top_x")
    assert not (modules / ".snakemake").exists()  # nothing is kept but beside a workflow's state
    (modules / ".snakemake").mkdir()
    sources.clear()
    assert sources.code_digest("top_x") == before
    for text in ("VALUE = 5\n", "VALUE = 5\n", "VALUE = 1\n"):
        known = (modules / "below_x.py").read_text() == text
        (modules / "below_x.py").write_text(text)
        parsed.clear()
        sources.clear()
        assert (sources.code_digest("top_x") == before) is (text == "VALUE = 1\n")
        assert parsed == ([] if known else [text])
    scanner = sha256_file(Path(sources.__file__))  # another one scans everything again
    assert all(scanner in key for key in json.loads(sources.KEPT.read_text()))


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"x": 1}', '{"x": [null, "y"]}'])
def test_damaged_scans_are_made_again(modules: Path, monkeypatch: pytest.MonkeyPatch, damaged: str) -> None:
    before = sources.code_digest("top_x")
    (modules / ".snakemake").mkdir()
    (modules / sources.KEPT).write_text(damaged)
    monkeypatch.chdir(modules)
    sources.clear()
    assert sources.code_digest("top_x") == before
    assert len(json.loads((modules / sources.KEPT).read_text())) == 2


def test_training_does_not_depend_on_the_report() -> None:
    names = {str(path.relative_to(sources.ROOT)) for path in sources.closure(["wae.training.loop", "baselines.vae"])}
    assert {"wae/training/loop.py", "wae/models/networks.py", "wae/methods/base.py", "baselines/vae.py"} <= names
    assert not any(name.startswith(("wae/report", "wae/analysis", "wae/evaluation", "wae/commands")) for name in names)


def test_report_and_analysis_import_no_torch() -> None:
    for stage in (
        "wae.report.page.render",
        "wae.report.figures.draw",
        "wae.report.tables.write",
        "wae.analysis",
        "wae.planning.plan",
        "wae.planning.jobs",
    ):
        for path in sources.closure([stage]):
            assert not {"torch", "torchvision"} & set(sources.scan(path).imports), f"{stage} reaches {path}"


def test_library_never_imports_baselines() -> None:
    for path in (sources.ROOT / "wae").rglob("*.py"):
        assert not any(name.split(".")[0] == "baselines" for name in sources.scan(path).imports), path


def test_relative_imports_are_followed(modules: Path) -> None:
    package = modules / "pack_x"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .method import M\n")
    (package / "method.py").write_text(
        "from .helper import VALUE\nfrom .inner.deep import DEEP\n\nclass M:\n    v = VALUE\n"
    )
    (package / "helper.py").write_text("VALUE = 1\n")
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "deep.py").write_text("from .. import helper\nfrom ..other import X\n\nDEEP = 2\n")
    (package / "other.py").write_text("X = 3\n")
    names = [str(path.relative_to(package)) for path in sources.closure(["pack_x"])]
    assert names == ["__init__.py", "helper.py", "inner/__init__.py", "inner/deep.py", "method.py", "other.py"]
    before = sources.code_digest("pack_x")
    (package / "helper.py").write_text("VALUE = 2\n")
    sources.clear()
    assert sources.code_digest("pack_x") != before


def test_what_only_a_type_checker_imports_counts_for_nothing(modules: Path) -> None:
    text = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import aside_x\nelse:\n    import below_x\n"
    (modules / "typed_x.py").write_text(text)
    assert [path.name for path in sources.closure(["typed_x"])] == ["below_x.py", "typed_x.py"]


def test_importing_wae_makes_nothing_depend_on_everything() -> None:
    names = {str(path.relative_to(sources.ROOT)) for path in sources.closure(["wae.training.loop"])}
    assert "wae/__init__.py" not in names


def test_how_settings_are_checked_is_no_part_of_a_code_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    sources.clear()
    before = sources.code_digest("wae.training.loop")
    scans = {path: sources.scan(path) for path in sources.closure(["wae.training.loop"])}
    for changed, moves in (
        ("wae/core/settings/__init__.py", False),
        ("wae/core/settings/training.py", False),
        ("wae/core/errors.py", False),
        ("wae/core/locks.py", False),
        ("wae/core/scales.py", True),
        ("wae/core/seed_streams.py", True),
        ("wae/models/networks.py", True),
    ):
        path = sources.ROOT / changed
        edited = {**scans, path: scans[path]._replace(code="edited")}
        monkeypatch.setattr(sources, "scan", edited.__getitem__)
        sources.code_digest.cache_clear()
        assert (sources.code_digest("wae.training.loop") != before) is moves, changed
    sources.code_digest.cache_clear()


def test_another_version_of_an_installed_plug_in_is_other_code(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, by_import, others = [], [], []
    (modules / "mine_x.py").write_text("from deep_codes.methods import Deep\n")
    for version in ("1.0", "1.1", "1.0"):
        point = SimpleNamespace(
            value="deep_codes.methods:Deep", dist=SimpleNamespace(name="deep-codes", version=version)
        )
        monkeypatch.setattr(
            plugins, "entry_points", lambda group, point=point: [point] if group == "wae.plugins" else []
        )
        plugins.declared_packages.cache_clear()
        sources.clear()
        own.append(sources.code_digest("wae.mmd.kernels", "deep_codes.methods"))
        by_import.append(sources.code_digest("mine_x"))
        others.append(sources.code_digest("wae.mmd.kernels"))
        assert plugins.plugin_versions(["deep_codes.methods:Deep", "wae.mmd.fused"]) == {"deep-codes": version}
        assert plugins.plugin_versions(["wae.mmd.fused"]) == {}
    assert own[0] == own[2] != own[1]
    assert by_import[0] == by_import[2] != by_import[1]
    assert len(set(others)) == 1
    monkeypatch.undo()
    plugins.declared_packages.cache_clear()
    sources.clear()
