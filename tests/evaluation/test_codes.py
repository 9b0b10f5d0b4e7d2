"""Scores of codes whose encoder is known: what they say of the Gaussians that codes are drawn from."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.shared.evaluation import EVALUATION, make_run
from tests.shared.models import method
from wae.core.layout import RunFolder
from wae.core.settings import EvaluationSettings
from wae.evaluation import latent, trajectory
from wae.evaluation.codes import SCATTER, code_scores, has_density, information_rows, match_scores, write_scatter
from wae.evaluation.subjects import encode
from wae.methods.base import Method
from wae.methods.batch import Codes
from wae.models.priors import Normal

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
    codes = encode(made, images, 250, generator)
    settings = EvaluationSettings(codes=50, permutations=19, information_codes=1500)
    rows, moments = code_scores(made, codes, codes.z, "test", settings, generator, np.random.default_rng(3))
    found = {row["metric"]: row["value"] for row in rows}
    variance = factor**2 * (floor + math.exp(LOG_VARIANCE))
    information = math.log(1.0 + SPREAD**2 / variance)  # two dimensions
    divergence = (variance + SPREAD**2) / SIGMA**2 - 1.0 - math.log(variance / SIGMA**2)
    assert found["mutual_information"] == pytest.approx(information, abs=0.15)
    assert found["kl_total"] == pytest.approx(divergence, abs=0.15)
    assert sum(moments["codes"]["kl"]) == pytest.approx(found["kl_total"], rel=1e-9)


def by_class() -> Codes:
    """4,000 codes, those of a class side by side: ten means so far apart that a code tells its class and no more."""
    mean = 20.0 * torch.arange(10.0).repeat_interleave(400)[:, None].expand(-1, 2)
    return Codes(mean + torch.randn(4000, 2, generator=torch.Generator().manual_seed(0)), mean, torch.zeros(4000, 2))


def test_information_of_sorted_files_is_that_of_all_classes() -> None:
    (first, *_) = information_rows(known(), by_class(), "test", 1000)
    assert first["samples"] == 1000
    assert first["value"] == pytest.approx(math.log(10), abs=0.02)  # the first 1,000 are of three classes


def test_information_along_training_is_that_of_all_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is encoded at each kept epoch, of images in the order of their classes."""
    run = make_run(tmp_path / "run", name="vae")
    shown: list[np.ndarray] = []
    monkeypatch.setattr(
        trajectory, "encode", lambda made, images, *rest: (shown.append(images), encode(made, images, *rest))[1]
    )
    images = np.arange(10, dtype=np.uint8).repeat(400)[:, None, None, None].repeat(12, 2).repeat(12, 3)
    text = trajectory.trajectory(run, RunFolder(tmp_path / "run"), images, "test", [], EVALUATION, CPU)
    assert "mutual_information" in text
    assert len(shown) == 2  # with and without noise
    for each in shown:
        assert len(each) == 1000
        assert np.bincount(each[:, 0, 0, 0], minlength=10).min() > 60


class Shifted(Normal):
    """N(3 sigma, (sigma / 2)^2 I): another law than the setting's name says."""

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        return 0.5 * super().sample(n, generator) + 3.0 * self.sigma


def test_codes_are_compared_with_the_normal_prior_only_where_it_is_the_prior() -> None:
    made = known()
    codes = Codes(*(torch.zeros(40, 2) for _ in range(3)))
    draws = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    assert has_density(made, codes)
    assert "latent_radius" in match_scores(made, draws, draws.flip(0), 0)
    made.prior = Shifted(2, 1.0)
    assert not has_density(made, codes)
    assert not {"latent_radius", "latent_mardia_kurtosis"} & set(match_scores(made, draws, draws.flip(0), 0))


def test_the_plot_of_codes_shows_all_classes_of_sorted_files(tmp_path: Path) -> None:
    z = np.random.default_rng(0).standard_normal((10_000, 2)).astype(np.float32)
    labels = np.arange(10).repeat(1000)
    write_scatter(tmp_path / "latent.csv", z, labels)
    rows = np.genfromtxt(tmp_path / "latent.csv", delimiter=",", names=True)
    assert len(rows) == SCATTER
    assert np.bincount(rows["label"].astype(int), minlength=10).min() > 150
    of_class_7 = {f"{value:.5g}" for value in latent.plane(z)[7000:8000, 0]}
    assert {f"{row['x']:.5g}" for row in rows if row["label"] == 7} <= of_class_7
