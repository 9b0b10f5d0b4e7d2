"""The likelihood against a linear-Gaussian model and numerical integration; what codes use."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from baselines.vae import gaussian_kl
from tests.shared.models import images, method, training
from wae.core.errors import UserError
from wae.core.settings import EvaluationSettings, RunSettings
from wae.data.source import Split
from wae.evaluation import likelihood_rows
from wae.evaluation.held_out import HeldOut
from wae.evaluation.likelihood import active_units, has_likelihood, kl_per_dimension, likelihood_scores
from wae.evaluation.likelihood_rows import importance_rows, prior_parzen_rows
from wae.methods.base import build
from wae.methods.batch import Codes
from wae.models.priors import Normal

SIGMA, NOISE = 1.5, 0.3


class Linear(SimpleNamespace):
    """x = W z + b + noise, with z from N(0, SIGMA^2 I): everything is known. ``off`` moves the encoder's mean."""

    def __init__(self, off: float = 0.0) -> None:
        generator = torch.Generator().manual_seed(0)
        weight, bias = torch.randn(6, 2, generator=generator), torch.randn(6, generator=generator)
        precision = weight.T @ weight / NOISE**2 + torch.eye(2) / SIGMA**2
        covariance = torch.linalg.inv(precision)
        values, axes = torch.linalg.eigh(covariance)
        self.weight, self.bias, self.axes, self.values, self.off = weight @ axes, bias, axes, values, off
        super().__init__(prior=Normal(2, SIGMA), decoder=lambda z: z @ self.weight.T + self.bias)

    def to_range(self, given: Tensor) -> Tensor:
        return given.flatten(1).float() / 100.0

    def encode(self, x: Tensor, streams: None) -> Codes:
        mean = ((x - self.bias) @ self.weight) / NOISE**2 * self.values  # the posterior's, in its own axes
        log_variance = self.values.log().expand(len(x), 2)
        return Codes(mean, mean + self.off, log_variance)

    def log_likelihood(self, output: Tensor, x: Tensor) -> Tensor:
        return -0.5 * ((output - x) / NOISE).square().sum(1) - 6 * (math.log(NOISE) + 0.5 * math.log(2 * math.pi))

    def log_evidence(self, given: Tensor) -> Tensor:
        covariance = SIGMA**2 * self.weight @ self.weight.T + NOISE**2 * torch.eye(6)
        return MultivariateNormal(self.bias.double(), covariance.double()).log_prob(self.to_range(given).double())


GIVEN = torch.randint(0, 200, (40, 1, 2, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def scores(made: object, given: Tensor, samples: int, batch: int = 64) -> dict[str, float]:
    return likelihood_scores(made, given, samples, batch, torch.Generator().manual_seed(2))  # type: ignore[arg-type]


def test_with_the_exact_posterior_every_draw_gives_the_evidence() -> None:
    made = Linear()
    expected = made.log_evidence(GIVEN)
    found = scores(made, GIVEN, samples=3)
    assert found["elbo"] == pytest.approx(float(expected.mean()), rel=1e-4)
    assert found["nll_iw"] == pytest.approx(-float(expected.mean()), rel=1e-4)
    assert found["nll_iw_error"] == pytest.approx(float(expected.std()) / math.sqrt(40), rel=1e-3)


def test_no_more_codes_are_decoded_at_once_than_a_batch_has() -> None:
    made, sizes = Linear(), []
    decoder = made.decoder
    made.decoder = lambda z: (sizes.append(len(z)), decoder(z))[1]
    scores(made, GIVEN, samples=8, batch=20)
    assert sizes == [16] * 20
    sizes.clear()
    scores(made, GIVEN, samples=30, batch=20)
    assert sizes == [20, 10] * 40  # the draws of one image in two


def test_draws_that_fill_several_batches_are_those_of_one() -> None:
    made = Linear(off=0.1)
    whole = scores(made, GIVEN, samples=30, batch=30)
    for batch in (29, 7, 1):
        assert scores(made, GIVEN, samples=30, batch=batch) == pytest.approx(whole, rel=1e-6)


def test_with_a_wrong_posterior_the_elbo_is_lower_by_the_divergence() -> None:
    made = Linear(off=0.1)
    expected = float(made.log_evidence(GIVEN).mean())
    divergence = float(0.5 * (0.1**2 / made.values).sum())
    assert divergence > 0.3
    found = scores(made, GIVEN, samples=4000, batch=8000)
    assert found["elbo"] == pytest.approx(expected - divergence, abs=0.02)
    assert found["nll_iw"] == pytest.approx(-expected, abs=0.02)
    few = scores(made, GIVEN, samples=2)
    assert -found["nll_iw"] > -few["nll_iw"] > found["elbo"]


@pytest.mark.parametrize(
    ("likelihood", "changes"),
    [("bernoulli", {}), ("gaussian", {"cost_weight": 3.0, "pixel_range": "minus_one_one"}), ("learned_gaussian", {})],
)
def test_one_latent_dimension_is_numerical_integration(likelihood: str, changes: dict) -> None:
    made = method("vae", latent_dim=1, sigma_z=1.3, likelihood=likelihood, **changes).eval()
    if made.log_sigma is not None:
        torch.nn.init.constant_(made.log_sigma, -0.7)
    given = images(6)
    found = scores(made, given, samples=4000, batch=8000)
    grid = torch.linspace(-9, 9, 4001)[:, None]
    with torch.no_grad():
        output, x = made.decoder(grid), made.to_range(given)
        density = torch.stack([made.log_likelihood(output, one.expand_as(output)) for one in x]).double()
        prior = -0.5 * (grid[:, 0].double() / 1.3) ** 2 - math.log(1.3 * math.sqrt(2 * math.pi))
        evidence = torch.logsumexp(density + prior, 1) + math.log(18 / 4000)
    assert found["nll_iw"] == pytest.approx(-float(evidence.mean()), abs=0.05)
    assert found["elbo"] < -found["nll_iw"]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "learned_gaussian"])
def test_likelihood_per_image_is_what_training_averages(likelihood: str) -> None:
    made = method("vae", likelihood=likelihood, cost_weight=2.0).eval()
    x, z = made.to_range(images(5)), torch.randn(5, 4, generator=torch.Generator().manual_seed(3))
    output = made.decoder(z).detach()
    found = made.log_likelihood(output, x).detach()
    assert found.shape == (5,)
    assert float(-found.mean()) == pytest.approx(float(made.reconstruction_loss(output, x).detach()), rel=1e-5)
    assert found.std() > 0


def test_only_methods_with_a_likelihood_have_one() -> None:
    assert has_likelihood(method("vae"))
    assert has_likelihood(method("beta_vae"))
    assert not has_likelihood(method("wae_mmd", encoder="gaussian"))
    assert not has_likelihood(method("ae"))


def test_divergence_per_dimension_sums_to_the_vaes_penalty() -> None:
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    found = kl_per_dimension(mean, log_variance, 1.5)
    assert found.sum() == pytest.approx(float(gaussian_kl(torch.tensor(mean), torch.tensor(log_variance), 1.5)))
    assert found.shape == (3,)
    np.testing.assert_allclose(kl_per_dimension(np.zeros((4, 2)), np.zeros((4, 2)), 1.0), 0.0)


def test_active_units_vary_over_images_in_units_of_the_prior() -> None:
    rng = np.random.default_rng(1)
    mean = rng.normal(size=(5000, 4)) * np.array([2.0, 0.25, 0.15, 0.0]) + 7.0
    assert active_units(mean, 1.0) == {"active_units": 3.0, "inactive_share": 0.25}  # 0.15^2 is above 0.01
    assert active_units(mean, 2.0) == {"active_units": 2.0, "inactive_share": 0.5}  # and below 0.01 * 4


def test_binary_images_are_drawn_with_their_grey_levels_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Tensor] = []
    monkeypatch.setattr(likelihood_rows, "likelihood_scores", lambda made, part, *rest: given.append(part) or {})
    grey = np.tile(np.array([0, 51, 204, 255], np.uint8), (3, 1, 500, 1))  # three images of 500 by 4 pixels
    held_out = HeldOut("test", Split(grey, None), grey)
    for binarise in ("off", "each_draw"):
        settings = training("vae", depth=2, binarise=binarise)
        run = RunSettings(dataset="d", method="vae", seed=0, shape=[1, 8, 8], training=settings)
        importance_rows(method("vae"), run, held_out, EvaluationSettings(importance_samples=3), torch.device("cpu"))
    assert torch.equal(given[0], torch.from_numpy(grey))
    assert given[1].dtype == torch.uint8
    assert set(given[1].unique().tolist()) == {0, 255}
    found = given[1].double().mean((0, 1, 2)) / 255.0
    torch.testing.assert_close(found, torch.tensor([0.0, 0.2, 0.8, 1.0]).double(), rtol=0, atol=0.05)


@pytest.mark.parametrize(("count", "rows"), [(1, 0), (2, 3)])
def test_a_spread_over_images_needs_two_of_them(count: int, rows: int) -> None:
    run = RunSettings(dataset="d", method="vae", seed=0, shape=[1, 8, 8], training=training("vae", depth=2))
    made = build(run).eval()
    split = Split(images(count).numpy(), None)
    held_out = HeldOut("test", split, images(5, seed=1).numpy())
    settings = EvaluationSettings(importance_samples=3, parzen_samples=20, parzen_validation=5)
    for found in (
        importance_rows(made, run, held_out, settings, torch.device("cpu")),
        prior_parzen_rows(made, run, held_out, settings, torch.device("cpu")),
    ):
        assert len(found) == rows
        assert all(math.isfinite(row["value"]) for row in found)


def test_a_likelihood_that_is_no_number_per_image_is_refused() -> None:
    made = Linear()
    made.log_likelihood = lambda output, x: Linear.log_likelihood(made, output, x).mean()  # type: ignore[method-assign]
    with pytest.raises(
        UserError, match=r"log_likelihood of Linear gives \(\) for 40 codes, need \(40,\): one number per"
    ):
        scores(made, GIVEN, samples=1)


def test_a_prior_of_ones_own_has_no_likelihood() -> None:
    class Other(Normal):
        pass

    made = method("vae")
    assert has_likelihood(made)
    made.prior = Other(4, 1.0)
    assert not has_likelihood(made)
