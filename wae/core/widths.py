"""Widths of the layers of the built-in networks, as the settings give them."""

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
