"""Widths of the layers of the built-in networks, and how many weights these have, as the settings give them."""

import math
from collections.abc import Sequence
from itertools import pairwise

from wae.core.settings import TrainingSettings


def encoder_widths(settings: TrainingSettings) -> list[int]:
    """``hidden``, or: dcgan, channels of each convolution, ``width`` * 1, 2, 4, ...; mlp, ``width`` units per layer."""
    if settings.hidden:
        return list(settings.hidden)
    if settings.architecture == "dcgan":
        return [settings.width * 2**level for level in range(settings.depth)]
    return [settings.width] * settings.depth


def decoder_widths(settings: TrainingSettings) -> list[int]:
    """``decoder_hidden``, or the encoder's mirrored. mlp: units of each layer.

    dcgan: channels of the grid that the linear layer makes, then of each strided transposed convolution, so that there
    must be ``decoder_depth`` + 1 of them; without ``hidden`` each has half the channels of the one before.
    """
    if settings.decoder_hidden:
        return list(settings.decoder_hidden)
    if settings.architecture != "dcgan":
        return settings.hidden[::-1] or [settings.width] * settings.decoder_depth
    if settings.hidden:
        return settings.hidden[::-1][: settings.decoder_depth + 1]
    return [settings.width * 2 ** (settings.depth - 1) // 2**level for level in range(settings.decoder_depth + 1)]


def network_weights(settings: TrainingSettings, shape: tuple[int, ...]) -> int:
    """How many numbers the built-in encoder and decoder for images of ``shape`` (C, H, W) keep on disk.

    Their parameters, and the running means and variances of batch normalisation. 0 for networks of one's own.
    """
    if ":" in settings.architecture:
        return 0
    channels, height, width = shape
    latent, norm = settings.latent_dim, 4 if settings.batch_norm else 0  # numbers per unit that is normalised
    codes = latent * (2 if settings.encoder == "gaussian" else 1)
    encoder, decoder = encoder_widths(settings), decoder_widths(settings)
    if settings.architecture == "dcgan":
        square = settings.kernel_size**2
        grid = math.prod(math.ceil(side / 2 ** len(encoder)) for side in (height, width))
        total = _linear([encoder[-1] * grid, settings.extra_dense or None, codes])
        total += sum(into * out * square + out * (1 + norm) for into, out in pairwise([channels, *encoder]))
        dense = settings.extra_dense if settings.decoder_dense is None else settings.decoder_dense
        grid = math.prod(side // 2**settings.decoder_depth for side in (height, width))
        total += _linear([latent, dense or None, decoder[0] * grid])
        total += sum(into * out * square + out * (1 + norm) for into, out in pairwise(decoder))
        total += decoder[-1] * channels * square + channels
    else:
        total = _linear([math.prod(shape), *encoder, codes]) + norm * sum(encoder)
        total += _linear([latent, *decoder, math.prod(shape)]) + norm * sum(decoder)
    return total + (_linear([latent * n for n in (1, 2, 4, 6)] + [latent**2]) if settings.encoder == "implicit" else 0)


def critic_weights(settings: TrainingSettings) -> int:
    """How many parameters the latent discriminator has, where the method has one."""
    return _linear([settings.latent_dim, *[settings.critic_width] * settings.critic_depth, 1])


def _linear(units: Sequence[int | None]) -> int:
    """Weights and biases of linear layers from each of ``units`` to the next; None is no layer."""
    return sum((into + 1) * out for into, out in pairwise([n for n in units if n is not None]))
