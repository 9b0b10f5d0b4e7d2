"""The sliced distance: closed forms, its gradient, what it must not see."""

import math

import pytest
import torch

from wae.mmd.sliced import sliced_w2_squared, unit_directions


def normal(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_shift_and_a_scale() -> None:
    z = normal(1500, 5, 4)
    directions = unit_directions(5, 1500, torch.Generator().manual_seed(0), z)
    shift = torch.tensor([0.3, -1.0, 0.0, 2.0, 0.5], dtype=torch.float64)
    # A projection moves by shift . u: exactly for these directions, |shift|^2 / d in the mean over all.
    exact = float((shift @ directions).square().mean())
    assert float(sliced_w2_squared(z[torch.randperm(1500)] + shift, z, directions)) == pytest.approx(exact, rel=1e-9)
    assert exact == pytest.approx(float(shift.square().sum()) / 5, rel=0.05)
    assert math.sqrt(float(sliced_w2_squared(3 * z, z, directions))) == pytest.approx(2.0, rel=0.05)
    assert float(sliced_w2_squared(z.flip(0), z, directions)) == pytest.approx(0.0, abs=1e-24)


def test_one_dimension_pairs_sorted_values() -> None:
    a, b = normal(50, 1, 5), normal(50, 1, 6) + 1.0
    expected = float((a.sort(0).values - b.sort(0).values).square().mean())
    directions = unit_directions(1, 3, torch.Generator().manual_seed(0), a)
    assert float(sliced_w2_squared(a, b, directions)) == pytest.approx(expected)


def test_directions_are_uniform_unit_vectors_of_their_generator() -> None:
    like = torch.zeros((), dtype=torch.float64)
    directions = unit_directions(3, 20_000, torch.Generator().manual_seed(1), like)
    assert directions.dtype == torch.float64
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(20_000, dtype=torch.float64))
    torch.testing.assert_close(
        directions @ directions.T / 20_000, torch.eye(3, dtype=torch.float64) / 3, atol=0.01, rtol=0
    )
    assert torch.equal(directions, unit_directions(3, 20_000, torch.Generator().manual_seed(1), like))


def test_gradients_in_both_arguments() -> None:
    a, b = normal(6, 3, 1).requires_grad_(), normal(6, 3, 2).requires_grad_()
    directions = unit_directions(3, 4, torch.Generator().manual_seed(3), a.detach())
    assert torch.autograd.gradcheck(lambda x, y: sliced_w2_squared(x, y, directions), [a, b])


def test_other_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        sliced_w2_squared(normal(5, 2, 0), normal(4, 2, 1), torch.eye(2, dtype=torch.float64))
