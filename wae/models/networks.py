"""Encoders and decoders: the built-in ones, and those of a function of one's own.

The networks follow the authors' code (tolstikhin/wae: models.py, ops.py): batch normalisation with decay 0.9 and
epsilon 1e-5 (torch's momentum 0.1 and default epsilon), and none after the decoder's first linear layer.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from wae.core.errors import UserError
from wae.core.plugins import load_function
from wae.core.settings import TrainingSettings
from wae.core.widths import decoder_widths, encoder_widths
from wae.models.layers import ACTIVATIONS, NORMS, Dropout, SameConv2d, SameConvTranspose2d, initialise


@dataclass
class Networks:
    """An encoder and a decoder.

    ``encoder``: images (n, C, H, W) in the network's range to (n, d_z), or (n, 2 d_z), mean and log-variance, for a
    Gaussian encoder. ``decoder``: codes (n, d_z) to its output before the sigmoid or tanh, (n, C, H, W).
    """

    encoder: nn.Module
    decoder: nn.Module


def build_networks(settings: TrainingSettings, shape: tuple[int, ...]) -> Networks:
    """The networks that ``settings.architecture`` names, for images of ``shape`` (C, H, W), with first weights.

    One's own: a function ``(settings, shape) -> Networks``; UserError if what it returns does not fit.
    """
    if ":" in settings.architecture:
        networks: Networks = load_function(settings.architecture, Networks)(settings, shape)
        check_shapes(networks, settings, shape)
    else:
        networks = Networks(build_encoder(settings, shape), build_decoder(settings, shape))
    if settings.encoder == "implicit":
        networks.encoder = ImplicitEncoder(networks.encoder, settings)
    return networks


def codes_width(settings: TrainingSettings) -> int:
    """How many numbers the encoder gives for an image: d_z, or 2 d_z for a Gaussian encoder."""
    return settings.latent_dim * (2 if settings.encoder == "gaussian" else 1)


def check_shapes(networks: Networks, settings: TrainingSettings, shape: tuple[int, ...]) -> None:
    """UserError unless the networks map two images of ``shape`` to codes and two codes to images."""
    name = settings.architecture
    wanted = {"encoder": (codes_width(settings),), "decoder": tuple(shape)}
    inputs = {"encoder": torch.zeros(2, *shape), "decoder": torch.zeros(2, settings.latent_dim)}
    for part, expected in wanted.items():
        network, given = getattr(networks, part), inputs[part]
        if not isinstance(network, nn.Module):
            raise UserError(f"{name}: the {part} is a {type(network).__name__}; return a torch.nn.Module")
        training = network.training
        try:
            with torch.no_grad():
                found = tuple(network.eval()(given).shape)
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"{name}: the {part} fails on an input of shape {tuple(given.shape)} ({first}); it must give (2, "
                f"{', '.join(map(str, expected))})"
            ) from error
        network.train(training)
        if found != (2, *expected):
            raise UserError(
                f"{name}: the {part} gives {found} for an input of shape {tuple(given.shape)}, need (2, "
                f"{', '.join(map(str, expected))}); change its last layer"
            )


class ImplicitEncoder(nn.Module):
    """A deterministic encoder whose codes are moved by learned noise: z + A(z) eps, eps ~ N(0, I).

    A(z) is a (d_z, d_z) matrix that three tanh layers of 2 d_z, 4 d_z and 6 d_z units and a
    linear one make of the code, as ``transform_noise`` of the authors' code does.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network
        units = [settings.latent_dim * factor for factor in (1, 2, 4, 6)]
        hidden = [layer for a, b in pairwise(units) for layer in (nn.Linear(a, b), nn.Tanh())]
        transform = nn.Sequential(*hidden, nn.Linear(units[-1], settings.latent_dim**2))
        self.transform = initialise(transform, settings)

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self.network(input)
        return output

    def perturb(self, hidden: Tensor, generator: torch.Generator | None) -> Tensor:
        """Codes (n, d_z) of the encoder's output ``hidden`` (n, d_z); without a generator eps = 0: unchanged."""
        if generator is None:
            return hidden
        epsilon = torch.randn(hidden.shape, generator=generator, device=hidden.device)
        matrices = self.transform(hidden).view(len(hidden), hidden.shape[1], hidden.shape[1])  # (n, d_z, d_z)
        return hidden + torch.bmm(epsilon[:, None, :], matrices)[:, 0, :]


def _after(settings: TrainingSettings, width: int, *, norm_last: bool = False) -> list[nn.Module]:
    """What follows a hidden layer of ``width``: normalisation, activation (in this order), dropout, as settings ask."""
    layers: list[nn.Module] = [ACTIVATIONS[settings.activation]()]
    if settings.batch_norm:
        dimensions = 2 if settings.architecture == "dcgan" else 1
        layers.insert(1 if norm_last else 0, NORMS[settings.running_variance, dimensions](width))
    return [*layers, Dropout(settings.dropout)] if settings.dropout else layers


def _dense(settings: TrainingSettings, features: int, units: int) -> tuple[list[nn.Module], int]:
    """The extra dense layer of ``units`` on ``features`` numbers, if any, and how many numbers come out."""
    if not units:
        return [], features
    return [nn.Linear(features, units), ACTIVATIONS[settings.activation]()], units


def build_encoder(settings: TrainingSettings, shape: tuple[int, ...]) -> nn.Sequential:
    """The built-in encoder: (n, C, H, W) in the network's range to (n, d_z), or (n, 2 d_z) for a Gaussian encoder.

    dcgan: convolutions of stride 2 with ``encoder_widths`` channels, each with batch normalisation and activation,
    an extra dense layer with activation if ``extra_dense`` asks for one, then a linear layer. mlp: linear layers of
    ``encoder_widths`` units likewise.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    if settings.architecture == "dcgan":
        for out in encoder_widths(settings):
            layers.append(SameConv2d(channels, out, settings.kernel_size, 2))
            layers += _after(settings, out)
            channels, height, width = out, math.ceil(height / 2), math.ceil(width / 2)
        layers.append(nn.Flatten())
        dense, features = _dense(settings, channels * height * width, settings.extra_dense)
        layers += dense
    else:
        features = channels * height * width
        layers.append(nn.Flatten())
        for out in encoder_widths(settings):
            layers += [nn.Linear(features, out), *_after(settings, out)]
            features = out
    width = codes_width(settings)
    return initialise(nn.Sequential(*layers, nn.Linear(features, width)), settings, width // settings.latent_dim)


def build_decoder(settings: TrainingSettings, shape: tuple[int, ...]) -> nn.Sequential:
    """The built-in decoder: codes (n, d_z) to its output before the sigmoid or tanh, (n, C, H, W).

    dcgan: the extra dense layer with activation, if there is one; a linear layer to the first of ``decoder_widths``
    channels on a grid 2**decoder_depth times smaller than the image, and activation; ``decoder_depth`` transposed
    convolutions of stride 2 to the other widths, with batch normalisation and activation; one transposed convolution
    of stride 1. mlp: linear layers of ``decoder_widths`` units with activation, then batch normalisation (in this
    order, as in the authors' code), and a linear layer.
    """
    channels, height, width = shape
    if settings.architecture == "dcgan":
        widths = decoder_widths(settings)
        grid = (widths[0], height // 2**settings.decoder_depth, width // 2**settings.decoder_depth)
        units = settings.extra_dense if settings.decoder_dense is None else settings.decoder_dense
        layers, features = _dense(settings, settings.latent_dim, units)
        layers += [nn.Linear(features, math.prod(grid)), ACTIVATIONS[settings.activation](), nn.Unflatten(1, grid)]
        for into, out in pairwise(widths):
            layers.append(SameConvTranspose2d(into, out, settings.kernel_size, 2))
            layers += _after(settings, out)
        layers.append(SameConvTranspose2d(widths[-1], channels, settings.kernel_size, 1))
    else:
        layers, features = [], settings.latent_dim
        for out in decoder_widths(settings):
            layers += [nn.Linear(features, out), *_after(settings, out, norm_last=True)]
            features = out
        layers += [nn.Linear(features, math.prod(shape)), nn.Unflatten(1, tuple(shape))]
    return initialise(nn.Sequential(*layers), settings)


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
