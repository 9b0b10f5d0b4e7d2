"""Reconstruction scores and sharpness against independent definitions and libraries."""

import warnings

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from wae.evaluation.reconstruction import reconstruction_scores, ssim, ssim_map
from wae.evaluation.sharpness import sharpness


def images(n: int, channels: int, height: int, width: int, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(n, channels, height, width)), (0, 0, 1.5, 1.5))
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return torch.from_numpy(np.round(smooth * 255).astype(np.uint8))


def noisy(x: torch.Tensor, amount: float, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.clip(x.numpy() + rng.normal(0, amount, x.shape), 0, 255).round().astype(np.uint8))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 20)])
def test_ssim_is_scikit_images_inside_the_image(shape):
    x = images(4, *shape, seed=1)
    y = noisy(x, 20)
    inside = (..., slice(5, -5), slice(5, -5))
    found = ssim_map(x.double() / 255, y.double() / 255).numpy()
    for a, b, own in zip(x.numpy() / 255, y.numpy() / 255, found, strict=True):
        mean, full = structural_similarity(
            a, b, channel_axis=0, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            full=True,
        )  # fmt: skip
        np.testing.assert_allclose(own[inside], full[inside], rtol=1e-6, atol=1e-9)
        assert own[inside].mean() == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("shape", [(3, 24, 20), (1, 8, 8), (1, 6, 11)])
def test_ssim_is_torchmetrics(shape):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchmetrics.functional.image import structural_similarity_index_measure

    x = images(5, *shape, seed=2)
    y = noisy(x, 30)
    a, b = x.double() / 255, y.double() / 255
    expected = structural_similarity_index_measure(b, a, data_range=1.0, reduction="none")
    np.testing.assert_allclose(ssim(a, b).numpy(), expected.numpy(), rtol=1e-6)
    np.testing.assert_allclose(ssim(a.float(), b.float()).numpy(), expected.numpy(), rtol=1e-3)


def test_ssim_of_tiny_images():
    x = images(3, 1, 4, 5, seed=8)
    found = ssim(x.float() / 255, noisy(x, 60).float() / 255)
    assert ((found > -1) & (found < 1)).all()
    assert ssim(x.float(), x.float()).tolist() == pytest.approx([1.0] * 3)


def test_scores_by_their_definitions_whatever_the_batch():
    x = images(7, 3, 16, 12, seed=3)
    y = noisy(x, 25)
    a, b = x.numpy() / 255, y.numpy() / 255
    found = reconstruction_scores(x, y, batch_size=3)
    assert found["mse"] == pytest.approx(np.mean((a - b) ** 2), rel=1e-6)
    assert found["l1"] == pytest.approx(np.mean(np.abs(a - b)), rel=1e-6)
    per_image = [peak_signal_noise_ratio(p, q, data_range=1.0) for p, q in zip(a, b, strict=True)]
    assert found["psnr"] == pytest.approx(np.mean(per_image), rel=1e-6)
    assert found["ssim"] == pytest.approx(float(ssim(x.float() / 255, y.float() / 255).mean()), rel=1e-6)


def test_perfect_and_worse_reconstructions():
    x = images(4, 1, 12, 12, seed=4)
    perfect = reconstruction_scores(x, x)
    assert (perfect["mse"], perfect["l1"]) == (0.0, 0.0)
    assert perfect["ssim"] == pytest.approx(1.0)
    assert perfect["psnr"] == pytest.approx(20 * np.log10(510))
    mild, strong = (reconstruction_scores(x, noisy(x, amount)) for amount in (8, 40))
    assert mild["mse"] < strong["mse"]
    assert mild["psnr"] > strong["psnr"]
    assert mild["ssim"] > strong["ssim"]
    with pytest.raises(ValueError, match="differ"):
        reconstruction_scores(x, x[:3])


def test_sharpness_is_the_variance_of_the_laplacian():
    x = images(6, 1, 14, 10, seed=5)
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    expected = np.mean([ndimage.convolve(i[0] / 255, kernel)[1:-1, 1:-1].var() for i in x.numpy()])
    assert sharpness(x, batch_size=4) == pytest.approx(expected, rel=1e-5)


def test_sharpness_of_colours_is_that_of_their_grey():
    x = images(3, 3, 10, 10, seed=6)
    grey = np.einsum("c,nchw->nhw", [0.2989, 0.587, 0.114], x.numpy() / 255)
    expected = np.mean([ndimage.laplace(g)[1:-1, 1:-1].var() for g in grey])
    assert sharpness(x) == pytest.approx(expected, rel=1e-5)


def test_blur_lowers_sharpness():
    x = images(5, 1, 20, 20, seed=7)
    blurred = torch.from_numpy(ndimage.gaussian_filter(x.numpy().astype(float), (0, 0, 1, 1)).astype(np.uint8))
    assert sharpness(blurred) < 0.5 * sharpness(x)
