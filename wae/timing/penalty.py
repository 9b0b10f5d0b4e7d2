"""What is timed in the penalty study: each latent penalty on its own, without encoder and decoder."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from wae.compute.seeds import Streams
from wae.core.settings import RunSettings, TimingSettings, TrainingSettings
from wae.methods.batch import Codes, batch_of
from wae.methods.wae_gan import WAEGAN
from wae.mmd.estimators import mmd_official, mmd_penalty
from wae.mmd.random_features import random_feature_mmd
from wae.models.priors import build_prior
from wae.timing import memory
from wae.timing.clock import Mark
from wae.timing.rounds import Point

Call = Callable[[Mark], object]


def penalty_groups(settings: TimingSettings, device: torch.device) -> tuple[list[list[Point]], list[Point]]:
    """The points that share rounds: a group for each latent dimension, and one of all points whose memory is kept.

    The latter comes last. After ``memory.keeping`` the C library's heap has room for the largest tensors, and what was
    timed with pages from the system for each call would be timed without.
    """
    every = [list(penalty_points(settings, latent_dim, device)) for latent_dim in settings.penalty_latent_dim]
    plain = [[point for point in points if point.before is None] for points in every]
    kept = [point for points in every for point in points if point.before is not None]
    return [group for group in plain if group], kept


def penalty_points(settings: TimingSettings, latent_dim: int, device: torch.device) -> Iterator[Point]:
    """A point for each penalty, critic width and n at one latent dimension."""
    for n in sorted(set(settings.penalty_n)):
        for subject in settings.penalties:
            for width in settings.critics if subject == "gan" else [None]:
                labels = {
                    "study": "penalty",
                    "dataset": "",
                    "subject": subject,
                    "n": n,
                    "latent_dim": latent_dim,
                    "critic_width": width,
                }
                keeps = subject == "mmd_official_kept"
                if keeps and not memory.can_keep(device):
                    continue
                prepare = _preparation(settings, subject, n, latent_dim, width, device)
                power = 2.0 if subject.startswith("mmd_official") else 1.0
                yield Point(labels, (subject, width, latent_dim), n, prepare, memory.prefill if keeps else None, power)


def _preparation(
    settings: TimingSettings, subject: str, n: int, latent_dim: int, width: int | None, device: torch.device
) -> Callable[[], Call]:
    if subject == "gan":
        return lambda: gan_call(settings, n, latent_dim, int(width or 0), device)
    return lambda: mmd_call(settings, subject, n, latent_dim, device)


def _training(latent_dim: int, width: int = 512) -> TrainingSettings:
    """Settings with the paper's kernel and critic, and the smallest of networks around them."""
    return TrainingSettings(
        implementation="wae.methods.wae_gan:WAEGAN",
        architecture="mlp",
        width=1,
        depth=1,
        decoder_depth=1,
        latent_dim=latent_dim,
        critic_width=width,
    )


def mmd_call(settings: TimingSettings, subject: str, n: int, latent_dim: int, device: torch.device) -> Call:
    """Draws n prior points and takes an MMD and its gradient in n codes: the whole is the part "penalty"."""
    training = _training(latent_dim)
    prior = build_prior(training)
    streams = Streams(settings.seed, device)
    z = 0.5 + 1.2 * torch.randn(n, latent_dim, generator=streams["noise"], device=device)
    forms = {"mmd_fused": mmd_penalty, "mmd_official": mmd_official, "mmd_official_kept": mmd_official}

    def penalty(codes: Tensor) -> Tensor:
        drawn = prior.sample(n, streams["prior"])
        if subject == "mmd_random_features":
            return random_feature_mmd(
                codes,
                drawn,
                scales=training.kernel_scales,
                base=prior.kernel_base,
                features=settings.random_features,
                generator=streams["prior"],
            )
        return forms[subject](codes, drawn, scales=training.kernel_scales, base=prior.kernel_base)

    def call(mark: Mark) -> None:
        codes = z.detach().requires_grad_()
        torch.autograd.grad(penalty(codes), [codes])
        mark("penalty")

    return call


def gan_call(settings: TimingSettings, n: int, latent_dim: int, width: int, device: torch.device) -> Call:
    """WAE-GAN's own code on n codes: gradient of the encoder's side ("penalty"), then the critic's step ("critic").

    The critic's step puts the codes through the critic again, as ``fresh_codes`` and the authors' code do, whose codes
    are other ones by then. Encoding them again is not in it: that is a part of whole steps.
    """
    training = _training(latent_dim, width)
    run = RunSettings(dataset="none", method="wae_gan", seed=settings.seed, shape=[1, 2, 2], training=training)
    method = WAEGAN(run).to(device)
    method.optimisers = method.build_optimisers()
    streams = Streams(settings.seed, device)
    z = 0.5 + 1.2 * torch.randn(n, latent_dim, generator=streams["noise"], device=device)

    def call(mark: Mark) -> None:
        batch = batch_of(Codes(z.detach().requires_grad_()))
        torch.autograd.grad(method.penalty(batch, streams), [batch.codes.z])
        mark("penalty")
        method.after_step(batch_of(Codes(z)), streams)
        mark("critic")

    return call
