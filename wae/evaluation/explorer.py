"""explorer.json of a run: its decoder, packed small enough that the page runs it, and codes to look at.

Weights are integers times a scale per group, with batch normalisation folded in, and deflated. What is packed is
decoded once here and compared with the suite's pixels, so that a file that is written draws what the suite draws.
"""

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from wae.methods.autoencoder import Autoencoder
from wae.methods.base import Method
from wae.models.layers import ACTIVATIONS, Dropout, SameConvTranspose2d
from wae.models.priors import Normal, Sphere

LARGEST = 210_000  # numbers in a decoder: packed, they take about 330 kB, so that three fit the page's 1 MB
CODES, DRAWS = 300, 150
CHECKED = 128  # draws of the prior that are decoded both ways, and as many half as far again from its centre
TOLERANCE = 0.9  # grey levels before rounding; below 1, rounded ones differ by one at most, with room for the browser
COARSEST, FINEST = 430, 30_000  # steps from zero to the largest number of a group
SMALL = 10_000  # layers of fewer weights always take the finest steps: they cost little
POINT_STEPS = 2000  # the same, for points and axes
CALIBRATION = 2000  # draws of the prior whose activations say which rounding errors matter


class _LeftOutError(Exception):
    """Why a decoder is not packed."""


@dataclass
class Numbers:
    """All integers of a document, one array after another."""

    parts: list[np.ndarray] = field(default_factory=list)

    def add(self, whole: np.ndarray, scales: np.ndarray) -> dict[str, Any]:
        """Append integers (groups, k), of which each group counts by its scale; returns what ``unpack`` needs."""
        at = sum(part.size for part in self.parts)
        self.parts.append(whole.ravel())
        return {"at": at, "count": whole.size, "scales": scales.tolist()}

    def text(self) -> str:
        """All upper bytes, then all lower bytes, of integer + 32,768, deflated, in base64."""
        whole = (np.concatenate(self.parts) + 2**15).astype(np.uint16)
        planes = np.concatenate([whole >> 8, whole & 255]).astype(np.uint8)
        return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode()


def explorer(
    method: Method, codes: np.ndarray, labels: np.ndarray | None, mixture: np.ndarray, generator: torch.Generator
) -> dict[str, Any]:
    """The document of a trained ``method``: {"left_out": reason}, or what the page needs, with "left_out" None.

    ``codes`` (n, d_z): of held-out images in random order, drawn as Q_Z is; ``labels`` (n,) of these images;
    ``mixture`` (m, d_z): draws of the mixture fitted to training codes; ``generator``: of the draws of the prior.

    All points are coordinates on ``axes`` (its rows), from the prior's centre: the codes' main axes where the prior
    looks the same from every side, so that equal coordinates are equally likely under it for every method.
    """
    numbers = Numbers()
    try:
        if len(codes) < 3:
            raise _LeftOutError(f"{len(codes)} held-out images are too few to find axes")
        document = _packed(method, numbers)
    except _LeftOutError as reason:
        return {"left_out": str(reason)}
    same = type(method.prior) in (Normal, Sphere)
    axes = main_axes(codes) if same else np.eye(codes.shape[1])
    prior = method.prior.sample(DRAWS, generator).cpu().double().numpy()
    shown, drawn = codes[:CODES] @ axes.T, mixture[:DRAWS] @ axes.T
    limit, far = far_from(shown, {"prior": prior, "mixture": drawn})
    points = {"codes": shown, "prior": prior, "mixture": drawn}
    document |= {
        "axes": numbers.add(*rounded(axes, FINEST)),
        "spread": np.sqrt(np.square(shown).mean(0)).tolist(),
        "points": {name: numbers.add(*rounded(values.T, POINT_STEPS)) for name, values in points.items()},
        "labels": None if labels is None else np.asarray(labels[:CODES]).tolist(),
        "near": limit,
        "far": far,
    }
    return document | {"numbers": numbers.text()}


def main_axes(codes: np.ndarray) -> np.ndarray:
    """The principal axes of ``codes`` (n, d) as rows, the widest first; each one's largest entry is positive."""
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(codes, rowvar=False)))
    axes = vectors[:, ::-1].T
    return np.asarray(axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None])


def far_from(codes: np.ndarray, draws: dict[str, np.ndarray]) -> tuple[float, dict[str, float]]:
    """How far 95% of ``codes`` (n, d) are from the nearest other one at most, and the share of each draws beyond."""

    def nearest(points: np.ndarray, *, among_themselves: bool = False) -> np.ndarray:
        distances = np.linalg.norm(points[:, None] - codes[None], axis=2)
        if among_themselves:
            np.fill_diagonal(distances, np.inf)
        return np.asarray(distances.min(1))

    limit = float(np.quantile(nearest(codes, among_themselves=True), 0.95))
    return limit, {name: float((nearest(points) > limit).mean()) for name, points in draws.items()}


def _packed(method: Method, numbers: Numbers) -> dict[str, Any]:
    """The part of the document that draws; _LeftOutError where the decoder is not one that the page knows."""
    if ":" in method.settings.architecture:
        raise _LeftOutError(f"{method.settings.architecture} is a network of its own; the page runs the built-in ones")
    if type(method).activate is not Autoencoder.activate:
        raise _LeftOutError(f"the pixels of {type(method).__name__} are made in a way of its own, which the page lacks")
    count = sum(parameter.numel() for parameter in method.decoder.parameters()) + method.settings.latent_dim**2
    if count > LARGEST:
        raise _LeftOutError(f"the decoder has {count:,} numbers; the page runs up to {LARGEST:,}")
    layers = _layers(method)
    generator = torch.Generator(method.device).manual_seed(0)
    near, far, calibration = (method.prior.sample(n, generator) for n in (CHECKED, CHECKED, CALIBRATION))
    z, calibration = torch.cat([near, method.prior.project(1.5 * far)]).cpu(), calibration.cpu()
    pixels = method.decode_pixels(z).cpu()
    squash = "sigmoid" if method.settings.pixel_range == "zero_one" else "tanh"
    steps, error = float(COARSEST), 0.0
    while steps <= FINEST:
        weights = _rounded(layers, calibration, round(steps))
        biases = [rounded(layer["bias"][None], FINEST) for layer in layers]
        drawn = _run(layers, [map(_values, pair) for pair in zip(weights, biases, strict=True)], squash, z)
        error = 255.0 * float((drawn.reshape(pixels.shape) - pixels).abs().max())
        if error <= TOLERANCE:
            return {
                "left_out": None,
                "shape": list(method.shape),
                "squash": squash,
                "radius": method.prior.sigma if type(method.prior) is Sphere else None,
                "sigma": method.prior.sigma,
                "error": error,
                "layers": [
                    layer | {"weight": numbers.add(*weight), "bias": numbers.add(*bias)}
                    for layer, weight, bias in zip(layers, weights, biases, strict=True)
                ],
            }
        steps *= min(max(1.05 * error / TOLERANCE, 1.1), 4.0)  # the error falls as the steps grow in number
    raise _LeftOutError(
        f"packed, its images differ by up to {error:.2g} grey levels from the suite's; the page shows up to {TOLERANCE}"
    )


def _layers(method: Method) -> list[dict[str, Any]]:
    """The decoder's linear layers and transposed convolutions, batch normalisation folded into the weights."""
    found: list[dict[str, Any]] = []
    names = {kind: name for name, kind in ACTIVATIONS.items()}
    scale = shift = None  # of a normalisation that waits for the next layer
    grid = [method.settings.latent_dim, 1, 1]
    for module in method.decoder.modules():
        if isinstance(module, nn.Linear | SameConvTranspose2d):
            weight, bias = (tensor.detach().cpu().double() for tensor in (module.weight, module.bias))  # type: ignore[union-attr]
            layer: dict[str, Any] = {"in": list(grid), "kernel": 0, "stride": 1, "activation": None}
            if isinstance(module, nn.Linear):
                if scale is not None and shift is not None:
                    bias, weight, scale, shift = bias + weight @ shift, weight * scale, None, None
                grid = [len(weight), 1, 1]
            else:
                weight = weight.transpose(0, 1)
                layer |= {"kernel": module.kernel_size[0], "stride": module.stride[0]}
                grid = [len(weight), *(side * module.stride[0] for side in grid[1:])]
            found.append(layer | {"weight": weight, "bias": bias, "out": list(grid)})
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            mean, variance, gain, offset = (
                tensor.detach().cpu().double()  # type: ignore[union-attr]
                for tensor in (module.running_mean, module.running_var, module.weight, module.bias)
            )
            scale = gain / torch.sqrt(variance + module.eps)
            shift = offset - mean * scale
            if found[-1]["activation"] is None:
                weight = found[-1]["weight"]
                found[-1]["weight"] = weight * scale.view(-1, *[1] * (weight.dim() - 1))
                found[-1]["bias"] = found[-1]["bias"] * scale + shift
                scale = shift = None
        elif type(module) in names:
            found[-1]["activation"] = names[type(module)]
        elif isinstance(module, nn.Unflatten):
            grid = list(module.unflattened_size)
        elif not isinstance(module, nn.Sequential | Dropout):
            raise _LeftOutError(f"the page runs no {type(module).__name__} layer")
        if scale is not None and isinstance(module, nn.Unflatten | SameConvTranspose2d):
            raise _LeftOutError("the page runs no normalisation between an activation and a convolution")
    return [layer | {name: layer[name].numpy() for name in ("weight", "bias")} for layer in found]


def _rounded(layers: list[dict[str, Any]], z: Tensor, steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The integers and scales of each layer's weights.

    Those of a convolution by output channel; of a linear layer, stored as (in, out), by input. ``z`` (n, d_z): codes.
    """
    found, x = [], z.double().numpy()
    for layer in layers:
        weight = layer["weight"]
        fine = FINEST if weight.size < SMALL else steps
        if layer["kernel"]:
            found.append(rounded(weight.reshape(len(weight), -1), fine))
            continue
        found.append(rounded_for(weight, x, fine))
        x = x @ weight.T + layer["bias"]
        if layer["activation"]:
            x = ACTIVATIONS[layer["activation"]]()(torch.from_numpy(x)).numpy()
    return found


def rounded(values: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """``values`` (groups, k) as integers times a scale per group, (groups, k) and (groups,), from -steps to steps."""
    scales = _scales(np.abs(values).max(1), steps)
    return np.rint(values / scales[:, None]).astype(np.int64), scales


def _scales(largest: np.ndarray, steps: int) -> np.ndarray:
    return np.array([float(f"{value / steps:.5g}") or 1.0 for value in largest])


def rounded_for(weight: np.ndarray, x: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of a linear layer's ``weight`` (out, in), by input, with small errors of ``x`` (n, in) @ weight.T.

    Each input's rounding errors are made up for by the inputs that are still to be rounded, as far as ``x`` moves them
    together (Frantar et al. 2023, GPTQ, algorithm 1). With a hidden layer of 256 units this saves one bit per weight.
    """
    scales, left = _scales(np.abs(weight).max(0), steps), weight.copy()
    second = x.T @ x / len(x)
    second += np.eye(len(second)) * (1e-3 * np.trace(second) / len(second) + 1e-12)
    root = np.linalg.cholesky(np.linalg.inv(second)).T
    whole = np.empty(weight.T.shape, dtype=np.int64)
    for j, scale in enumerate(scales):
        whole[j] = np.clip(np.rint(left[:, j] / scale), -(2**15) + 1, 2**15 - 1)
        error = (left[:, j] - whole[j] * scale) / root[j, j]
        left[:, j + 1 :] -= np.outer(error, root[j, j + 1 :])
    return whole, scales


def _values(packed: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The numbers (groups, k) that integers and scales stand for."""
    whole, scales = packed
    return np.asarray(whole * scales[:, None])


def unpack(document: dict[str, Any], packed: dict[str, Any]) -> np.ndarray:
    """The values of one array of a document, float64 (groups, k)."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(document["numbers"])), dtype=np.uint8).astype(np.int64)
    whole = planes[: len(planes) // 2] * 256 + planes[len(planes) // 2 :] - 2**15
    scales = np.array(packed["scales"])
    return _values((whole[packed["at"] :][: packed["count"]].reshape(len(scales), -1), scales))


def draw(document: dict[str, Any], z: Tensor) -> Tensor:
    """Codes (n, d_z) to images (n, C, H, W) of floats in [0, 1], by the packed decoder of a document."""
    arrays = [(unpack(document, layer["weight"]), unpack(document, layer["bias"])) for layer in document["layers"]]
    return _run(document["layers"], arrays, document["squash"], z).reshape(len(z), *document["shape"])


def _run(layers: list[dict[str, Any]], arrays: Iterable[Iterable[np.ndarray]], squash: str, z: Tensor) -> Tensor:
    """What layers of these weights and biases make of codes (n, d_z): pixels in [0, 1]."""
    x = z.float()
    for layer, pair in zip(layers, arrays, strict=True):
        weight, bias = (torch.from_numpy(array).float() for array in pair)
        kernel, stride = layer["kernel"], layer["stride"]
        x = x.reshape(len(x), *layer["in"])
        if kernel:
            weight = weight.view(layer["out"][0], layer["in"][0], kernel, kernel).transpose(0, 1)
            x = functional.conv_transpose2d(x, weight, bias.flatten(), stride, padding=max(kernel - stride, 0) // 2)
            x = x[..., : layer["out"][1], : layer["out"][2]]
        else:
            x = x.flatten(1) @ weight + bias
        if layer["activation"]:
            x = ACTIVATIONS[layer["activation"]]()(x)
    return torch.sigmoid(x) if squash == "sigmoid" else (torch.tanh(x) + 1.0) / 2.0
