"""The MMD penalty by random features against the exact one."""

import math

import pytest
import torch
from torch import Tensor

from tests.shared.mmd import SCALES, double_loop, kernel_value, points
from wae.mmd.random_features import draw_frequencies, random_feature_mmd


@pytest.mark.parametrize("name", ["imq", "rbf"])
def test_frequencies_estimate_the_kernel(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    like = torch.zeros((), dtype=torch.float64)
    frequencies, weights = draw_frequencies(3, 60_001, name, SCALES, 2.0, generator, like)
    for r in ([0.0, 0.0, 0.0], [0.3, -0.2, 0.1], [1.0, 2.0, -1.0]):
        estimate = (weights * torch.cos(torch.tensor(r, dtype=torch.float64) @ frequencies)).sum().item()
        expected = sum(kernel_value(name, sum(v * v for v in r), 2.0 * s) for s in SCALES)
        assert estimate == pytest.approx(expected, abs=5 * math.sqrt(len(SCALES) / 20_000))


@pytest.mark.parametrize("name", ["imq", "rbf"])
def test_random_features_have_the_exact_penalty_as_their_mean(name: str) -> None:
    x, y = points(20, 3), points(20, 3, seed=1, shift=0.0)
    expected = double_loop(x, y, name, SCALES, 6.0)[0]
    generator = torch.Generator().manual_seed(0)

    def draws(features: int, count: int = 400) -> Tensor:
        options = {"kernel": name, "scales": SCALES, "base": 6.0, "features": features, "generator": generator}
        return torch.stack([random_feature_mmd(x, y, **options) for _ in range(count)])

    few, many = draws(30), draws(300)
    for values in (few, many):
        assert abs(values.mean().item() - expected) < 4.5 * values.std().item() / math.sqrt(len(values))
    assert 6.0 < (few.var() / many.var()).item() < 16.0  # variance falls as 1 / features
    assert many.std().item() < 0.3 * abs(expected)


def test_random_features_gradcheck_over_chunks(monkeypatch) -> None:
    monkeypatch.setattr("wae.mmd.random_features.CHUNK", 40)
    x, y = (points(k, 2, seed=k, dtype=torch.float64).requires_grad_() for k in (9, 7))

    def form(a: Tensor, b: Tensor) -> Tensor:
        return random_feature_mmd(a, b, base=4.0, features=14, generator=torch.Generator().manual_seed(1))

    assert torch.autograd.gradcheck(form, (x, y))


def test_random_features_follow_their_generator() -> None:
    x, y = points(6, 2), points(6, 2, seed=1)
    one, same, other = (
        random_feature_mmd(x, y, base=4.0, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_too_few_features_are_refused() -> None:
    with pytest.raises(ValueError, match="6 random features for 7 scales"):
        random_feature_mmd(torch.zeros(3, 2), torch.zeros(3, 2), base=1.0, features=6)
