import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional

from baselines.aae import AAE
from baselines.rae_l2 import RAEL2
from baselines.vae import VAE, BernoulliNLL
from tests.shared.models import images, method, optimiser_order, steps
from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.methods.batch import Batch, Codes, batch_of
from wae.methods.wae_gan import WAEGAN


@pytest.mark.parametrize("sigma_z", [1.0, 1.7])
def test_kl_is_torch_distributions_summed_over_latents_and_averaged_over_the_batch(sigma_z: float) -> None:
    made = method("vae", sigma_z=sigma_z)
    mean, log_variance = torch.randn(2, 7, 4)
    posterior = Normal(mean, torch.exp(0.5 * log_variance))
    expected = kl_divergence(posterior, Normal(torch.zeros(4), sigma_z * torch.ones(4))).sum(1).mean()
    found = made.penalty(batch_of(Codes(mean, mean, log_variance)), Streams(0))
    torch.testing.assert_close(found, expected)
    prior = math.log(sigma_z**2) * torch.ones(7, 4)
    assert float(made.penalty(batch_of(Codes(mean, 0 * mean, prior)), Streams(0))) == pytest.approx(0.0, abs=1e-6)


def test_a_vae_without_a_gaussian_encoder_is_an_error() -> None:
    with pytest.raises(TypeError, match="Gaussian encoder"):
        method("vae").penalty(batch_of(Codes(torch.zeros(2, 4))), Streams(0))


def log_likelihood(name: str, made: VAE, output: Tensor, x: Tensor) -> Tensor:
    """Sum over pixels and mean over the batch by torch.distributions."""
    if name == "bernoulli":
        return Bernoulli(logits=output, validate_args=False).log_prob(x).flatten(1).sum(1).mean()
    activated = torch.sigmoid(output) if made.settings.pixel_range == "zero_one" else torch.tanh(output)
    if name == "gaussian":
        sigma = math.sqrt(1.0 / (2.0 * made.settings.cost_weight))
    else:
        assert made.log_sigma is not None
        sigma = math.exp(made.log_sigma.item())
    return Normal(activated, sigma).log_prob(x).flatten(1).sum(1).mean()


@pytest.mark.parametrize(
    ("name", "pixel_range"),
    [
        ("bernoulli", "zero_one"),
        ("gaussian", "zero_one"),
        ("gaussian", "minus_one_one"),
        ("learned_gaussian", "minus_one_one"),
    ],
)
def test_likelihoods_are_full_and_named_apart(name: str, pixel_range: str) -> None:
    made = method("vae", likelihood=name, pixel_range=pixel_range, cost_weight=0.3)
    assert isinstance(made, VAE)
    if made.log_sigma is not None:
        made.log_sigma.data.fill_(-0.4)
    x = made.to_range(images(5))
    output = torch.randn(5, 1, 8, 8) * 2
    found = made.reconstruction_loss(output, x)
    torch.testing.assert_close(found, -log_likelihood(name, made, output, x), check_dtype=False)


def test_bernoulli_likelihood_has_torchs_gradient_and_its_value_to_rounding() -> None:
    logits = torch.cat([torch.linspace(-100.0, 100.0, 4001), torch.linspace(-1e-3, 1e-3, 99)]).requires_grad_()
    for target in (0.0, 0.3, 1.0):
        x = torch.full_like(logits, target)
        ours, theirs = (
            torch.autograd.grad(loss / 7, logits)[0]
            for loss in (
                BernoulliNLL.apply(logits, x),
                functional.binary_cross_entropy_with_logits(logits, x, reduction="sum"),
            )
        )
        assert torch.equal(ours, theirs)
        for index in range(0, len(logits), 50):  # pixel by pixel, so that no error hides in a sum
            one = logits[index : index + 1].detach()
            exact = functional.binary_cross_entropy_with_logits(one.double(), x[:1].double()).item()
            assert BernoulliNLL.apply(one, x[:1]).item() == pytest.approx(exact, abs=1.2e-7 * max(1.0, abs(one.item())))
    x, small = torch.rand(9, dtype=torch.float64), torch.randn(9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda logits: BernoulliNLL.apply(logits, x), small)
    rows = torch.stack([small.detach(), 2.0 * small.detach()])
    found = torch.func.vmap(torch.func.grad(lambda logits: BernoulliNLL.apply(logits, x)))(rows)
    torch.testing.assert_close(found, torch.sigmoid(rows) - x)
    assert BernoulliNLL.apply(torch.tensor([math.inf]), torch.tensor([0.0])).isfinite().item() is False
    assert BernoulliNLL.apply(torch.tensor([math.nan]), torch.tensor([0.0])).isnan().item()


def test_learned_sigma_finds_the_root_mean_squared_error() -> None:
    made = method("vae", likelihood="learned_gaussian", learning_rate=0.02)
    assert isinstance(made, VAE)
    assert made.log_sigma is not None
    x, output = made.to_range(images(20)), torch.zeros(20, 1, 8, 8)
    optimiser = torch.optim.Adam([made.log_sigma], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        made.reconstruction_loss(output, x).backward()
        optimiser.step()
    rms = float((x - 0.5).square().mean().sqrt())
    assert math.exp(made.log_sigma.item()) == pytest.approx(rms, rel=1e-3)
    before = made.log_sigma.item()
    made.step(images(16), Streams(0))
    assert made.log_sigma.item() != before
    assert {group["base_lr"] for group in made.optimisers["autoencoder"].param_groups} == {0.02}
    assert "log_sigma" in made.state_dict()
    assert method("vae").log_sigma is None


def test_beta_weighs_the_kl_only() -> None:
    one, four = (
        method(name, lambda_=beta).step(images(8), Streams(0)) for name, beta in (("vae", 1.0), ("beta_vae", 4.0))
    )
    assert float(one["reconstruction"]) == float(four["reconstruction"])
    assert float(one["penalty"]) == float(four["penalty"])
    assert float(four["loss"] - one["loss"]) == pytest.approx(3.0 * float(one["penalty"]), rel=1e-3)


def test_the_autoencoder_has_no_penalty_whatever_lambda_is() -> None:
    weights = []
    for lambda_ in (0.0, 1000.0):
        made = method("ae", lambda_=lambda_)
        scalars = made.step(images(8), Streams(0))
        assert float(scalars["penalty"]) == 0.0
        weights.append(torch.cat([p.detach().flatten() for p in made.parameters()]))
    assert torch.equal(*weights)


def test_aae_steps_reconstruction_then_critic_then_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    made = method("aae")
    order = optimiser_order(made, monkeypatch)
    scalars = made.step(images(8), Streams(0))
    assert order == ["autoencoder", "critic", "generator"]
    assert set(scalars) == {"loss", "reconstruction", "penalty", "penalty_gradient", "critic", "generator"}


def test_aae_regularises_the_encoder_alone() -> None:
    made = method("aae", critic_learning_rate=1e-2)
    assert isinstance(made, AAE)
    x, streams = made.to_range(images(32)), Streams(0)
    with torch.no_grad():
        made.encoder[-1].bias += 3.0  # type: ignore[index, operator]
    decoder = {key: value.clone() for key, value in made.decoder.state_dict().items()}
    start = made.encode(x, None).z.detach()
    for _ in range(100):
        made.after_step(replace(batch_of(Codes(start)), x=x), streams)
    assert all(torch.equal(value, decoder[key]) for key, value in made.decoder.state_dict().items())
    assert made.encode(x, None).z.mean().abs() < 0.3 * start.mean().abs()
    lone = WAEGAN.penalty(made, batch_of(made.encode(x, None)), streams)
    assert lone.requires_grad


class Protocol:
    """A step of a public reproduction of the AAE, dropout and noise of spread 5 included, in plain tensors."""

    def __init__(self, made: AAE) -> None:
        self.weights = {name: p.detach().clone().requires_grad_() for name, p in made.named_parameters()}
        self.noise, self.prior = Streams(3)["noise"], Streams(3)["prior"]
        self.moments: dict[tuple[str, str], tuple[Tensor, Tensor]] = {}

    def network(self, part: str, value: Tensor, layers: tuple[int, int, int], *, dropout: bool = True) -> Tensor:
        for layer in layers:
            value = value @ self.weights[f"{part}.{layer}.weight"].T + self.weights[f"{part}.{layer}.bias"]
            if layer != layers[-1]:
                value = value.clamp_min(0.0)
                if dropout:
                    value = value * (torch.rand(value.shape, generator=self.noise) >= 0.2) / 0.8
        return value

    def codes(self, x: Tensor, *, dropout: bool = True) -> Tensor:
        mean, log_variance = self.network("encoder", x.flatten(1), (1, 4, 7), dropout=dropout).chunk(2, 1)
        return mean + torch.exp(log_variance / 2) * 5.0 * torch.randn(mean.shape, generator=self.noise)

    def critic(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.network("critic", z, (0, 3, 6)))

    def adam(self, optimiser: str, loss: Tensor, parts: tuple[str, ...], rate: float) -> None:
        names = [name for name in self.weights if name.startswith(parts)]
        for name, g in zip(names, torch.autograd.grad(loss, [self.weights[n] for n in names]), strict=True):
            first, second = 0.1 * g, 0.001 * g * g
            self.moments[optimiser, name] = first, second
            move = (first / 0.1) / ((second / 0.001).sqrt() + 1e-8)
            self.weights[name] = (self.weights[name] - rate * move).detach().requires_grad_()

    def step(self, x: Tensor) -> list[float]:
        output = torch.sigmoid(self.network("decoder", self.codes(x), (0, 3, 6))).view_as(x)
        cross_entropy = -(x * output.log() + (1 - x) * (1 - output).log()).mean()
        self.adam("reconstruction", cross_entropy, ("encoder", "decoder"), 2e-4)
        real = self.critic(5.0 * torch.randn(len(x), 2, generator=self.prior))
        fake = self.critic(self.codes(x, dropout=False).detach())
        critic = -(real.log().mean() + (1 - fake).log().mean())
        self.adam("critic", critic, ("critic",), 1e-4)
        generator = -self.critic(self.codes(x)).log().mean()
        self.adam("generator", generator, ("encoder",), 1e-4)
        return [loss.item() for loss in (cross_entropy, critic, generator)]


def test_a_step_of_the_aae_is_the_public_reproductions() -> None:
    settings: dict[str, Any] = {
        **{"architecture": "mlp", "hidden": [9, 9], "decoder_hidden": [9, 9], "batch_norm": False, "dropout": 0.2},
        **{"latent_dim": 2, "sigma_z": 5.0, "encoder": "gaussian", "encoder_noise": 5.0, "lambda_": 0.0},
        **{"cost": "bce", "cost_weight": 1 / 64, "critic_width": 9, "critic_depth": 2, "critic_dropout": 0.2},
        **{"learning_rate": 2e-4, "critic_learning_rate": 1e-4, "adam_beta1": 0.9},
        "options": {"critic_codes": "evaluation"},
    }
    made = method("aae", **settings)
    assert isinstance(made, AAE)
    protocol = Protocol(made)
    x = images(20)
    scalars = made.step(x, Streams(3))
    found = [float(scalars[name]) for name in ("reconstruction", "critic", "generator")]
    assert found == pytest.approx(protocol.step(made.to_range(x)), rel=1e-5)
    for name, value in made.named_parameters():
        torch.testing.assert_close(value, protocol.weights[name], rtol=0, atol=2e-6, msg=name)
    with pytest.raises(UserError, match="critic_codes is 'eval'"):
        method("aae", options={"critic_codes": "eval"})
    with pytest.raises(UserError, match="set fresh_codes to true or critic_codes to 'training'"):
        method("aae", options={"critic_codes": "evaluation", "fresh_codes": False})
    method("aae", options={"fresh_codes": False})


def test_rae_l2_penalises_half_the_squared_length_of_the_codes() -> None:
    z = torch.randn(6, 4)
    found = float(method("rae_l2").penalty(batch_of(Codes(z)), Streams(0)))
    assert found == pytest.approx(np.mean([0.5 * sum(v * v for v in row) for row in z.tolist()]), rel=1e-5)


@pytest.mark.parametrize("architecture", ["dcgan", "mlp"])
def test_rae_l2_decays_the_decoders_kernels(architecture: str) -> None:
    made = method("rae_l2", architecture=architecture, options={"decoder_decay": 0.25})
    assert isinstance(made, RAEL2)
    kind = nn.ConvTranspose2d if architecture == "dcgan" else nn.Linear
    expected = {id(m.weight) for m in made.decoder.modules() if isinstance(m, kind)}
    groups = made.optimisers["autoencoder"].param_groups
    assert {id(p) for p in groups[1]["params"]} == expected
    assert [group["weight_decay"] for group in groups] == [0, 0.5]  # the gradient of 0.25 w^2
    everything = [id(p) for group in groups for p in group["params"]]
    assert sorted(everything) == sorted(id(p) for p in made.parameters())


def test_decay_shrinks_the_weights() -> None:
    norms = []
    for decay in (0.0, 10.0):
        made = method("rae_l2", options={"decoder_decay": decay})
        assert isinstance(made, RAEL2)
        for _ in range(20):
            made.step(images(8), Streams(0))
        norms.append(sum(float(w.detach().square().sum()) for w in made.decayed()))
    assert norms[1] < 0.9 * norms[0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("architecture", ["dcgan", "mlp"])
def test_rae_gp_penalises_the_slope_of_the_squared_pixels(architecture: str, training: bool) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        made = method("rae_gp", architecture=architecture, options={"gradient_penalty": 0.7}).train(training)
        with torch.no_grad():
            for parameter in made.decoder.parameters():
                parameter.mul_(3.0)  # a steep decoder, so that the slope counts
        z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
        output = made.decoder(z)
        found = made.penalty(Batch(torch.zeros(3, 1, 8, 8), Codes(z), output, z), Streams(0))

        def brightness(codes: Tensor) -> float:
            return float(torch.sigmoid(made.decoder(codes)).square().sum())

        squares = 0.0
        with torch.no_grad():
            for index in range(z.numel()):
                step = torch.zeros(z.numel())
                step[index] = 1e-5
                squares += ((brightness(z + step.view_as(z)) - brightness(z - step.view_as(z))) / 2e-5) ** 2
        expected = float(z.detach().square().sum()) / 2 / 3 + 0.7 * squares / 3
        assert found.item() == pytest.approx(expected, rel=1e-6)
        assert 0.7 * squares / 3 > 1e-3 * expected
    finally:
        torch.set_default_dtype(torch.float32)


def test_rae_gp_smooths_the_decoder_and_its_weight_is_the_option_times_lambda() -> None:
    slopes = []
    for weight in (0.0, 1.0):
        made = method("rae_gp", lambda_=1e-3, learning_rate=5e-3, options={"gradient_penalty": weight})
        losses = steps(made, images(64), 40, 16)
        assert np.mean(losses[-5:]) < np.mean(losses[:5])
        z = made.encode_images(images(32)).z.requires_grad_()
        output = made.decoder(z)
        (slope,) = torch.autograd.grad(made.activate(output).square().sum(), z)
        slopes.append(float(slope.square().sum(1).mean()))
    assert slopes[1] < 0.7 * slopes[0]
