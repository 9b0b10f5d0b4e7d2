"""Rows of the likelihood of held-out images: by weighted draws of the posterior, and by the Parzen estimate."""

from typing import Any

import numpy as np
import torch

from wae.compute.seeds import stream
from wae.core.settings import EvaluationSettings, RunSettings
from wae.evaluation.draws import part_generator, subset
from wae.evaluation.held_out import HeldOut
from wae.evaluation.likelihood import has_likelihood, likelihood_scores
from wae.evaluation.parzen import parzen_rows
from wae.evaluation.rows import row
from wae.methods.autoencoder import binarised
from wae.methods.base import Method


def importance_rows(
    method: Method, run: RunSettings, held_out: HeldOut, settings: EvaluationSettings, device: torch.device
) -> list[dict[str, Any]]:
    """Rows of the ELBO and the importance-weighted likelihood of some held-out images, where the method has one."""
    images = held_out.split.images
    if not has_likelihood(method) or settings.importance_samples == 0 or len(images) < 2:
        return []
    chosen = subset(len(images), settings.likelihood_images, "likelihood images")
    draws = part_generator(run.seed_for("evaluation"), "likelihood")
    generator = torch.Generator(device).manual_seed(int(draws.integers(2**63)))
    part = torch.from_numpy(images[chosen])
    if run.training.binarise != "off":  # once, and alike for every run
        drawn = torch.Generator().manual_seed(int(part_generator(0, "binarised").integers(2**63)))
        part = (binarised(part / 255.0, drawn) * 255.0).to(torch.uint8)
    found = likelihood_scores(method, part, settings.importance_samples, settings.batch_size, generator)
    return [row(name, "reconstruction", value, held_out.name, len(part), 0) for name, value in found.items()]


def prior_parzen_rows(
    method: Method,
    run: RunSettings,
    held_out: HeldOut,
    settings: EvaluationSettings,
    device: torch.device,
) -> list[dict[str, Any]]:
    """Rows of the Parzen log-likelihood under samples of the prior, where asked for.

    Its sigma is chosen on images of the train split: on those that were held back, where there are some.
    """
    test, validation = np.asarray(held_out.split.images), held_out.validation
    if settings.parzen_samples == 0 or len(test) < 2:
        return []
    z = method.prior.sample(settings.parzen_samples, stream(run.seed_for("samples"), "samples", device))
    samples = method.decode_pixels(z, settings.batch_size).flatten(1).cpu().numpy()
    chosen = validation[subset(len(validation), settings.parzen_validation, "parzen validation")]
    return parzen_rows("prior", samples, chosen, test, held_out.name, settings)
