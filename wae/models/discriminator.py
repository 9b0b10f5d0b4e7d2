"""The latent discriminator of the GAN penalty."""

from torch import nn

from wae.models.layers import Dropout


def build_critic(width: int, depth: int, latent_dim: int, dropout: float = 0.0) -> nn.Sequential:
    """The latent critic: ``depth`` linear layers of ``width`` units with ReLU; (n, d_z) to logits (n, 1).

    ``dropout``: probability with which each unit is set to 0 in training.
    """
    layers: list[nn.Module] = []
    features = latent_dim
    for _ in range(depth):
        layers += [nn.Linear(features, width), nn.ReLU()]
        if dropout:
            layers.append(Dropout(dropout))
        features = width
    return nn.Sequential(*layers, nn.Linear(features, 1))
