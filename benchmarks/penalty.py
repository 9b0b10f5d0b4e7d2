"""The MMD penalty, forward and backward: ours, the official form, pythae's, and the form expanded to (n, n, d)."""

from collections.abc import Callable
from typing import Any

import psutil
import torch
from torch import Tensor

from benchmarks.measure import interleave, timed
from wae import devices
from wae.methods.mmd import mmd_official, mmd_penalty
from wae.settings import IMQ_SCALES, ExecutionSettings

Penalty = Callable[[Tensor, Tensor], Tensor]


def expanded(z: Tensor, z_prior: Tensor, base: float) -> Tensor:
    """As several reproductions write it: an (n, n, d) difference for every pair of sets and every scale."""
    n, total = len(z), z.new_zeros(())
    within = 1.0 / (n * (n - 1))
    for x, y, weight in ((z, z, within), (z_prior, z_prior, within), (z, z_prior, -2.0 / n**2)):
        for scale in IMQ_SCALES:
            kernel = base * scale / (base * scale + (x[:, None] - y[None]).square().sum(-1))
            total = total + weight * (kernel.sum() - (kernel.diagonal().sum() if x is y else 0.0))
    return total


def pythae_penalty(latent_dim: int) -> Penalty:
    """The MMD of pythae's WAE_MMD model, called on codes."""
    from pythae.models import WAE_MMD, WAE_MMD_Config

    config = WAE_MMD_Config(input_dim=(1, 2, 2), latent_dim=latent_dim, kernel_choice="imq", scales=list(IMQ_SCALES))
    model = WAE_MMD(config)

    def penalty(z: Tensor, z_prior: Tensor) -> Tensor:
        nothing = z.new_zeros(len(z), 1)
        value: Tensor = model.loss_function(nothing, nothing, z, z_prior)[2]
        return value

    return penalty


def forms(latent_dim: int) -> dict[str, tuple[Penalty, Callable[[int], float]]]:
    """Each form, and the bytes that it is expected to take at n, from the (n, n) and (n, n, d) tensors it keeps."""
    base, scales = 2.0 * latent_dim, len(IMQ_SCALES)
    return {
        "ours": (lambda z, y: mmd_penalty(z, y, base=base), lambda n: 0.0),
        "official": (lambda z, y: mmd_official(z, y, base=base), lambda n: 4.0 * n * n * (8 + 8 * scales)),
        "pythae": (pythae_penalty(latent_dim), lambda n: 4.0 * n * n * (6 * latent_dim + 12 * scales)),
        "expanded": (lambda z, y: expanded(z, y, base), lambda n: 4.0 * n * n * scales * 3 * (latent_dim + 3)),
    }


def call(penalty: Penalty, z: Tensor, z_prior: Tensor) -> Callable[[], Tensor]:
    """One forward and backward pass with respect to the codes."""
    return lambda: torch.autograd.grad(penalty(z, z_prior), z)[0]


def measure(quick: bool) -> dict[str, Any]:
    """What a call spends, by latent dimension, n and form, but for forms that want more than half the memory."""
    devices.setup(ExecutionSettings(device="cpu"))
    sizes = {8: [100, 256], 64: [100]} if quick else {8: [100, 256, 512, 1024, 2048, 4096, 8192], 64: [100, 1024]}
    found: dict[str, Any] = {}
    agreement = 0.0
    for latent_dim, counts in sizes.items():
        for n in counts:
            generator = torch.Generator().manual_seed(n)
            z = (0.7 * torch.randn(n, latent_dim, generator=generator) + 0.2).requires_grad_()
            z_prior = torch.randn(n, latent_dim, generator=generator)
            fits = {k: p for k, (p, b) in forms(latent_dim).items() if b(n) < psutil.virtual_memory().available / 2}
            calls = {name: call(penalty, z, z_prior) for name, penalty in fits.items()}
            if n <= 1024:
                values = {name: penalty(z.detach(), z_prior).double() for name, penalty in fits.items()}
                agreement = max(agreement, *(abs(v - values["ours"]).item() for v in values.values()))
            least = 0.02 if quick else 0.2
            found[f"{latent_dim}/{n}"] = interleave({k: timed(c, least) for k, c in calls.items()}, 2 if quick else 5)
    return {"spent": found, "largest_difference": agreement}
