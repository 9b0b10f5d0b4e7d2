"""The CUDA path: every method, encoder, prior and architecture trains, resumes and is scored on a device.

Without a GPU it is one that is not there (tests/cuda/pretend.py), where a tensor left on the CPU, numpy() on a device
tensor, a CPU generator and an operator without a deterministic CUDA kernel are errors. Values are real, so that every
branch runs.
"""

import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.cuda.rules import CUDA, seen
from tests.cuda.runs import EVALUATION, REAL, combinations, name_of, on_device, run_of, whole
from tests.shared.models import IMPLEMENTATIONS
from wae.compute import devices
from wae.core.files import read_json
from wae.core.settings import ExecutionSettings, ExtractorSettings, RunSettings, TimingSettings
from wae.evaluation import features
from wae.evaluation.score import score
from wae.timing.study import run_study
from wae.training.loop import train
from wae.training.trainer import Trainer


@pytest.mark.parametrize("run", combinations(), ids=name_of)
def test_train_and_evaluate(run: RunSettings, made: Path, tmp_path: Path) -> None:
    whole(run, made, tmp_path)
    assert (tmp_path / "metrics.json").exists()
    record = read_json(tmp_path / "run.json")
    assert record["device"] == "cuda:0"
    assert record["gpu"]
    assert record["tf32"] is False


@pytest.mark.parametrize("method", ["wae_mmd", "wae_gan"])
def test_kernel_gradients_as_products(method: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken where asked for: other bits, the same twice, and the loss of cuDNN's up to what rounding grows to."""
    asked = {"a": "products", "b": "products", "c": "cudnn"}
    with on_device():
        for name, gradients in asked.items():
            monkeypatch.setattr(devices, "kernel_gradients", gradients)  # for the device that is not there
            execution = ExecutionSettings(kernel_gradients=gradients)
            train(run_of(method), made / "data", tmp_path / name, execution, "code")
            assert read_json(tmp_path / name / "run.json")["kernel_gradients"] == gradients
    weights = {name: load_file(tmp_path / name / "weights.safetensors") for name in asked}
    assert all(torch.equal(weights["a"][name], weights["b"][name]) for name in weights["c"])
    losses = {name: np.genfromtxt(tmp_path / name / "history.csv", delimiter=",", names=True)["loss"] for name in asked}
    np.testing.assert_allclose(losses["a"], losses["c"], rtol=1e-3)
    assert any(not torch.equal(weights["a"][name], tensor) for name, tensor in weights["c"].items())


# What a step may wait for. Each is a pause of the device.


@pytest.mark.parametrize("method", IMPLEMENTATIONS)
def test_a_step_never_waits_for_the_device(method: str) -> None:
    run = run_of(method, pretrain_steps=0)
    with on_device():
        images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8).to(CUDA)
        trainer = Trainer(run, images, CUDA)
        trainer.method.train()
        next(steps := trainer._epoch_steps())
        seen.clear()
        try:
            if REAL:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # torch warns that this mode is a prototype
                    torch.cuda.set_sync_debug_mode("error")
            next(steps)
        finally:
            if REAL:
                torch.cuda.set_sync_debug_mode("default")
        assert not seen.syncs
        assert not [op for op in seen.ops if "item" in op]


def test_the_timing_study(made: Path, tmp_path: Path) -> None:
    settings = TimingSettings(
        rounds=3, max_rounds=3, warmup=1, penalty_n=[8, 16], penalty_latent_dim=[3], critics=[8], random_features=16,
        step_batch_sizes=[8], total_seconds=60.0, cap_seconds=60.0,
    )  # fmt: skip
    runs = [run_of(method) for method in IMPLEMENTATIONS]
    written = tmp_path / "t.csv", tmp_path / "rounds.csv", tmp_path / "m.json"
    with on_device():
        run_study(runs, {"tiny": made / "data"}, settings, ExecutionSettings(), *written)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert all(line.endswith(",ok") for line in lines[1:])


def test_the_classifier_is_trained_on_the_device(made: Path, tmp_path: Path) -> None:
    settings = ExtractorSettings(width=2, features=4, epochs=1, min_steps=0, batch_size=8)
    with on_device():
        seen.clear()
        features.build_extractor(made / "data", settings, tmp_path, CUDA)
        assert REAL or seen.ops["aten.convolution_backward.default"] > 0
    if not REAL:  # the same values: a device that is not there computes on the processor
        file = "weights.safetensors"
        assert (tmp_path / file).read_bytes() == (made / "extractor" / file).read_bytes()


class Projection(torch.nn.Module):
    """An extractor whose only weights are a buffer, as those of a fixed random projection are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("directions", torch.randn(64, 6, generator=torch.Generator().manual_seed(0)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).float() @ self.get_buffer("directions")


def test_an_extractor_without_parameters() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), np.uint8)
    found = []
    for device in (torch.device("cpu"), CUDA):
        with on_device():
            extractor = features.Extractor("own", Projection().to(device), {"kind": "own", "channels": 1})
            found.append(features.extract(extractor, images))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_inception(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch-fidelity's network with random weights."""
    pytest.importorskip("torch_fidelity")
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Network

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", lambda *a, **k: {})
        patch.setattr(Network, "load_state_dict", lambda *a, **k: None)
        network = Network("inception-v3-compat", ["2048"], feature_extractor_weights_path="none")
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    settings = ExtractorSettings(kind="inception", weights=str(tmp_path / "weights.pth"))
    features.build_extractor(made / "data", settings, tmp_path / "inception")
    with on_device():
        extractor = features.load_extractor(tmp_path / "inception", CUDA)
        assert features.extract(extractor, np.zeros((2, 1, 8, 8), np.uint8)).shape == (2, 2048)


def test_score_of_foreign_images(made: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    with on_device():
        assert score(tmp_path / "images.npy", made / "data", [made / "reference"], EVALUATION, CUDA)


def stopped(run: RunSettings, made: Path, out: Path, device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on ``device`` until a SIGTERM in the middle of the second epoch."""
    real = Trainer._epoch_steps
    taken = []

    def steps(self: Trainer) -> Iterator[None]:
        for _ in real(self):
            taken.append(1)
            if len(taken) == 7:
                os.kill(os.getpid(), signal.SIGTERM)
            yield

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_epoch_steps", steps)
        patch.setattr(devices, "setup", lambda execution: device)
        with pytest.raises(Exception, match="checkpoint is saved"):
            train(run, made / "data", out, ExecutionSettings(), "code")


@pytest.mark.parametrize(("method", "authors"), [("vae", False), ("wae_gan", True), ("aae", False)])
def test_resume_on_the_same_device(
    method: str, authors: bool, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(method, epochs=3, authors=authors)
    with on_device():
        stopped(run, made, tmp_path / "cut", CUDA, monkeypatch)
        for name in ("cut", "whole"):
            train(run, made / "data", tmp_path / name, ExecutionSettings(), "code")
    assert (tmp_path / "cut/weights.safetensors").read_bytes() == (tmp_path / "whole/weights.safetensors").read_bytes()


@pytest.mark.parametrize(("first", "second"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_on_another_kind_of_device_a_run_begins_again_and_says_so(
    first: str,
    second: str,
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_of("wae_mmd", epochs=3)
    with on_device():
        stopped(run, made, tmp_path / "cut", torch.device(first), monkeypatch)
        monkeypatch.setattr(devices, "setup", lambda execution: torch.device(second))
        for name in ("cut", "whole"):
            train(run, made / "data", tmp_path / name, ExecutionSettings(), "code")
    assert f"of a job on {first}, this one is on {second}; begun again" in capsys.readouterr().err
    assert (tmp_path / "cut/weights.safetensors").read_bytes() == (tmp_path / "whole/weights.safetensors").read_bytes()
