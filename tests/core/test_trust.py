"""Nothing that a file says is run: no pickled code, no YAML tags, no templates, no path out of its folder."""

import ast
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wae.core.errors import UserError
from wae.core.files import load_yaml, write_json
from wae.core.settings import DatasetSettings, ExtractorSettings
from wae.data.source import Dataset, Split, load, prepare
from wae.evaluation.classifier import load_classifier
from wae.evaluation.features import build_extractor
from wae.evaluation.reference import load_reference
from wae.evaluation.subjects import load_method
from wae.planning.plan import load_plan
from wae.training import checkpoint

ROOT = Path(__file__).resolve().parents[2]


class Hostile:
    """Unpickling it makes the folder ``owned`` in the working folder."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("owned",)


@pytest.fixture(autouse=True)
def unharmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("owned").exists()


def pickles(path: Path) -> Iterator[Path]:
    """The hostile object at ``path``: as a plain pickle, then as torch saves it."""
    path.write_bytes(pickle.dumps({"identity": "id", "state": Hostile()}))
    yield path
    torch.save({"identity": "id", "state": Hostile()}, path)
    yield path


def test_the_hostile_object_is_hostile(tmp_path: Path) -> None:
    for path in pickles(tmp_path / "x"):
        content = path.read_bytes()
        if content.startswith(b"PK"):
            torch.load(path, weights_only=False)
        else:
            pickle.loads(content)
        Path("owned").rmdir()


def test_checkpoints(tmp_path: Path) -> None:
    for path in pickles(tmp_path / "checkpoint.pt"):
        body = path.read_bytes()
        path.write_bytes(checkpoint._sha256(body) + b"\n" + body)
        loaded, lines = checkpoint.load(path, "id")
        assert loaded is None
        assert "cannot be read" in lines[0]


def test_weights(tmp_path: Path, smoke: dict[str, Any]) -> None:
    run = load_plan(smoke).runs[0]
    for path in pickles(tmp_path / "weights.safetensors"):
        with pytest.raises(UserError, match="not the weights of this run"):
            load_method(run, path, torch.device("cpu"))
        with pytest.raises(UserError, match="not a classifier's weights"):
            load_classifier(path)


def test_inception_weights(tmp_path: Path) -> None:
    for path in pickles(tmp_path / "inception.pt"):
        with pytest.raises(UserError, match="not the weights of torch-fidelity's"):
            build_extractor(tmp_path, ExtractorSettings(kind="inception", weights=str(path)), tmp_path / "out")


def grey(root: Path | None) -> Dataset:
    """Two grey images to train and to test."""
    split = Split(np.full((2, 1, 8, 8), 100, np.uint8), None)
    return Dataset(split, split, origin="none", licence="none")


def test_prepared_arrays_and_references(tmp_path: Path) -> None:
    prepare(DatasetSettings(source="tests.core.test_trust:grey", shape=[1, 8, 8]), None, tmp_path)
    np.save(tmp_path / "train_images.npy", np.array([Hostile()], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"train_images\.npy"):
        load(tmp_path, "train")
    np.savez(tmp_path / "reference.npz", features=np.array([Hostile()], dtype=object))
    record = dict.fromkeys(("name", "reference", "extractor", "validation_fractions", "rows"))
    write_json(tmp_path / "reference.json", record)
    with pytest.raises(UserError, match=r"reference\.npz"):
        load_reference(tmp_path, torch.device("cpu"))


@pytest.mark.parametrize(
    "text",
    [
        "experiment: !!python/object/apply:os.mkdir [owned]",
        "experiment: !!python/name:os.mkdir",
        "? !!python/object/apply:os.mkdir [owned]\n: 1",
        "__use_yte__: true\nexperiment: ?__import__('os').mkdir('owned')",
    ],
)
def test_configs(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml: "):
        load_yaml(tmp_path / "config.yaml")


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_the_code_opens_nothing_unsafely() -> None:
    files = [*ROOT.glob("wae/**/*.py"), *ROOT.glob("baselines/*.py")]
    assert len(files) > 50
    for file in files:
        for name, call in calls(ast.parse(file.read_text())):
            where = f"{file}:{call.lineno}"
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert not name.startswith(("pickle.", "os.system", "marshal.", "shelve.")), where
            assert name not in ("eval", "exec"), where
            if name == "torch.load":
                assert given["weights_only"] == "True", where
            if name in ("np.load", "numpy.load", "np.lib.format.read_array"):
                assert given["allow_pickle"] == "False", where
            if name == "yaml.load":
                assert given["Loader"] == "_Loader", where
            if name.endswith(".extractall"):
                assert given["filter"] == "'data'", where
            assert given.get("shell") != "True", where
