"""The latent discriminator of the GAN penalty."""

from torch import nn


def build_critic(width: int, depth: int, latent_dim: int) -> nn.Sequential:
    """The latent critic: ``depth`` linear layers of ``width`` units with ReLU; (n, d_z) to logits (n, 1)."""
    layers: list[nn.Module] = []
    features = latent_dim
    for _ in range(depth):
        layers += [nn.Linear(features, width), nn.ReLU()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, 1))
