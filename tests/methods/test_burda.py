"""What the protocol of Burda et al. 2016 needs, by an independent second implementation of its steps."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal as Gaussian

from baselines.vae import VAE
from tests.shared.models import images, method
from wae.compute.seeds import Streams
from wae.core.errors import UserError
from wae.methods.autoencoder import binarised, log_variance_of
from wae.methods.batch import Codes, batch_of
from wae.timing.memory import peak_bytes

BATCH = 20
PROTOCOL: dict[str, Any] = {
    **{"architecture": "mlp", "hidden": [11, 9], "decoder_hidden": [9, 11], "batch_norm": False, "activation": "tanh"},
    **{"latent_dim": 3, "encoder_head": "log_sd", "binarise": "each_draw", "output_bias": "mean_image"},
    **{"adam": "tensorflow", "adam_beta1": 0.99, "learning_rate": 1e-3, "initialisation": "glorot"},
    # of the batch's mean; the code has 1e-4 and 1 for its sum
    **{"adam_epsilon": 1e-4 / BATCH, "adam_second_moment": 1.0 / BATCH**2},
    "options": {"kl": "sampled"},
}


class Code:
    """The published code's step on sums over a batch, its Adam included, in float64."""

    def __init__(self, made: VAE) -> None:
        self.weights = {name: p.detach().double().requires_grad_() for name, p in made.named_parameters()}
        self.first = {name: torch.zeros_like(p) for name, p in self.weights.items()}
        self.second = {name: torch.ones_like(p) for name, p in self.weights.items()}
        self.noise, self.t = Streams(5)["noise"], 0

    def layers(self, part: str, value: Tensor, chosen: tuple[int, int, int]) -> Tensor:
        for layer in chosen:
            value = value @ self.weights[f"{part}.{layer}.weight"].T + self.weights[f"{part}.{layer}.bias"]
            value = value if layer == chosen[-1] else torch.tanh(value)
        return value

    def step(self, grey: Tensor) -> float:
        """-sum of log p(x, z) - log q(z|x), and one update."""
        x = (torch.rand(grey.shape, generator=self.noise) < grey).double().flatten(1)
        mean, log_sd = self.layers("encoder", x, (1, 3, 5)).chunk(2, 1)
        noise = torch.randn(mean.shape, generator=self.noise).double()
        z = mean + torch.exp(log_sd) * noise
        p = torch.sigmoid(self.layers("decoder", z, (0, 2, 4)))
        log_x = (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum()
        log_prior = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum()
        log_posterior = (-0.5 * noise**2 - log_sd - 0.5 * math.log(2 * math.pi)).sum()
        loss = -(log_x + log_prior - log_posterior)
        gradients = torch.autograd.grad(loss, list(self.weights.values()))
        self.t += 1
        rate = 1e-3 * math.sqrt(1 - 0.999**self.t) / (1 - 0.99**self.t)
        for name, g in zip(list(self.weights), gradients, strict=True):
            self.first[name] = 0.99 * self.first[name] + 0.01 * g
            self.second[name] = 0.999 * self.second[name] + 0.001 * g**2
            move = rate * self.first[name] / (self.second[name].sqrt() + 1e-4)
            self.weights[name] = (self.weights[name] - move).detach().requires_grad_()
        return loss.item()


def test_three_steps_are_those_of_the_published_code() -> None:
    made = method("vae", **PROTOCOL)
    assert isinstance(made, VAE)
    data = images(3 * BATCH)
    made.fit(data)
    code, streams = Code(made), Streams(5)
    for part in data.split(BATCH):
        loss = float(made.step(part, streams)["loss"])
        assert loss == pytest.approx(code.step(made.to_range(part)) / BATCH, rel=1e-5)
    for name, value in made.named_parameters():
        torch.testing.assert_close(value.double(), code.weights[name], rtol=0, atol=2e-6, msg=name)


def test_the_first_output_is_the_mean_image_clipped() -> None:
    made = method("vae", **PROTOCOL)
    data = images(50)
    data[:, 0, 0, 0], data[:, 0, 0, 1] = 0, 255
    before = {name: p.clone() for name, p in made.named_parameters()}
    made.fit(data)
    mean = data.double().mean(0).flatten() / 255
    bias = made.state_dict()["decoder.4.bias"]
    expected = torch.tensor([min(max(float(m), 0.001), 0.999) for m in mean])
    torch.testing.assert_close(torch.sigmoid(bias), expected, rtol=0, atol=1e-5)
    changed = {name for name, p in made.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"decoder.4.bias"}


def test_heads_stand_for_one_spread() -> None:
    sd = torch.tensor([0.1, 0.7, 3.0])
    for kind, head in (
        ("log_variance", 2 * sd.log()),
        ("log_sd", sd.log()),
        ("softplus_sd", torch.log(torch.expm1(sd))),
    ):
        torch.testing.assert_close(torch.exp(0.5 * log_variance_of(head, kind)), sd)


def test_an_encoders_log_variance_stays_within_fifty() -> None:
    made = method("vae")
    final = [module for module in made.encoder.modules() if isinstance(module, torch.nn.Linear)][-1]
    for head, kept in ((-60.0, -50.0), (-49.0, -49.0), (49.0, 49.0), (60.0, 50.0)):
        with torch.no_grad():
            final.weight.zero_()
            final.bias.fill_(head)
        found = made.encode(torch.zeros(2, 1, 8, 8), None).log_variance
        assert found is not None
        assert set(found.flatten().tolist()) == {kept}


def test_pixels_are_drawn_with_their_grey_levels_probability() -> None:
    grey = torch.tensor([0.0, 0.2, 0.9, 1.0]).repeat(20_000, 1)
    found = binarised(grey, torch.Generator().manual_seed(0))
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert found.mean(0).tolist() == pytest.approx([0.0, 0.2, 0.9, 1.0], abs=0.01)
    assert found[:, 0].sum() == 0
    assert found[:, 3].min() == 1


def test_a_sampled_divergence_has_the_closed_ones_mean() -> None:
    mean, log_variance = torch.tensor([[0.5, -1.0, 2.0]]), torch.tensor([[-1.0, 0.3, -2.0]])
    analytic, sampled = (method("vae", latent_dim=3, options={"kl": kind}) for kind in ("analytic", "sampled"))
    many = [tensor.repeat(200_000, 1) for tensor in (mean, log_variance)]
    noise = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(1))
    z = many[0] + torch.exp(0.5 * many[1]) * noise
    found = float(sampled.penalty(batch_of(Codes(z, *many)), Streams(0)))
    assert found == pytest.approx(float(analytic.penalty(batch_of(Codes(z, *many)), Streams(0))), abs=0.02)
    with pytest.raises(UserError, match="kl is 'exact'"):
        method("vae", options={"kl": "exact"})


def test_repeated_noise_is_the_same_at_each_step_and_fresh_noise_is_not() -> None:
    x = method("vae").to_range(images(6))
    for draws, equal in (("repeated", True), ("fresh", False)):
        made, streams = method("vae", noise_draws=draws), Streams(0)
        one, two = (made.encode(x, streams) for _ in range(2))
        assert torch.equal(one.z, two.z) is equal
        assert one.mean is not None
        assert not np.allclose((one.z - one.mean).detach().std(0), 0.0)


def test_amsgrad_reaches_adam() -> None:
    made = method("vae", amsgrad=True, adam_second_moment=0.5)
    assert made.optimisers["autoencoder"].param_groups[0]["amsgrad"] is True
    made.step(images(8), Streams(0))
    state = next(iter(made.optimisers["autoencoder"].state.values()))
    assert float(state["max_exp_avg_sq"].min()) >= 0.49


def test_a_tiny_deviation_by_softplus_has_a_gradient() -> None:
    head = torch.tensor([-200.0, -20.0], requires_grad=True)
    found = log_variance_of(head, "softplus_sd").clamp(-50.0, 50.0)
    found.sum().backward()
    assert head.grad is not None
    assert head.grad.isfinite().all()
    assert found.tolist() == pytest.approx([-50.0, -40.0], abs=1e-4)


@pytest.mark.parametrize("kind", ["log_variance", "log_sd", "softplus_sd"])
def test_each_head_gives_the_spread_that_its_name_says(kind: str) -> None:
    head = torch.tensor([-3.0, -0.5, 0.0, 2.0], dtype=torch.float64)
    sd = {"log_variance": (head / 2).exp(), "log_sd": head.exp(), "softplus_sd": (1 + head.exp()).log()}[kind]
    torch.testing.assert_close((log_variance_of(head, kind) / 2).exp(), sd)


def test_the_mean_image_is_exact_and_takes_no_copy_of_all_images() -> None:
    made = method("wae_mmd", architecture="mlp", output_bias="mean_image")
    pixels = torch.randint(0, 256, (9001, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    taken = peak_bytes(lambda: made.fit(pixels), torch.device("cpu"))
    assert taken is not None
    assert taken < pixels.nbytes
    (bias,) = [value for value in made.decoder.state_dict().values() if value.shape == (64,)]
    assert torch.equal(bias, torch.logit(pixels.double().mean(0).flatten() / 255.0).float())


def test_the_last_bias_is_the_logit_of_the_clipped_mean_image() -> None:
    made = method("wae_mmd", architecture="mlp", output_bias="mean_image")
    pixels = images(7)
    pixels[:, 0, 0, 0], pixels[:, 0, 0, 1] = 0, 255
    before = {name: value.clone() for name, value in made.decoder.state_dict().items()}
    made.fit(pixels)
    mean = np.clip(pixels.numpy().reshape(7, -1).mean(0) / 255, 0.001, 0.999)
    changed = {name: v for name, v in made.decoder.state_dict().items() if not torch.equal(v, before[name])}
    (bias,) = changed.values()
    np.testing.assert_allclose(bias.numpy(), np.log(mean / (1 - mean)), rtol=1e-5)


def test_a_sampled_divergences_gradient_is_that_of_its_densities_and_its_strength_that_of_what_reaches_the_codes() -> (
    None
):
    torch.manual_seed(0)
    made = method("vae", latent_dim=3, options={"kl": "sampled"})
    mean, log_variance, noise = (torch.randn(5, 3, dtype=torch.float64) for _ in range(3))
    log_variance -= 4.6
    found = []
    for own in (True, False):
        leaves = [tensor.clone().requires_grad_() for tensor in (mean, log_variance)]
        z = leaves[0] + torch.exp(0.5 * leaves[1]) * noise
        if own:
            z.retain_grad()
            penalty, codes = made.penalty(batch_of(Codes(z, *leaves)), Streams(0)), z
        else:
            posterior = Gaussian(leaves[0], torch.exp(0.5 * leaves[1])).log_prob(z).sum(1)
            penalty = (posterior - Gaussian(0.0, 1.0).log_prob(z).sum(1)).mean()
        penalty.backward()
        found.append([penalty.detach(), *(leaf.grad for leaf in leaves)])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(codes.grad, codes.detach() / 5)  # and nothing of 1 / sd, which is about 10
