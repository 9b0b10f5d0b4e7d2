"""Training steps of Keras's example VAE (config/reproductions/keras_vae.yaml) against what Keras computes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.oracle.authors import distance, tensor
from tests.shared.models import method
from wae.compute.seeds import Streams
from wae.methods import autoencoder
from wae.methods.base import Method
from wae.planning.config import read_config

KERAS: dict[str, Any] = json.loads(Path(__file__).with_name("keras.json").read_text(encoding="utf-8"))
SHAPE = (1, 12, 12)
SIZES = {"hidden": [3, 4], "decoder_hidden": [4, 4, 3], "extra_dense": 5, "batch_size": 6, "learning_rate": 0.02}


def example(root: Path, **changes: Any) -> Method:
    """The example's method by its config, smaller, with Keras's first weights."""
    common = read_config(root / "config/reproductions/keras_vae.yaml")["training"]["common"]
    made = method("vae", SHAPE, **{**common, **SIZES, **changes})
    given = [np.array(values) for values in KERAS["weights"].values()]
    convolutions = {"encoder.0": 0, "encoder.2": 2, "decoder.3": 12, "decoder.5": 14, "decoder.7": 16}
    weights = {name: (given[i].transpose(3, 2, 0, 1), given[i + 1]) for name, i in convolutions.items()}
    # Keras flattens (H, W, C), torch (C, H, W); its two heads are one layer here, the mean's rows first.
    weights["encoder.5"] = given[4].reshape(3, 3, 4, 5).transpose(3, 2, 0, 1).reshape(5, 36), given[5]
    weights["encoder.7"] = np.concatenate([given[6].T, given[8].T]), np.concatenate([given[7], given[9]])
    dense = given[10].reshape(2, 3, 3, 4).transpose(3, 1, 2, 0).reshape(36, 2)
    weights["decoder.0"] = dense, given[11].reshape(3, 3, 4).transpose(2, 0, 1).reshape(36)
    with torch.no_grad():
        for name, (weight, bias) in weights.items():
            made.get_submodule(name).weight.copy_(tensor(weight))
            made.get_submodule(name).bias.copy_(tensor(bias))
    assert sum(weight.size + bias.size for weight, bias in weights.values()) == sum(
        p.numel() for p in made.parameters()
    )
    return made


def losses(made: Method, monkeypatch: pytest.MonkeyPatch) -> list[list[float]]:
    """Reconstruction and KL divergence at each of Keras's steps: its batches, its noise."""
    made.prepare_training()
    made.train()
    images = torch.tensor(KERAS["images"], dtype=torch.uint8)[:, None]
    found = []
    for index, noise in zip(KERAS["index"], KERAS["noise"], strict=True):
        monkeypatch.setattr(autoencoder.torch, "randn", lambda *_, given=noise, **__: tensor(np.array(given)))
        scalars = made.step(images[index], Streams(0))
        found.append([float(scalars["reconstruction"]), float(scalars["penalty"])])
    return found


def test_thirty_steps_are_those_of_keras(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = example(root)
    assert distance(losses(made, monkeypatch), KERAS["losses"]) < 1e-12
    sums = [np.abs(p.detach().numpy()).sum() for p in (made.encoder[5].weight, made.decoder[5].weight)]
    assert distance(sums, [KERAS["sums"]["dense/kernel"][0], KERAS["sums"]["conv2d_transpose_1/kernel"][0]]) < 1e-12


@pytest.mark.parametrize(
    "change",
    [
        {"adam": "torch"},
        {"adam_beta1": 0.5},
        {"adam_epsilon": 1.0e-5},
        {"learning_rate": 0.021},
        {"activation": "tanh"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_of_its_settings_shows(change: dict[str, Any], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert distance(losses(example(root, **change), monkeypatch), KERAS["losses"]) > 1e-8
