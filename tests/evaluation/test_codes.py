"""Scores of codes whose encoder is known: what they say of the Gaussians that codes are drawn from."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.shared.models import method
from wae.core.settings import EvaluationSettings
from wae.evaluation.codes import code_scores
from wae.evaluation.subjects import encode
from wae.methods.base import Method

CPU = torch.device("cpu")
SPREAD, LOG_VARIANCE, SIGMA = 3.0, -2.0, 2.0


class Linear(nn.Module):
    """An encoder of images of independent uniform pixels: nearly normal means with sd SPREAD, a fixed variance."""

    def __init__(self) -> None:
        super().__init__()
        axes = torch.linalg.qr(torch.randn(64, 2, generator=torch.Generator().manual_seed(0)))[0]
        self.axes = nn.Parameter(math.sqrt(12.0) * SPREAD * axes)

    def forward(self, x: Tensor) -> Tensor:
        mean = (x.flatten(1) - 0.5) @ self.axes
        return torch.cat([mean, torch.full_like(mean, LOG_VARIANCE)], dim=1)


def known(**changes: Any) -> Method:
    made = method("wae_mmd", encoder="gaussian", latent_dim=2, sigma_z=SIGMA, **changes)
    made.encoder = Linear()
    return made.eval()


@pytest.mark.parametrize(("factor", "floor"), [(1.0, 0.0), (5.0, 0.0), (1.0, 0.9), (2.0, 0.5)])
def test_information_is_of_the_densities_that_codes_are_drawn_from(factor: float, floor: float) -> None:
    """I(X; Z) and KL divergences in closed form, with a floor and with a factor of the noise."""
    made = known(encoder_noise=factor, gaussian_floor=floor)
    images = np.random.default_rng(1).integers(0, 256, (1500, 1, 8, 8), dtype=np.uint8)
    generator = torch.Generator().manual_seed(2)
    codes = encode(made, images, 250, CPU, generator)
    settings = EvaluationSettings(codes=50, permutations=19, information_codes=1500)
    rows, moments = code_scores(made, codes, codes.z, "test", settings, generator, np.random.default_rng(3))
    found = {row["metric"]: row["value"] for row in rows}
    variance = factor**2 * (floor + math.exp(LOG_VARIANCE))
    information = math.log(1.0 + SPREAD**2 / variance)  # two dimensions
    divergence = (variance + SPREAD**2) / SIGMA**2 - 1.0 - math.log(variance / SIGMA**2)
    assert found["mutual_information"] == pytest.approx(information, abs=0.15)
    assert found["kl_total"] == pytest.approx(divergence, abs=0.15)
    assert sum(moments["codes"]["kl"]) == pytest.approx(found["kl_total"], rel=1e-9)
