"""Encoders, decoders, critics and reconstruction costs, by name.

The networks follow the authors' code (tolstikhin/wae: models.py, ops.py): TensorFlow's "SAME" padding,
batch normalisation with decay 0.9 and epsilon 1e-5 (torch's momentum 0.1 and default epsilon), and no
batch normalisation after the decoder's first linear layer.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from wae.core.settings import TrainingSettings
from wae.models.blockwise import block_side, conv_transpose2d_in_blocks

AUTHORS_SIGMA = 0.0099999  # init_std of the authors' configs


class SameConv2d(nn.Conv2d):
    """Convolution with "SAME" padding: (n, C, H, W) to (n, C', ceil(H / stride), ceil(W / stride)).

    Where the padding is uneven the extra row and column go to the bottom and right, as in TensorFlow.
    """

    def __init__(self, channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__(channels, out_channels, kernel_size, stride)

    def forward(self, input: Tensor) -> Tensor:
        (top, bottom), (left, right) = (self._padding(side) for side in input.shape[-2:])
        if top == bottom and left == right:
            return functional.conv2d(input, self.weight, self.bias, self.stride, (top, left))
        return functional.conv2d(functional.pad(input, (left, right, top, bottom)), self.weight, self.bias, self.stride)

    def _padding(self, side: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


class SameConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution with "SAME" padding: (n, C, H, W) to (n, C', stride * H, stride * W).

    It is the transpose of SameConv2d: of the full output, (kernel - stride) // 2 rows are cut at the top
    and the rest at the bottom.
    """

    def __init__(self, channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__(channels, out_channels, kernel_size, stride, padding=max(kernel_size - stride, 0) // 2)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        block = block_side(input, self.out_channels) if self.stride[0] == 1 else 1
        if block > 1 and self.bias is not None:
            return conv_transpose2d_in_blocks(input, self.weight, self.bias, block)
        height, width = (self.stride[0] * side for side in input.shape[-2:])
        return super().forward(input, output_size)[..., :height, :width]


class ImplicitEncoder(nn.Sequential):
    """A deterministic encoder whose codes are moved by learned noise: z + A(z) eps, eps ~ N(0, I).

    A(z) is a (d_z, d_z) matrix that three tanh layers of 2 d_z, 4 d_z and 6 d_z units and a
    linear one make of the code, as ``transform_noise`` of the authors' code does.
    """

    def __init__(self, layers: list[nn.Module], latent_dim: int) -> None:
        super().__init__(*layers)
        units = [latent_dim * factor for factor in (1, 2, 4, 6)]
        hidden = [layer for a, b in pairwise(units) for layer in (nn.Linear(a, b), nn.Tanh())]
        self.transform = nn.Sequential(*hidden, nn.Linear(units[-1], latent_dim**2))

    def forward(self, input: Tensor) -> Tensor:
        for name, layer in self.named_children():
            if name != "transform":
                input = layer(input)
        return input

    def perturb(self, hidden: Tensor, generator: torch.Generator | None) -> Tensor:
        """Codes (n, d_z) of the encoder's output ``hidden`` (n, d_z); without a generator eps = 0: unchanged."""
        if generator is None:
            return hidden
        epsilon = torch.randn(hidden.shape, generator=generator, device=hidden.device)
        matrices = self.transform(hidden).view(len(hidden), hidden.shape[1], hidden.shape[1])  # (n, d_z, d_z)
        return hidden + torch.bmm(epsilon[:, None, :], matrices)[:, 0, :]


def build_encoder(settings: TrainingSettings, shape: tuple[int, ...]) -> nn.Module:
    """The encoder: (n, C, H, W) in the network's range to (n, d_z), or (n, 2 d_z) for a Gaussian encoder.

    dcgan: ``depth`` convolutions of stride 2 with ``width`` * 1, 2, 4, ... channels, each with batch
    normalisation and ReLU, then a linear layer. mlp: ``depth`` linear layers of ``width`` units likewise.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    if settings.architecture == "dcgan":
        for level in range(settings.depth):
            out = settings.width * 2**level
            layers += [SameConv2d(channels, out, settings.kernel_size, 2), nn.BatchNorm2d(out), nn.ReLU()]
            channels, height, width = out, math.ceil(height / 2), math.ceil(width / 2)
        layers.append(nn.Flatten())
        features = channels * height * width
    else:
        features = channels * height * width
        layers.append(nn.Flatten())
        for _ in range(settings.depth):
            layers += [nn.Linear(features, settings.width), nn.BatchNorm1d(settings.width), nn.ReLU()]
            features = settings.width
    outputs = settings.latent_dim * (2 if settings.encoder == "gaussian" else 1)
    layers.append(nn.Linear(features, outputs))
    implicit = settings.encoder == "implicit"
    network = ImplicitEncoder(layers, settings.latent_dim) if implicit else nn.Sequential(*layers)
    return initialise(network, settings)


def build_decoder(settings: TrainingSettings, shape: tuple[int, ...]) -> nn.Module:
    """The decoder: codes (n, d_z) to its output before the sigmoid or tanh, (n, C, H, W).

    dcgan: a linear layer to the encoder's widest channel count on a grid 2**decoder_depth times smaller
    than the image, ReLU; ``decoder_depth`` transposed convolutions of stride 2, each halving the channels,
    with batch normalisation and ReLU; one transposed convolution of stride 1. mlp: ``decoder_depth`` linear
    layers with ReLU, then batch normalisation (in this order, as in the authors' code), and a linear layer.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    if settings.architecture == "dcgan":
        top = settings.width * 2 ** (settings.depth - 1)
        grid = (top, height // 2**settings.decoder_depth, width // 2**settings.decoder_depth)
        layers += [nn.Linear(settings.latent_dim, math.prod(grid)), nn.ReLU(), nn.Unflatten(1, grid)]
        for level in range(settings.decoder_depth):
            out = top // 2 ** (level + 1)
            layers += [
                SameConvTranspose2d(top // 2**level, out, settings.kernel_size, 2),
                nn.BatchNorm2d(out),
                nn.ReLU(),
            ]
        layers.append(SameConvTranspose2d(top // 2**settings.decoder_depth, channels, settings.kernel_size, 1))
    else:
        features = settings.latent_dim
        for _ in range(settings.decoder_depth):
            layers += [nn.Linear(features, settings.width), nn.ReLU(), nn.BatchNorm1d(settings.width)]
            features = settings.width
        layers += [nn.Linear(features, math.prod(shape)), nn.Unflatten(1, tuple(shape))]
    return initialise(nn.Sequential(*layers), settings)


def build_critic(width: int, depth: int, latent_dim: int) -> nn.Sequential:
    """The latent critic: ``depth`` linear layers of ``width`` units with ReLU; (n, d_z) to logits (n, 1)."""
    layers: list[nn.Module] = []
    features = latent_dim
    for _ in range(depth):
        layers += [nn.Linear(features, width), nn.ReLU()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, 1))


def initialise(network: nn.Module, settings: TrainingSettings) -> nn.Module:
    """Draw the weights anew if ``settings.initialisation`` asks for the authors' scheme; returns ``network``.

    Theirs: convolutions truncated normal at two sigma, linear and transposed convolutions plain normal,
    sigma 0.0099999 (before truncation), biases 0. Draws from torch's global generator.
    """
    if settings.initialisation == "torch":
        return network
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=AUTHORS_SIGMA)
        elif isinstance(layer, nn.Conv2d):
            nn.init.trunc_normal_(layer.weight, std=AUTHORS_SIGMA, a=-2 * AUTHORS_SIGMA, b=2 * AUTHORS_SIGMA)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def truncated_normal(
    shape: torch.Size | tuple[int, ...], sigma: float, generator: torch.Generator, device: torch.device | str
) -> Tensor:
    """Normal draws of standard deviation ``sigma``, cut at two sigma as ``tf.truncated_normal`` is.

    By the inverse distribution function; the spread after the cut is about 0.88 sigma.
    """
    uniform = torch.rand(shape, generator=generator, device=device).mul_(2.0).sub_(1.0)
    draws = uniform.mul_(math.erf(math.sqrt(2.0))).erfinv_().mul_(math.sqrt(2.0))
    return draws.clamp_(-2.0, 2.0).mul_(sigma)


def cost(name: str, x_hat: Tensor, x: Tensor) -> Tensor:
    """Reconstruction cost c(x, x_hat), summed over pixels and averaged over the batch: a scalar.

    l2sq: squared error; l2: its root, sqrt(1e-8 + squared error); l1: absolute error. The authors' code
    weighs them by 0.05, 0.2 and 0.02: that factor is ``settings.cost_weight``, not in here.
    """
    difference = (x_hat - x).flatten(1)
    if name == "l1":
        return difference.abs().sum(1).mean()
    squared = difference.square().sum(1)
    return squared.mean() if name == "l2sq" else torch.sqrt(1e-8 + squared).mean()


def describe(network: nn.Module, example: Tensor) -> list[tuple[str, tuple[int, ...], int]]:
    """Each layer in the order it runs on ``example``: (class name, output shape without the batch, parameters)."""
    rows: list[tuple[str, tuple[int, ...], int]] = []

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        rows.append((type(layer).__name__, tuple(output.shape[1:]), sum(p.numel() for p in layer.parameters())))

    leaves = [layer for layer in network.modules() if not list(layer.children())]
    handles = [layer.register_forward_hook(note) for layer in leaves]
    try:
        with torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()
    return rows
