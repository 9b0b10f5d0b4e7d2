import numpy as np
import pytest
import torch
from sklearn import decomposition

from baselines.pca import PCA
from tests.shared.models import method
from wae.compute.seeds import Streams
from wae.core.errors import UserError


def correlated(n: int) -> torch.Tensor:
    """Grey images 4x5 of three sources, uint8 (n, 1, 4, 5)."""
    rng = np.random.default_rng(3)
    x = 120 + rng.standard_normal((n, 3)) @ rng.uniform(-30, 30, (3, 20)) + rng.standard_normal((n, 20))
    return torch.from_numpy(x.clip(0, 255).astype(np.uint8)).view(n, 1, 4, 5)


@pytest.mark.parametrize(("pixel_range", "sigma_z"), [("zero_one", 1.0), ("minus_one_one", 2.5)])
def test_it_is_scikit_learns(pixel_range: str, sigma_z: float) -> None:
    images = correlated(500)
    made = method("pca", shape=(1, 4, 5), latent_dim=3, pixel_range=pixel_range, sigma_z=sigma_z)
    made.fit(images)
    reference = decomposition.PCA(3, svd_solver="full").fit(images.flatten(1).numpy() / 255.0)
    expected = reference.inverse_transform(reference.transform(images.flatten(1).numpy() / 255.0))
    codes = made.encode_images(images).z
    np.testing.assert_allclose(made.decode_pixels(codes).flatten(1).numpy(), expected, atol=2e-5)
    np.testing.assert_allclose(codes.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(np.cov(codes.T.numpy(), ddof=0), sigma_z**2 * np.eye(3), atol=2e-3 * sigma_z**2)
    spread = codes.T @ (images.flatten(1).double() - images.flatten(1).double().mean(0)).float()
    assert (spread.norm(dim=1).diff() < 0).all()  # the strongest component first


def test_pixels_are_not_squashed_and_a_step_moves_nothing() -> None:
    images = correlated(64)
    made = method("pca", shape=(1, 4, 5), latent_dim=2, cost_weight=0.5)
    made.fit(images)
    made.prepare_training()
    before = [p.detach().clone() for p in made.parameters()]
    scalars = made.step(images, Streams(0))
    x = images / 255.0
    error = (made.decode_pixels(made.encode_images(images).z) - x).square().flatten(1).sum(1).mean()
    assert float(scalars["loss"]) == pytest.approx(0.5 * float(error), rel=1e-5)
    assert float(made.decode_pixels(torch.tensor([[50.0, 0.0]])).max()) > 1.5
    assert all(torch.equal(a, b) for a, b in zip(before, made.parameters(), strict=True))


def test_more_codes_than_the_images_have_components_are_refused() -> None:
    images = correlated(4)  # which vary in three directions about their mean
    method("pca", shape=(1, 4, 5), latent_dim=3).fit(images)
    with pytest.raises(UserError, match="latent_dim is 4, these 4 images vary in 3 principal components; lower it"):
        method("pca", shape=(1, 4, 5), latent_dim=4).fit(images)
    constant = torch.full((9, 1, 4, 5), 200, dtype=torch.uint8)
    with pytest.raises(UserError, match="these 9 images vary in 0 principal components"):
        method("pca", shape=(1, 4, 5), latent_dim=1).fit(constant)


def test_more_codes_than_pixels_are_refused() -> None:
    with pytest.raises(UserError, match="latent_dim is 21, PCA has at most 20 components; lower it"):
        method("pca", shape=(1, 4, 5), latent_dim=21)
    assert PCA.facts().title == "PCA"
