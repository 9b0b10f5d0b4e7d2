"""The authors' numbers, and their variables brought into the networks of this project."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor, nn

from wae.models.layers import SameConv2d, SameConvTranspose2d

FIXTURES: dict[str, Any] = json.loads(Path(__file__).with_name("fixtures.json").read_text(encoding="utf-8"))
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
Variables = Mapping[str, np.ndarray]


def as_array(value: Any) -> np.ndarray:
    """A tensor, an array or nested lists as float64."""
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value, dtype=np.float64)


def distance(ours: Any, theirs: Any) -> float:
    """The largest difference, relative to the largest of their numbers; equal shapes are asserted."""
    a, b = as_array(ours), as_array(theirs)
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / (np.abs(b).max() or 1.0))


def tensor(array: np.ndarray, *, grad: bool = False) -> Tensor:
    """A float64 tensor with the array's values."""
    return torch.from_numpy(np.array(array, dtype=np.float64)).requires_grad_(grad)


def channels_first(images: np.ndarray) -> np.ndarray:
    """(n, H, W, C) to (n, C, H, W)."""
    return np.ascontiguousarray(np.moveaxis(images, -1, 1))


def variables(names: Iterable[tuple[str, list[int]]], scale: float) -> dict[str, np.ndarray]:
    """The variables of those names and shapes, drawn as for the fixtures: the i-th from RandomState(1000 + i)."""
    made = {}
    for index, (name, shape) in enumerate(names):
        draw = RandomState(1000 + index)
        kind = name.rpartition("/")[2]
        if kind == "moving_variance":
            made[name] = 0.5 + draw.rand(*shape)
        elif kind == "gamma":
            made[name] = 1.0 + 0.1 * draw.randn(*shape)
        else:
            made[name] = (0.1 if kind in ("moving_mean", "beta", "b") else scale) * draw.randn(*shape)
    return made


def fill(encoder: nn.Module, decoder: nn.Module, given: Variables, shape: tuple[int, int, int]) -> None:
    """Set both networks for images of ``shape`` (C, H, W) to the authors' variables.

    Their images are (n, H, W, C): rows or columns of a linear layer beside an image change their order.
    """
    _fill_encoder(encoder, given, shape)
    _fill_decoder(decoder, given, shape)


def fill_discriminator(discriminator: nn.Module, given: Variables) -> None:
    """Set the latent discriminator to the authors' variables."""
    layers = _of(discriminator, nn.Linear)
    names = [f"h{i + 1}_lin" for i in range(len(layers) - 1)] + ["hfinal_lin"]
    for layer, name in zip(layers, names, strict=True):
        _linear(layer, given[f"z_adversary/{name}/W"], given[f"z_adversary/{name}/b"])


def norms(network: nn.Module) -> list[Any]:
    """The layers of batch normalisation, in their order."""
    return _of(network, NORMS)


def _of(network: nn.Module, kind: Any) -> list[Any]:
    return [layer for layer in network.children() if isinstance(layer, kind)]


def _set(layer: Any, weight: np.ndarray, bias: np.ndarray) -> None:
    layer.weight.data, layer.bias.data = tensor(np.ascontiguousarray(weight)), tensor(bias)


def _linear(layer: nn.Module, weight: np.ndarray, bias: np.ndarray) -> None:
    _set(layer, weight.T, bias)


def _normalisation(network: nn.Module, given: Variables, scope: str) -> None:
    for i, layer in enumerate(norms(network)):
        name = f"{scope}/h{i}_bn"
        _set(layer, given[f"{name}/gamma"], given[f"{name}/beta"])
        if f"{name}/moving_mean" in given:
            layer.running_mean.copy_(tensor(given[f"{name}/moving_mean"]))
            layer.running_var.copy_(tensor(given[f"{name}/moving_variance"]))


def _fill_encoder(network: nn.Module, given: Variables, shape: tuple[int, int, int]) -> None:
    c, h, w = shape
    for i, layer in enumerate(_of(network, SameConv2d)):
        _set(layer, given[f"encoder/h{i}_conv/filter"].transpose(3, 2, 0, 1), given[f"encoder/h{i}_conv/b"])
        c, h, w = layer.out_channels, math.ceil(h / 2), math.ceil(w / 2)
    _normalisation(network, given, "encoder")
    *hidden, final = _of(network, nn.Linear)
    layers = [(layer, [f"encoder/h{i}_lin"]) for i, layer in enumerate(hidden)]
    layers.append((final, [f"encoder/{n}" for n in ("mean_lin", "log_sigmas_lin", "hfinal_lin")]))
    for i, (layer, names) in enumerate(layers):
        names = [name for name in names if f"{name}/W" in given]
        weight = np.concatenate([given[f"{name}/W"] for name in names], 1)
        if i == 0:
            weight = weight.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(c * h * w, -1)
        _linear(layer, weight, np.concatenate([given[f"{name}/b"] for name in names]))


def _fill_decoder(network: Any, given: Variables, shape: tuple[int, int, int]) -> None:
    c, h, w = shape
    _normalisation(network, given, "generator")
    linear, convolutions = _of(network, nn.Linear), _of(network, SameConvTranspose2d)
    for i, layer in enumerate(linear):
        weight, bias = given[f"generator/h{i}_lin/W"], given[f"generator/h{i}_lin/b"]
        if i == len(linear) - 1:  # its output becomes an image, or the first grid of one
            grid = (h, w, c)
            if convolutions:
                top, height, width = _of(network, nn.Unflatten)[0].unflattened_size
                grid = (height, width, top)
            weight = weight.reshape(-1, *grid).transpose(0, 3, 1, 2).reshape(len(weight), -1)
            bias = bias.reshape(grid).transpose(2, 0, 1).ravel()
        _linear(layer, weight, bias)
    names = [f"h{i}_deconv" for i in range(len(convolutions) - 1)] + ["hfinal_deconv"][: len(convolutions)]
    for layer, name in zip(convolutions, names, strict=True):
        _set(layer, given[f"generator/{name}/filter"].transpose(3, 2, 0, 1), given[f"generator/{name}/b"])
