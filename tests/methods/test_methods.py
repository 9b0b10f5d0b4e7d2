import importlib
import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.shared.models import IMPLEMENTATIONS, images, method, steps
from wae.compute.seeds import Streams
from wae.methods.batch import Codes, batch_of

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def brute_mmd(z: Tensor, y: Tensor, base: float) -> float:
    """The authors' estimate, pair by pair."""
    n = len(z)
    total = 0.0
    for scale in SCALES:
        c = base * scale
        for i in range(n):
            for j in range(n):
                if i != j:
                    total += c / (c + float((z[i] - z[j]).square().sum())) / (n * (n - 1))
                    total += c / (c + float((y[i] - y[j]).square().sum())) / (n * (n - 1))
                total -= 2.0 * c / (c + float((z[i] - y[j]).square().sum())) / n**2
    return total


def test_penalty_of_wae_mmd_is_the_authors_estimate() -> None:
    made = method("wae_mmd", latent_dim=3, sigma_z=1.5)
    z = torch.randn(7, 3, generator=torch.Generator().manual_seed(5)) * 2
    found = float(made.penalty(batch_of(Codes(z)), Streams(0)))
    prior = made.prior.sample(7, Streams(0)["prior"])
    assert found == pytest.approx(brute_mmd(z.double(), prior.double(), base=2 * 3 * 1.5**2), rel=1e-5)


def test_penalty_of_wae_mmd_falls_as_the_codes_come_to_the_prior() -> None:
    made = method("wae_mmd", latent_dim=3)
    z = torch.randn(500, 3, generator=torch.Generator().manual_seed(5))
    values = [float(made.penalty(batch_of(Codes(z + shift)), Streams(0))) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert all(a < b for a, b in pairwise(values))
    assert abs(values[0]) < 0.05


def test_mean_penalty_of_matching_codes_is_zero() -> None:
    """With its diagonal the within-terms would add 2 / n of each kernel; divided by n twice it would be far off."""
    made = method("wae_mmd", latent_dim=3)
    streams, generator = Streams(0), torch.Generator().manual_seed(9)
    draws = [Codes(torch.randn(10, 3, generator=generator)) for _ in range(400)]
    values = [float(made.penalty(batch_of(codes), streams)) for codes in draws]
    error = np.std(values) / math.sqrt(400)
    assert abs(np.mean(values)) < 4 * error
    assert error < 0.05


def test_random_features_estimate_the_same_penalty() -> None:
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(5)) + 0.7
    exact = float(method("wae_mmd", latent_dim=3).penalty(batch_of(Codes(z)), Streams(0)))
    made = method("wae_mmd_rff", latent_dim=3, random_features=60_000)
    assert float(made.penalty(batch_of(Codes(z)), Streams(0))) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("encoder", ["deterministic", "pixel_noise", "gaussian", "implicit"])
def test_encoder_noise_is_on_in_training_and_off_in_evaluation(encoder: str) -> None:
    made = method("wae_mmd", encoder=encoder).eval()
    streams = Streams(0)
    x = made.to_range(images(5))
    plain = made.encode(x, None).z
    assert torch.equal(plain, made.encode_images(images(5)).z)
    noisy = made.encode(x, streams).z
    assert torch.equal(plain, noisy) == (encoder == "deterministic")
    assert torch.equal(noisy, made.encode(x, Streams(0)).z)
    assert torch.equal(noisy, made.encode(x, streams).z) == (encoder == "deterministic")


def test_gaussian_codes_have_the_stated_mean_and_variance() -> None:
    made = method("wae_mmd", encoder="gaussian", latent_dim=2).eval()
    x = made.to_range(images(1)).expand(20_000, -1, -1, -1)
    codes = made.encode(x, Streams(0))
    assert codes.mean is not None
    assert codes.log_variance is not None
    torch.testing.assert_close(codes.z.mean(0), codes.mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(codes.z.var(0), codes.log_variance[0].exp(), rtol=0.05, atol=0)


@pytest.mark.parametrize(("prior", "bound"), [("sphere", None), ("uniform", 1.7)])
def test_codes_reach_the_priors_support(prior: str, bound: float | None) -> None:
    made = method("wae_mmd", prior=prior, sigma_z=1.7)
    z = made.encode(made.to_range(images(6)) * 100, Streams(0)).z
    if bound is None:
        torch.testing.assert_close(z.norm(dim=1), torch.full((6,), 1.7))
    else:
        assert z.abs().max() <= bound


def test_pixel_ranges_go_with_their_activations() -> None:
    ends = torch.tensor([[[[0, 255]]]], dtype=torch.uint8)
    outputs = torch.tensor([-40.0, -1.0, 0.0, 1.0, 40.0])
    zero_one, symmetric = (method("wae_mmd", pixel_range=name) for name in ("zero_one", "minus_one_one"))
    assert zero_one.to_range(ends).flatten().tolist() == [0.0, 1.0]
    assert symmetric.to_range(ends).flatten().tolist() == [-1.0, 1.0]
    expected = [1 / (1 + math.exp(-v)) for v in outputs.tolist()]
    assert zero_one.activate(outputs).tolist() == pytest.approx(expected, abs=1e-6)
    assert symmetric.activate(outputs).tolist() == pytest.approx([math.tanh(v) for v in outputs.tolist()], abs=1e-6)


@pytest.mark.parametrize("pixel_range", ["zero_one", "minus_one_one"])
def test_decoded_images_are_rounded_uint8_over_the_whole_range(pixel_range: str) -> None:
    made = method("wae_mmd", pixel_range=pixel_range)

    class Fixed(torch.nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return z[:, :, None, None]

    made.decoder = Fixed()
    scale = 1.0 if pixel_range == "zero_one" else 0.5  # tanh(v / 2) = 2 sigmoid(v) - 1
    shade = torch.logit(torch.tensor([[100.4 / 255, 100.6 / 255]])) * scale
    decoded = made.decode_images(torch.cat([shade, torch.tensor([[-50.0, 50.0]])]))
    assert decoded.dtype == torch.uint8
    assert decoded.flatten().tolist() == [100, 101, 0, 255]


def test_reconstruction_is_the_papers_factor_times_the_sum_of_squares() -> None:
    for cost, weight in (("l2sq", 0.05), ("l2", 0.2), ("l1", 0.02)):
        made = method("wae_mmd", cost=cost, cost_weight=weight)
        x, output = torch.rand(3, 1, 8, 8), torch.randn(3, 1, 8, 8)
        error = (torch.sigmoid(output) - x).double().numpy().reshape(3, -1)
        sums = {"l2sq": (error**2).sum(1), "l2": np.sqrt(1e-8 + (error**2).sum(1)), "l1": np.abs(error).sum(1)}
        assert float(made.reconstruction_loss(output, x)) == pytest.approx(weight * sums[cost].mean(), rel=1e-5)
    assert float(method("wae_mmd").reconstruction_loss(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8))) == (
        pytest.approx(0.05 * 64 * 0.25)
    )


def test_step_reports_loss_reconstruction_and_penalty() -> None:
    for name in IMPLEMENTATIONS:
        scalars = method(name, lambda_=3.0).step(images(8), Streams(0))
        assert float(scalars["loss"]) == pytest.approx(
            float(scalars["reconstruction"]) + 3.0 * float(scalars["penalty"]), rel=1e-5
        )
        assert not any(value.requires_grad for value in scalars.values())


def test_penalty_gradient_is_n_times_the_root_mean_square_gradient_at_a_code() -> None:
    for name, count in (("wae_mmd", 8), ("wae_gan", 8), ("wae_gan", 32)):
        made = method(name, lambda_=3.0)
        z = made.encode(made.to_range(images(count)), Streams(0)).z.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(made.penalty(batch_of(Codes(z)), Streams(0)), [z])
        expected = 3.0 * count * float(gradient.double().square().sum(1).mean().sqrt())
        reported = float(method(name, lambda_=3.0).step(images(count), Streams(0))["penalty_gradient"])
        assert reported == pytest.approx(expected, rel=1e-5)


def test_penalty_gradient_of_a_vae_is_that_at_means_and_log_variances() -> None:
    made = method("vae", lambda_=2.0)
    codes = made.encode(made.to_range(images(8)), Streams(0))
    assert codes.mean is not None
    assert codes.log_variance is not None
    slopes = torch.cat([codes.mean, (codes.log_variance.exp() - 1) / 2], dim=1)  # of the KL, times n
    expected = 2.0 * float(slopes.detach().square().sum(1).mean().sqrt())
    reported = method("vae", lambda_=2.0).step(images(8), Streams(0))["penalty_gradient"]
    assert float(reported) == pytest.approx(expected, rel=1e-5)
    assert float(method("ae").step(images(8), Streams(0))["penalty_gradient"]) == 0.0


@pytest.mark.parametrize("name", [name for name in IMPLEMENTATIONS if name != "pca"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
def test_every_method_learns(name: str, shape: tuple[int, ...]) -> None:
    made = method(name, shape, learning_rate=5e-3)
    losses = steps(made, images(64, shape), 25, 16)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_a_batch_of_two_and_bfloat16_work() -> None:
    for name in ("wae_mmd", "wae_gan", "vae"):
        assert math.isfinite(steps(method(name), images(2), 1, 2)[0])
        made = method(name)
        with torch.autocast("cpu", torch.bfloat16):
            low = made.step(images(16), Streams(0))
        high = method(name).step(images(16), Streams(0))
        assert low["loss"].dtype == torch.float32
        assert float(low["loss"]) == pytest.approx(float(high["loss"]), rel=0.05)


@pytest.mark.filterwarnings("default")  # the compiler's own
def test_compiled_networks_have_code_of_their_own_for_each_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))  # traced alike, and quick
    deterministic = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("default")
    counters = importlib.import_module("torch._dynamo.utils").counters
    counters.clear()
    try:
        for seed in range(5):  # five encoders at two sizes are more than the eight that the compiler lets share
            made = method("ae", seed=seed, compile=True)
            made.prepare_training()
            steps(made, images(24), 2, 12)
            steps(made, images(8), 2, 4)
        assert counters["stats"]["unique_graphs"] == 5 * 2 * 2  # seeds, encoder and decoder, sizes
        assert torch.are_deterministic_algorithms_enabled()  # the compiler's code too
    finally:
        torch.set_deterministic_debug_mode(deterministic)


def test_same_seed_same_weights_and_the_global_generator_stays() -> None:
    torch.manual_seed(3)
    first = method("wae_gan").state_dict()
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))
    second, other = method("wae_gan").state_dict(), method("wae_gan", seed=1).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_pixels_out_of_range_are_clamped_before_they_are_stored() -> None:
    pixels = torch.tensor([-0.5, -0.001, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 1.003, 7.0])
    assert method("wae_mmd").quantise(pixels).tolist() == [0, 0, 0, 0, 1, 255, 255, 255]


def test_a_batch_of_codes_alone_has_no_pixels() -> None:
    found = batch_of(Codes(torch.ones(3, 2)))
    assert found.x.shape == found.output.shape == (3, 0)
    assert torch.equal(found.codes.z, torch.ones(3, 2))
