"""The linear floor: against the singular value decomposition, and the method that projects."""

import numpy as np
import pytest
import torch

from baselines.pca import PCA
from tests.shared.evaluation import pictures
from tests.shared.models import images, method
from wae.evaluation import linear
from wae.evaluation.linear import pca_errors, sse_of_pca


def test_errors_are_those_of_the_singular_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "BLOCK", 70)  # a last block that is not full
    train, held_out = pictures(200, 1)[0], pictures(90, 2)[0]
    found = pca_errors(train, held_out)
    x, y = train.reshape(200, -1) / 255, held_out.reshape(90, -1) / 255
    mean = x.mean(0)
    _, _, directions = np.linalg.svd(x - mean, full_matrices=True)
    assert len(found) == 145
    for k in (0, 1, 8, 60, 144):
        basis = directions[:k]
        back = mean + (y - mean) @ basis.T @ basis
        assert found[k] == pytest.approx(((y - back) ** 2).sum(1).mean(), rel=1e-9, abs=1e-9)


def test_the_method_pca_is_at_the_floor() -> None:
    made = method("pca", latent_dim=5)
    assert isinstance(made, PCA)
    train, held_out = images(300), images(80, seed=1)
    made.fit(train)
    made.eval()
    with torch.no_grad():
        x = made.to_range(held_out)
        sse = float((made.activate(made.decoder(made.encode(x, None).z)) - x).flatten(1).square().sum(1).mean())
    floor = pca_errors(train.numpy(), held_out.numpy())
    assert sse_of_pca(sse, floor, 5)["sse_of_pca"] == pytest.approx(1.0, rel=1e-4)
    assert sse_of_pca(sse, floor, 6)["sse_of_pca"] > 1.0


def test_there_is_no_floor_of_more_components_than_the_training_images_vary_in() -> None:
    train, held_out = pictures(20, 1)[0], pictures(30, 2)[0]
    floor = pca_errors(train, held_out)
    assert len(floor) == 20  # of none to 19 components
    assert sse_of_pca(1.0, floor, 19) == sse_of_pca(1.0, floor, 60) == {}
    assert list(sse_of_pca(1.0, floor, 18)) == ["sse_of_pca"]


def test_large_images_and_codes_as_long_as_images_have_no_floor() -> None:
    assert pca_errors(np.zeros((2, 3, 64, 64), np.uint8), np.zeros((2, 3, 64, 64), np.uint8)) == []
    assert sse_of_pca(1.0, [], 8) == {}
    assert sse_of_pca(1.0, [2.0, 1.0, 0.0], 2) == {}
    assert sse_of_pca(1.0, [2.0, 1.0, 0.0], 1) == {"sse_of_pca": 1.0}
