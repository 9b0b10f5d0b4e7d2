"""What is scored besides samples: draws of a mixture fitted to the codes, and interpolations of codes."""

import math

import numpy as np
import pytest
import torch

from tests.shared.evaluation import make_run
from tests.shared.models import images
from tests.shared.models import method as build_method
from wae.core.errors import UserError
from wae.core.layout import RunFolder
from wae.evaluation import pictures
from wae.evaluation.subjects import Mixture, decode, encode, interpolate, load_method, middles, reconstruct


def test_mixture_recovers_clusters_and_mixes_them():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(-5, 0.5, (300, 2)), rng.normal(5, 1.0, (100, 2))])
    drawn = Mixture(codes, 2, seed=0).sample(4000, rng)
    right = drawn[:, 0] > 0
    assert right.mean() == pytest.approx(0.25, abs=0.03)
    assert drawn[right].std(0) == pytest.approx([1.0, 1.0], abs=0.15)
    assert drawn[~right].std(0) == pytest.approx([0.5, 0.5], abs=0.08)
    assert 0.15 < right[:200].mean() < 0.35  # not one component after the other
    assert Mixture(codes[:6], 10, seed=0).components == 3
    assert Mixture(codes[:3], 10, seed=0).components == 1
    with pytest.raises(UserError, match="cannot be fitted"):
        Mixture(np.full((10, 2), np.nan), 2, seed=0)


def test_interpolation_is_on_the_sphere_or_straight():
    a, b = torch.tensor([[3.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.0, 3.0], [2.0, 2.0]])
    middle = interpolate(a, b, 0.5, spherical=True)
    torch.testing.assert_close(middle[0], torch.tensor([3.0, 3.0]) / math.sqrt(2))
    torch.testing.assert_close(middle[1], torch.tensor([1.5, 1.5]))  # parallel: straight
    torch.testing.assert_close(interpolate(a, b, 0.5, spherical=False)[0], torch.tensor([1.5, 1.5]))
    for t, end in ((0.0, a), (1.0, b)):
        torch.testing.assert_close(interpolate(a, b, t, spherical=True), end)
    third = interpolate(a[:1], b[:1], 1 / 3, spherical=True)[0]
    assert math.degrees(math.atan2(third[1], third[0])) == pytest.approx(30, abs=1e-3)


def test_middles_pair_different_codes(tmp_path):
    run = make_run(tmp_path / "run", prior="uniform")
    method = load_method(run, tmp_path / "run/weights.safetensors", torch.device("cpu"))
    z = torch.eye(3)
    found = middles(method, z, 50, np.random.default_rng(0))
    assert ((found == 0.5).sum(1) == 2).all()


def test_a_mixture_of_too_few_codes_is_diagonal_and_fits_a_thousand_dimensions(capsys):
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(-3, 0.5, (60, 1000)), rng.normal(2, 2.0, (140, 1000))])
    mixture = Mixture(codes, 2, seed=0)
    assert "diagonal covariances: 200 codes are too few for 2 full ones in 1,000 dimensions" in capsys.readouterr().err
    drawn = mixture.sample(2000, rng)
    low = drawn.mean(1) < 0
    assert low.mean() == pytest.approx(0.3, abs=0.05)
    for chosen, mean, sd in ((low, -3, 0.5), (~low, 2, 2.0)):
        assert drawn[chosen].mean() == pytest.approx(mean, abs=0.1)
        assert drawn[chosen].std(0).mean() == pytest.approx(sd, rel=0.1)


def test_draws_of_a_mixture_have_its_covariances():
    """Two components that lie along different diagonals."""
    rng = np.random.default_rng(1)
    along, across = np.array([[2.0, 1.9], [1.9, 2.0]]), np.array([[2.0, -1.9], [-1.9, 2.0]])
    codes = np.concatenate(
        [rng.multivariate_normal([20, 0], along, 3000), rng.multivariate_normal([-20, 0], across, 1000)]
    )
    mixture = Mixture(codes, 2, seed=0)
    assert mixture.full
    drawn = mixture.sample(8000, rng)
    right = drawn[:, 0] > 0
    assert right.mean() == pytest.approx(0.75, abs=0.03)
    np.testing.assert_allclose(np.cov(drawn[right].T), along, atol=0.2)
    np.testing.assert_allclose(np.cov(drawn[~right].T), across, atol=0.3)


@pytest.mark.parametrize("draws", ["fresh", "repeated"])
def test_batches_that_are_scored_share_no_noise(draws):
    """``noise_draws`` is of training steps: codes of an encoder whose posterior is N(0, I) are all its own draws."""
    made = build_method("wae_mmd", encoder="gaussian", latent_dim=2, noise_draws=draws)
    for parameter in made.encoder.parameters():
        torch.nn.init.zeros_(parameter)
    codes = encode(made, images(2000).numpy(), 250, torch.Generator().manual_seed(0)).z
    assert len(codes.unique(dim=0)) == 2000
    assert codes.mean(0).abs().max() < 4 / math.sqrt(2000)


def test_a_batch_is_as_large_as_asked():
    made, passed = build_method("wae_mmd"), []
    for network in (made.encoder, made.decoder):
        network.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    given = images(600).numpy()
    z = encode(made, given, 400).z
    decode(made, z, 500)
    reconstruct(made, z, given, 600)
    assert passed == [400, 200, 500, 100, 600]


def test_pictures_of_sorted_files_are_of_all_classes(tmp_path, monkeypatch):
    made, shown = build_method("wae_mmd"), []
    monkeypatch.setattr(
        pictures, "encode", lambda made, images, *rest: (shown.append(images), encode(made, images, *rest))[1]
    )
    values = np.arange(10, dtype=np.uint8).repeat(100)[:, None, None, None] * np.ones((1, 1, 8, 8), np.uint8)
    pictures.save_pictures(made, values, RunFolder(tmp_path), torch.device("cpu"))
    for each in shown:
        assert len(np.unique(each[:, 0, 0, 0])) >= 7
