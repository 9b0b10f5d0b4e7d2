"""Inception's features through torch-fidelity: weights that are right, wrong, hostile and missing."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wae.core.errors import UserError
from wae.core.settings import DatasetSettings, ExtractorSettings
from wae.evaluation.features import build_extractor, extract, load_extractor
from wae.evaluation.fidelity import as_reference, frechet_distance, moments

BARS = DatasetSettings(source="tests.shared.evaluation:bars", shape=[1, 12, 12])


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file for torch-fidelity's Inception with random values in place of the trained ones."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = tmp_path_factory.mktemp("inception") / "random.pth"
    blank = FeatureExtractorInceptionV3.__new__(FeatureExtractorInceptionV3)
    original = torch.nn.Module.load_state_dict
    torch.nn.Module.load_state_dict = lambda self, state: None  # build it without a file
    try:
        torch.save({}, path)
        blank.__init__("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    finally:
        torch.nn.Module.load_state_dict = original
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, value in blank.state_dict().items():
        if value.dim() > 1:
            fan_in = value[0].numel()
            state[name] = torch.randn(value.shape, generator=generator) * math.sqrt(2.0 / fan_in)
        else:
            state[name] = value
    torch.save(state, path)
    return path


@pytest.mark.slow
def test_inception_path_is_torch_fidelitys_command_line(inception_weights, tmp_path, capsys):
    from torch_fidelity.fidelity import main

    sets = {}
    for name, seed in (("a", 1), ("b", 2)):
        images = np.random.default_rng(seed).integers(0, 256 // seed, (8, 3, 20, 24), dtype=np.uint8)
        sets[name] = images
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / name / f"{i:03}.png")
    arguments = ["fidelity", "--fid", "--cpu", "--json", "--silent", "--no-cache", "--save-cpu-ram", "--input1",
                 str(tmp_path / "a"), "--input2", str(tmp_path / "b"), "--feature-extractor-weights-path",
                 str(inception_weights)]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", arguments)
        main()
    expected = json.loads(capsys.readouterr().out)["frechet_inception_distance"]
    digest = hashlib.sha256(inception_weights.read_bytes()).hexdigest()
    settings = ExtractorSettings(kind="inception", weights=str(inception_weights), weights_sha256=digest)
    build_extractor(tmp_path, settings, tmp_path / "extractor")
    record = json.loads((tmp_path / "extractor/extractor.json").read_text())
    assert (record["sha256"], record["weights"]) == (digest, str(inception_weights))
    extractor = load_extractor(tmp_path / "extractor")
    found = {name: moments(extract(extractor, images, 4)) for name, images in sets.items()}
    assert len(found["a"].mean) == 2048
    assert frechet_distance(found["a"], as_reference(found["b"])) == pytest.approx(expected, rel=1e-5)
    grey = sets["a"][:, :1]
    np.testing.assert_array_equal(extract(extractor, grey[:2]), extract(extractor, np.repeat(grey[:2], 3, axis=1)))


def test_inception_weights_that_are_wrong_are_refused(tmp_path):
    file = tmp_path / "weights.pth"
    torch.save({"fc.weight": torch.zeros(2)}, file)
    wrong = ExtractorSettings(kind="inception", weights=str(file), weights_sha256="0" * 64)
    with pytest.raises(UserError, match=r"sha256 is [0-9a-f]{64}, the config wants 0000"):
        build_extractor(tmp_path, wrong, tmp_path / "out")
    with pytest.raises(UserError, match="not the weights of torch-fidelity's inception-v3-compat"):
        build_extractor(tmp_path, ExtractorSettings(kind="inception", weights=str(file)), tmp_path / "out")
    with pytest.raises(UserError, match="no such weights file"):
        build_extractor(tmp_path, ExtractorSettings(kind="inception", weights=str(tmp_path / "no")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Hostile:
    """A pickle that would create a file when loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_hostile_inception_weights_run_nothing(tmp_path):
    file, mark = tmp_path / "weights.pth", tmp_path / "mark"
    torch.save({"x": Hostile(mark)}, file)
    with pytest.raises(UserError, match="not the weights"):
        build_extractor(tmp_path, ExtractorSettings(kind="inception", weights=str(file)), tmp_path / "out")
    assert not mark.exists()


def test_missing_network_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))

    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(UserError, match=r"cannot be fetched.*extractors.*weights"):
        build_extractor(tmp_path, ExtractorSettings(kind="inception"), tmp_path / "out")
