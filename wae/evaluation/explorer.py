"""explorer.json of a run: its decoder, packed small enough that the page runs it, and codes to look at.

Weights are integers of 12 or 16 bits times a scale per group, with batch normalisation folded in. What is packed is
decoded once here and compared with ``decode_images``, so that a file that is written draws what the suite draws.
"""

import base64
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from wae.methods.base import Method
from wae.models.layers import ACTIVATIONS, Dropout, SameConvTranspose2d

LARGEST = 150_000  # numbers in a decoder: packed, they take 300 kB, so that three fit the page's 1 MB
FINE = 10_000  # layers of fewer weights are packed in 16 bits, not 12: they cost little, and the last ones' errors show
CODES, DRAWS = 300, 150
CHECKED = 128  # draws of the prior that are decoded both ways
TOLERANCE = 0.9  # grey levels before rounding; below 1, rounded ones differ by one at most, with room for the browser


class _LeftOutError(Exception):
    """Why a decoder is not packed."""


def explorer(
    method: Method, codes: np.ndarray, labels: np.ndarray | None, mixture: np.ndarray, generator: torch.Generator
) -> dict[str, Any]:
    """The document of a trained ``method``: {"left_out": reason}, or what the page needs, with "left_out" None.

    ``codes`` (n, d_z): of held-out images in random order, drawn as Q_Z is; ``labels`` (n,) of these images;
    ``mixture`` (m, d_z): draws of the mixture fitted to training codes; ``generator``: of the draws of the prior.

    All points are coordinates on ``axes`` (its rows), from the prior's centre: the codes' main axes where the prior
    looks the same from every side, so that equal coordinates are equally likely under it for every method.
    """
    try:
        if len(codes) < 3:
            raise _LeftOutError(f"{len(codes)} held-out images are too few to find axes")
        document = _packed(method)
    except _LeftOutError as reason:
        return {"left_out": str(reason)}
    axes = main_axes(codes) if method.prior.spherical else np.eye(codes.shape[1])
    prior = method.prior.sample(DRAWS, generator).cpu().double().numpy()
    shown, drawn = codes[:CODES] @ axes.T, mixture[:DRAWS] @ axes.T
    limit, far = far_from(shown, {"prior": prior, "mixture": drawn})
    points = {"codes": shown, "prior": prior, "mixture": drawn}
    document |= {
        "axes": pack(axes, len(axes), 16),
        "spread": np.sqrt(np.square(shown).mean(0)).tolist(),
        "points": {name: pack(values.T, values.shape[1], 12) for name, values in points.items()},
        "labels": None if labels is None else np.asarray(labels[:CODES]).tolist(),
        "near": limit,
        "far": far,
    }
    return document


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


def _packed(method: Method) -> dict[str, Any]:
    """The part of the document that draws; _LeftOutError where the decoder is not one that the page knows."""
    if ":" in method.settings.architecture:
        raise _LeftOutError(f"{method.settings.architecture} is a network of its own; the page runs the built-in ones")
    numbers = sum(parameter.numel() for parameter in method.decoder.parameters()) + method.settings.latent_dim**2
    if numbers > LARGEST:
        raise _LeftOutError(f"the decoder has {numbers:,} numbers; the page runs up to {LARGEST:,}")
    layers = _layers(method)
    z = method.prior.sample(CHECKED, torch.Generator(method.device).manual_seed(0)).cpu()
    pixels = method.decode_pixels(z).cpu()
    for fine in (FINE, LARGEST):
        document = {
            "left_out": None,
            "shape": list(method.shape),
            "squash": "sigmoid" if method.settings.pixel_range == "zero_one" else "tanh",
            "radius": method.prior.sigma if method.settings.prior == "sphere" else None,
            "sigma": method.prior.sigma,
            "layers": [_packed_layer(layer, fine) for layer in layers],
        }
        error = 255.0 * float((draw(document, z) - pixels).abs().max())
        if error <= TOLERANCE:
            return document | {"error": error}
    raise _LeftOutError(
        f"packed, its images differ by up to {error:.2g} grey levels from the suite's; the page shows up to {TOLERANCE}"
    )


def _packed_layer(layer: dict[str, Any], fine: int) -> dict[str, Any]:
    """A layer with its numbers packed: those of a convolution by output channel, 12 bits each from ``fine`` weights."""
    weight, bias = layer["weight"].numpy(), layer["bias"].numpy()
    bits = 16 if weight.size < fine else 12
    groups = len(weight) if layer["kernel"] else math.gcd(len(weight), 64)
    return layer | {"weight": pack(weight, groups, bits), "bias": pack(bias, 1, bits)}


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
    return found


def pack(values: np.ndarray, groups: int, bits: int) -> dict[str, Any]:
    """``values`` as signed integers times a scale for each of ``groups`` equal parts in their order.

    Integers stand one after another, most significant bit first, in base64; ``bits`` is 12 or 16. The zero is in the
    middle: v = (integer - 2**(bits - 1)) * scale.
    """
    rows = np.asarray(values, dtype=np.float64).reshape(groups, -1)
    top = 2 ** (bits - 1) - 1
    scales = (np.abs(rows).max(1) / top).astype(np.float32)
    divisors = np.where(scales > 0, scales, 1.0).astype(np.float64)[:, None]
    whole = (np.clip(np.rint(rows / divisors), -top, top) + top + 1).astype(np.uint32).ravel()
    digits = (whole[:, None] >> np.arange(bits - 1, -1, -1, dtype=np.uint32)) & 1
    data = base64.b64encode(np.packbits(digits.astype(np.uint8).ravel()).tobytes()).decode()
    return {"bits": bits, "count": rows.size, "scales": [float(f"{s:.9g}") for s in scales], "data": data}


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """The values of ``pack``, float64 (count,)."""
    bits, count = packed["bits"], packed["count"]
    digits = np.unpackbits(np.frombuffer(base64.b64decode(packed["data"]), dtype=np.uint8))[: bits * count]
    whole = digits.reshape(count, bits) @ (2 ** np.arange(bits - 1, -1, -1, dtype=np.int64))
    values: np.ndarray = (whole - 2 ** (bits - 1)) * np.repeat(packed["scales"], count // len(packed["scales"]))
    return values


def draw(document: dict[str, Any], z: Tensor) -> Tensor:
    """Codes (n, d_z) to images (n, C, H, W) of floats in [0, 1], by the packed decoder of a document."""
    x = z.double()
    for layer in document["layers"]:
        weight, bias = (torch.from_numpy(unpack(layer[name])) for name in ("weight", "bias"))
        kernel, stride = layer["kernel"], layer["stride"]
        x = x.reshape(len(x), *layer["in"])
        if kernel:
            weight = weight.view(layer["out"][0], layer["in"][0], kernel, kernel).transpose(0, 1)
            x = functional.conv_transpose2d(x, weight, bias, stride, padding=max(kernel - stride, 0) // 2)
            x = x[..., : layer["out"][1], : layer["out"][2]]
        else:
            x = functional.linear(x.flatten(1), weight.view(len(bias), -1), bias)
        if layer["activation"]:
            x = ACTIVATIONS[layer["activation"]]()(x)
    x = x.reshape(len(x), *document["shape"])
    return torch.sigmoid(x) if document["squash"] == "sigmoid" else (torch.tanh(x) + 1.0) / 2.0
