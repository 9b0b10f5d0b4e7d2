"""How time grows with the number of images, their side, the batch's n and the latent dimension."""

from typing import Any

import torch

from benchmarks.measure import interleave, timed, typical
from benchmarks.problem import run_settings
from wae.compute import devices
from wae.core.settings import ExecutionSettings
from wae.mmd.estimators import mmd_penalty
from wae.training.trainer import Trainer


def steps(side: int = 32, latent_dim: int = 8, count: int = 1000) -> tuple[Trainer, torch.Tensor]:
    """A WAE-MMD trainer on ``count`` noise images of that side."""
    run = run_settings("wae_mmd", side=side, latent_dim=latent_dim)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (count, 1, side, side), dtype=torch.uint8, generator=generator)
    trainer = Trainer(run, noise, torch.device("cpu"))
    trainer.method.train()
    return trainer, noise


def epoch(trainer: Trainer) -> None:
    """One epoch, as the training loop takes it."""
    trainer.progress.step = 0
    for _ in trainer._epoch_steps():
        pass
    trainer.progress.step, trainer.progress.partial = 0, []


def measure(quick: bool) -> dict[str, dict[int, float]]:
    """Computing seconds by study and size; sizes of a study take turns."""
    devices.setup(ExecutionSettings(device="cpu"))
    rounds = 2 if quick else 5
    sides = [8, 16] if quick else [8, 16, 32, 64]
    counts = [200, 400] if quick else [500, 1000, 2000, 4000]
    sizes = [128, 256] if quick else [128, 256, 512, 1024, 2048, 4096]
    dims = [2, 8] if quick else [2, 8, 32, 128]
    studies: dict[str, dict[int, Any]] = {"images": {}, "side": {}, "n": {}, "latent_dim": {}, "step_latent_dim": {}}
    for count in counts:
        trainer, _ = steps(count=count, side=16)
        studies["images"][count] = timed(lambda trainer=trainer: epoch(trainer))
    for side in sides:
        trainer, noise = steps(side=side, count=100)
        studies["side"][side] = timed(lambda t=trainer, x=noise: t.method.step(x, t.streams), 0.2)
    for dim in dims:
        trainer, noise = steps(latent_dim=dim, side=16, count=100)
        studies["step_latent_dim"][dim] = timed(lambda t=trainer, x=noise: t.method.step(x, t.streams), 0.2)
    for study, points in (("n", [(n, 8) for n in sizes]), ("latent_dim", [(1024, dim) for dim in dims])):
        for n, dim in points:
            z, y = torch.randn(n, dim, requires_grad=True), torch.randn(n, dim)
            call = lambda z=z, y=y, dim=dim: torch.autograd.grad(mmd_penalty(z, y, base=2.0 * dim), z)  # noqa: E731
            studies[study][n if study == "n" else dim] = timed(call, 0.1)
    return {
        study: {size: typical(spent) for size, spent in interleave(points, rounds).items()}
        for study, points in studies.items()
    }
