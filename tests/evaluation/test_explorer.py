"""explorer.json: a packed decoder draws what the suite draws, or says why it is left out."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from tests.shared import models
from wae.evaluation import explorer
from wae.methods.base import Method
from wae.models.priors import Normal

CASES: dict[str, dict[str, Any]] = {
    "dcgan": {},
    "kernel five": {"kernel_size": 5, "extra_dense": 9, "activation": "elu"},
    "kernel three, tanh": {"kernel_size": 3, "pixel_range": "minus_one_one", "activation": "leaky_relu"},
    "kernel two": {"kernel_size": 2, "batch_norm": False, "activation": "softplus", "initialisation": "glorot"},
    "biased statistics": {"running_variance": "biased", "dropout": 0.3},
    "mlp": {"architecture": "mlp", "activation": "tanh", "running_variance": "biased"},
    "sphere": {"prior": "sphere"},
    "uniform": {"prior": "uniform", "latent_dim": 3},
}


def trained(name: str = "wae_mmd", shape: tuple[int, ...] = (1, 8, 8), **changes: Any) -> Method:
    """A method with random weights of a trained one's size, and normalisations far from doing nothing."""
    made = models.method(name, shape, **changes)
    generator = torch.Generator().manual_seed(5)

    def noise(tensor: torch.Tensor) -> torch.Tensor:
        return torch.randn(tensor.shape, generator=generator)

    with torch.no_grad():
        for module in made.decoder.modules():
            if isinstance(module, nn.Linear | nn.ConvTranspose2d):
                fan_in = module.weight[:, 0].numel() if isinstance(module, nn.ConvTranspose2d) else module.in_features
                module.weight.copy_(noise(module.weight) * 2 / fan_in**0.5)
                for bias in filter(torch.is_tensor, [module.bias]):
                    bias.copy_(noise(bias) / 4)
            elif isinstance(module, nn.modules.batchnorm._BatchNorm):
                parts = {**dict(module.named_parameters()), **dict(module.named_buffers())}
                for name in ("running_mean", "weight", "bias"):
                    parts[name] += noise(parts[name]) / 2
                parts["running_var"] *= torch.rand(parts["running_var"].shape, generator=generator) + 0.5
    return made.eval().requires_grad_(False)


def document(made: Method, codes: np.ndarray | None = None) -> dict[str, Any]:
    """Its document, for codes drawn from the prior unless given."""
    draws = made.prior.sample(120, torch.Generator().manual_seed(1)).numpy().astype(float)
    codes = draws[:60] if codes is None else codes
    labels = np.arange(len(codes)) % 3
    return explorer.explorer(made, codes, labels, draws[60:], torch.Generator().manual_seed(2))


@pytest.mark.parametrize("case", CASES)
def test_a_packed_decoder_draws_what_the_suite_draws(case: str) -> None:
    made = trained(shape=(3, 8, 8) if case == "kernel five" else (1, 8, 8), **CASES[case])
    found = document(made)
    assert found["left_out"] is None
    z = made.prior.sample(50, torch.Generator().manual_seed(3))
    drawn = explorer.draw(found, z).mul(255).round().to(torch.int)
    expected = made.decode_images(z).to(torch.int)
    assert int((drawn - expected).abs().max()) <= 1
    assert int(expected.max()) - int(expected.min()) > 20  # of a picture, not a plain ground


def test_packed_numbers_come_back_within_half_a_step() -> None:
    rng = np.random.default_rng(0)
    numbers, arrays = explorer.Numbers(), {}
    for name, steps in (("coarse", 5), ("fine", 30_000)):
        values = rng.standard_normal((6, 35)) * np.array([1e-3, 1, 40, 0, 1, 2])[:, None]
        arrays[name] = values, steps, numbers.add(*explorer.rounded(values, steps))
    for values, steps, packed in arrays.values():
        back = explorer.unpack({"numbers": numbers.text()}, packed)
        step = np.abs(values).max(1, keepdims=True) / steps
        assert (np.abs(back - values) <= 0.501 * step + 1e-12).all()
        assert (np.abs(back - values).max(1) >= 0.3 * step[:, 0]).all()


def test_rounding_for_what_comes_in_moves_the_output_less() -> None:
    rng = np.random.default_rng(0)
    weight, mixed = rng.standard_normal((30, 40)), rng.standard_normal((6, 40))
    x, others = (np.maximum(rng.standard_normal((n, 6)) @ mixed, 0.0) for n in (2000, 500))
    found = {}
    for name, (whole, scales) in {
        "plain": explorer.rounded(weight.T, 50),
        "for x": explorer.rounded_for(weight, x, 50),
    }.items():
        assert whole.shape == (40, 30)
        found[name] = np.abs(others @ (whole * scales[:, None]) - others @ weight.T).max()
    assert found["for x"] < 0.7 * found["plain"]
    assert np.abs(explorer.rounded_for(weight, np.zeros((9, 40)), 50)[0] - explorer.rounded(weight.T, 50)[0]).max() == 0


def test_axes_are_the_principal_ones() -> None:
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((500, 4)) @ rng.standard_normal((4, 4)) + 3
    axes = explorer.main_axes(codes)
    theirs = PCA(4).fit(codes).components_
    assert np.allclose(np.abs(axes @ theirs.T), np.eye(4), atol=1e-9)
    assert (axes[np.arange(4), np.abs(axes).argmax(1)] > 0).all()
    assert explorer.main_axes(codes[:, :1]).tolist() == [[1.0]]


def test_points_are_coordinates_on_the_axes() -> None:
    made = trained()
    codes = np.random.default_rng(0).standard_normal((40, 4)) * [3, 1, 2, 0.5]
    found = document(made, codes)
    axes = explorer.unpack(found, found["axes"])
    points = explorer.unpack(found, found["points"]["codes"]).T
    assert np.allclose(points @ axes, codes, atol=5e-3)
    assert np.allclose(np.sort(found["spread"])[::-1], found["spread"])  # the widest axis first
    uniform = trained(prior="uniform")
    cube = document(uniform)
    kept = explorer.unpack(cube, cube["axes"])
    assert np.allclose(kept, np.eye(4), atol=1e-4)  # a cube is not the same from every side


def test_the_share_in_holes_is_that_of_a_brute_force() -> None:
    rng = np.random.default_rng(0)
    codes, near, away = rng.standard_normal((80, 3)), rng.standard_normal((50, 3)), rng.standard_normal((50, 3)) + 3
    limit, far = explorer.far_from(codes, {"near": near, "away": away})
    own = [min(np.linalg.norm(a - b) for j, b in enumerate(codes) if j != i) for i, a in enumerate(codes)]
    assert limit == pytest.approx(np.quantile(own, 0.95))
    for name, points in (("near", near), ("away", away)):
        shares = [min(np.linalg.norm(a - b) for b in codes) > limit for a in points]
        assert far[name] == pytest.approx(np.mean(shares))
    assert far["away"] > 0.5 > far["near"]


class Scaled(nn.Module):
    """A layer that no page knows."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return 2 * input


def test_what_the_page_cannot_draw_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    pca = models.method("pca")
    pca.fit(models.images(60))
    assert document(pca.eval())["left_out"] == (
        "the pixels of PCA are made in a way of its own, which the page lacks"  # they are not squashed
    )
    made = trained()
    assert "too few" in document(made, np.zeros((2, 4)))["left_out"]
    made.decoder = nn.Sequential(made.decoder, Scaled())
    assert document(made)["left_out"] == "the page runs no Scaled layer"
    monkeypatch.setattr(explorer, "LARGEST", 100)
    assert "the page runs up to 100" in document(trained())["left_out"]
    made = trained()
    made.settings = made.settings.model_copy(update={"architecture": "mine.nets:build"})
    assert document(made)["left_out"].startswith("mine.nets:build is a network of its own")


def test_steps_grow_in_number_until_the_pictures_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "SMALL", 0)
    made = trained()
    monkeypatch.setattr(explorer, "TOLERANCE", 30.0)
    coarse = document(made)
    monkeypatch.setattr(explorer, "TOLERANCE", coarse["error"] / 8)
    fine = document(made)
    assert fine["error"] <= coarse["error"] / 8
    assert len(fine["numbers"]) > len(coarse["numbers"])
    monkeypatch.setattr(explorer, "TOLERANCE", 1e-9)
    assert "the page shows up to 1e-09" in document(made)["left_out"]


def test_a_prior_of_ones_own_keeps_its_axes() -> None:
    class Other(Normal):
        pass

    made = trained()
    made.prior = Other(4, 1.0)
    found = document(made, np.random.default_rng(0).standard_normal((40, 4)) * [3, 1, 2, 0.5])
    assert np.allclose(explorer.unpack(found, found["axes"]), np.eye(4), atol=1e-4)
