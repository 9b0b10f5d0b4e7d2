"""Small runs, built without a config, for the tests of networks, priors and methods."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from wae.compute.seeds import Streams
from wae.core.settings import RunSettings, TrainingSettings
from wae.methods.base import Method, build

IMPLEMENTATIONS = {
    "wae_mmd": "wae.methods.wae_mmd:WAEMMD",
    "wae_mmd_rff": "wae.methods.wae_mmd_rff:RandomFeatureWAE",
    "wae_gan": "wae.methods.wae_gan:WAEGAN",
    "swae": "wae.methods.sliced:SlicedWAE",
    "cwae": "wae.methods.cwae:CWAE",
    "vae": "baselines.vae:VAE",
    "beta_vae": "baselines.beta_vae:BetaVAE",
    "ae": "baselines.ae:AE",
    "pca": "baselines.pca:PCA",
    "aae": "baselines.aae:AAE",
    "rae_l2": "baselines.rae_l2:RAEL2",
    "rae_gp": "baselines.rae_gp:RAEGP",
}

# The four networks of the paper: MNIST's and CelebA's encoder and decoder, from config/paper.yaml.
MNIST: dict[str, Any] = {"width": 128, "depth": 4, "decoder_depth": 2, "kernel_size": 4, "latent_dim": 8}
CELEBA: dict[str, Any] = MNIST | {
    "decoder_depth": 3,
    "kernel_size": 5,
    "latent_dim": 64,
    "pixel_range": "minus_one_one",
}


def training(method: str = "wae_mmd", **changes: Any) -> TrainingSettings:
    """Training settings of a method by its short name."""
    if method in ("vae", "beta_vae"):
        changes = {"encoder": "gaussian"} | changes
    return TrainingSettings(implementation=IMPLEMENTATIONS[method], **changes)


def method(name: str, shape: tuple[int, ...] = (1, 8, 8), seed: int = 0, **changes: Any) -> Method:
    """A method with its optimisers, ready to step."""
    dim = 8 if name == "cwae" else 4  # CWAE has no closed form at 4
    settings = training(name, **{"width": 4, "depth": 2, "latent_dim": dim, "critic_width": 16, **changes})
    made = build(RunSettings(dataset="d", method=name, seed=seed, shape=list(shape), training=settings))
    made.prepare_training()
    return made.train()


def images(n: int, shape: tuple[int, ...] = (1, 8, 8), seed: int = 0) -> torch.Tensor:
    """Smooth random images, uint8 (n, C, H, W): a few cosine waves each, so that there is something to learn."""
    generator = torch.Generator().manual_seed(seed)
    channels, height, width = shape
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    frequency = torch.rand(n, channels, 2, 1, 1, generator=generator) * 6
    phase = torch.rand(n, channels, 1, 1, generator=generator) * 6
    waves = torch.cos(frequency[:, :, 0] * x + frequency[:, :, 1] * y + phase)
    return ((waves + 1) * 127.5).round().to(torch.uint8)


def integers(*shape: int, seed: int) -> torch.Tensor:
    """Integers from -4 to 4 as floats: sums of their products are exact in any order."""
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).float()


def value_and_gradients(
    function: Callable[..., torch.Tensor], tensors: Sequence[torch.Tensor], upstream: torch.Tensor
) -> list[torch.Tensor]:
    """``function`` of the tensors, and its gradient, for ``upstream`` at its value, with respect to each of them."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    value = function(*leaves)
    return [value, *torch.autograd.grad(value, leaves, upstream)]


def steps(made: Method, data: torch.Tensor, count: int, batch: int, streams: Streams | None = None) -> list[float]:
    """Losses of ``count`` training steps on random batches of ``data``."""
    streams = Streams(0) if streams is None else streams
    generator = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(count):
        chosen = torch.randint(len(data), (batch,), generator=generator)
        losses.append(float(made.step(data[chosen], streams)["loss"]))
    return losses


def optimiser_order(made: Method, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by an optimiser's name whenever it steps."""
    order: list[str] = []
    for name, optimiser in made.optimisers.items():
        original = optimiser.step

        def spy(*args: Any, name: str = name, original: Any = original, **kwargs: Any) -> Any:
            order.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(optimiser, "step", spy)
    return order
