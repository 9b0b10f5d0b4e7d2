"""The MMD penalties against a double loop over pairs, in pure Python."""

import math

import pytest
import torch
from torch import Tensor

from tests.shared.mmd import SCALES, double_loop, points
from wae.core.errors import UserError
from wae.core.scales import IMQ_SCALES
from wae.mmd import fused
from wae.mmd.estimators import mmd_official, mmd_penalty
from wae.mmd.random_features import random_feature_mmd


def gradients(form, x: Tensor, y: Tensor, **options) -> tuple[Tensor, Tensor, Tensor]:
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    value = form(x, y, **options)
    return value.detach(), *torch.autograd.grad(value, [x, y])


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 16 points a side, so that few points make many tiles and ragged edges."""
    fused.release()
    monkeypatch.setattr(fused, "TILE_EDGE", 16)
    yield
    fused.release()


FORMS = [mmd_penalty, mmd_official]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["imq", "rbf"])
@pytest.mark.parametrize(("n", "d"), [(2, 1), (3, 5), (40, 2)])
def test_equals_the_double_loop(form, name: str, n: int, d: int) -> None:
    x, y = points(n, d), points(n, d, seed=1, shift=0.0)
    expected, magnitude = double_loop(x, y, name, SCALES, 1.7)
    assert abs(expected) > 1e-3 * magnitude  # else a reversed sign could pass
    assert form(x, y, kernel=name, scales=SCALES, base=1.7).item() == pytest.approx(expected, abs=1e-6 * magnitude)
    value = form(x.double(), y.double(), kernel=name, scales=SCALES, base=1.7)
    assert value.item() == pytest.approx(expected, abs=1e-13 * magnitude)


@pytest.mark.parametrize("name", ["imq", "rbf"])
@pytest.mark.parametrize(("n", "m"), [(50, 50), (33, 47), (16, 64), (70, 17)])
def test_many_tiles_equal_the_double_loop(small_tiles, name: str, n: int, m: int) -> None:
    x, y = points(n, 3), points(m, 3, seed=1, shift=0.0)
    expected, magnitude = double_loop(x, y, name, SCALES, 1.7)
    value = mmd_penalty(x, y, kernel=name, scales=SCALES, base=1.7)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected, abs=1e-6 * magnitude)


@pytest.mark.parametrize("name", ["imq", "rbf"])
@pytest.mark.parametrize("sides", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize(("n", "m"), [(2, 2), (9, 9), (35, 18), (18, 35)])
def test_gradcheck(small_tiles, name: str, sides: tuple[bool, bool], n: int, m: int) -> None:
    pair = [
        points(k, 2, seed=k + i, dtype=torch.float64).requires_grad_(side)
        for i, (k, side) in enumerate(zip((n, m), sides, strict=True))
    ]
    assert torch.autograd.gradcheck(lambda a, b: mmd_penalty(a, b, kernel=name, scales=SCALES, base=1.7), pair)


@pytest.mark.parametrize("name", ["imq", "rbf"])
def test_gradients_equal_the_official_form(small_tiles, name: str) -> None:
    x, y = points(45, 4), points(45, 4, seed=1, shift=0.0)
    exact = gradients(mmd_official, x.double(), y.double(), kernel=name, scales=SCALES, base=8.0)
    ours = gradients(mmd_penalty, x, y, kernel=name, scales=SCALES, base=8.0)
    for found, expected in zip(ours, exact, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6 * expected.abs().max().item())
    for found, expected in zip(
        gradients(mmd_penalty, x.double(), y.double(), kernel=name, scales=SCALES, base=8.0), exact, strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_upstream_gradient_scales_ours() -> None:
    x, y = points(8, 2).requires_grad_(), points(8, 2, seed=1).requires_grad_()
    one = torch.autograd.grad(mmd_penalty(x, y, base=4.0), [x, y])
    three = torch.autograd.grad(-3.0 * mmd_penalty(x, y, base=4.0), [x, y])
    for a, b in zip(one, three, strict=True):
        torch.testing.assert_close(b, -3.0 * a)


def test_large_sample_is_as_exact_as_promised() -> None:
    x, y = points(700, 8), points(700, 8, seed=1, shift=0.0)
    exact = gradients(mmd_official, x.double(), y.double(), base=16.0)
    ours = gradients(mmd_penalty, x, y, base=16.0)
    magnitude = 4 * len(IMQ_SCALES)  # the four means of a kernel sum are at most 7 each
    assert abs(ours[0].item() - exact[0].item()) < 1e-8 * magnitude
    for found, expected in zip(ours[1:], exact[1:], strict=True):
        assert (found - expected).abs().max() < 5e-6 * expected.abs().max()


def test_default_is_the_papers_sum_of_seven_kernels() -> None:
    x, y = points(12, 3), points(12, 3, seed=1, shift=0.0)
    scales = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    expected, magnitude = double_loop(x, y, "imq", scales, 6.0)
    assert mmd_penalty(x, y, base=6.0).item() == pytest.approx(expected, abs=1e-6 * magnitude)


def test_may_be_negative_and_is_not_clipped() -> None:
    x = torch.tensor([[0.0], [2.0]])
    y = torch.tensor([[0.01], [2.01]])
    assert mmd_penalty(x, y, base=1.0) < -0.5


@pytest.mark.parametrize("offset", [1e3, -1e4])
def test_codes_far_from_the_origin_lose_no_digits(offset: float) -> None:
    x, y = points(30, 4), points(30, 4, seed=1, shift=0.0)
    x, y = (((p * 256).round() / 256) for p in (x, y))  # so that the shift is exact in float32
    near = gradients(mmd_penalty, x, y, base=8.0)
    far = gradients(mmd_penalty, x + offset, y + offset, base=8.0)
    for a, b in zip(near, far, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_codes_far_from_the_prior_lose_no_digits() -> None:
    x, y = points(30, 4).mul(256).round().div(256) + 1e4, points(30, 4, seed=1)
    expected, magnitude = double_loop(x, y, "imq", IMQ_SCALES, 8.0)
    assert mmd_penalty(x, y, base=8.0).item() == pytest.approx(expected, abs=1e-6 * magnitude)
    exact = gradients(mmd_official, x.double(), y.double(), base=8.0)
    for found, wanted in zip(gradients(mmd_penalty, x, y, base=8.0), exact, strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=1e-3, atol=1e-7)


def test_collapsed_codes() -> None:
    x, y = torch.ones(20, 3), points(20, 3)
    value, g_x, _ = gradients(mmd_penalty, x, y, base=6.0)
    expected, magnitude = double_loop(x, y, "imq", IMQ_SCALES, 6.0)
    assert value.item() == pytest.approx(expected, abs=1e-6 * magnitude)
    assert g_x.isfinite().all()


def test_rounding_of_huge_codes_makes_no_negative_distance() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 5, generator=generator) * 1400.0
    x = torch.cat([x, x])  # each twice, so that distances of 0 are rounded to -1, -2 ...
    value, g_x, _ = gradients(mmd_penalty, x, points(80, 5), base=1.0)
    assert 0.0 < value < 14.0
    assert g_x.abs().max() < 1.0


def test_same_bits_each_time_whatever_ran_between() -> None:
    x, y = points(300, 4), points(300, 4, seed=1)
    first = gradients(mmd_penalty, x, y, base=8.0)
    for n in (2, 300, 17):  # another content in the kept buffers, and other buffers
        gradients(mmd_penalty, points(n, 4, seed=5) * 100.0, points(n, 4, seed=6), base=8.0)
    again = gradients(mmd_penalty, x, y, base=8.0)
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a, b)


def test_a_result_outlives_the_next_call() -> None:
    x, y = points(10, 2).requires_grad_(), points(10, 2, seed=1)
    value = mmd_penalty(x, y, base=4.0)
    before = value.item()
    mmd_penalty(x.detach() * 3.0, y, base=4.0)
    assert value.item() == before
    (gradient,) = torch.autograd.grad(value, [x])
    torch.testing.assert_close(gradient, gradients(mmd_penalty, x.detach(), y, base=4.0)[1])


def test_gradients_are_computed_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, run = [], fused.Workspace.run
    monkeypatch.setattr(fused.Workspace, "run", lambda self, *a: wanted.append(tuple(a[2])) or run(self, *a))
    x, y = points(5, 2).requires_grad_(), points(5, 2, seed=1)
    mmd_penalty(x, y, base=4.0)
    mmd_penalty(y, x, base=4.0)
    with torch.no_grad():
        mmd_penalty(x, x, base=4.0)
    assert wanted == [(True, False), (False, True), (False, False)]


@pytest.mark.parametrize("form", [mmd_penalty, random_feature_mmd])
def test_a_second_derivative_is_refused(form) -> None:
    x = points(5, 2).requires_grad_()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(form(x, points(5, 2, seed=1), base=4.0), [x], create_graph=True)


def test_layouts_and_dtypes() -> None:
    x, y = points(20, 6), points(20, 6, seed=1, shift=0.0)
    expected = mmd_penalty(x, y, base=4.0)
    assert torch.equal(mmd_penalty(x.T.contiguous().T, y.repeat(1, 2)[:, :6], base=4.0), expected)
    half = mmd_penalty(x.bfloat16(), y, base=4.0)
    assert half.dtype == torch.float32
    assert torch.equal(half, mmd_penalty(x.bfloat16().float(), y, base=4.0))
    assert mmd_penalty(x.double(), y, base=4.0).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(mmd_penalty(x, y, base=4.0), expected)


def test_broken_codes_give_a_broken_penalty() -> None:
    x = points(5, 2)
    x[3, 1] = math.nan
    assert mmd_penalty(x, points(5, 2), base=4.0).isnan()


@pytest.mark.parametrize("form", [*FORMS, random_feature_mmd])
@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (torch.zeros(1, 2), torch.zeros(1, 2), {}, "at least 2"),
        (torch.zeros(0, 2), torch.zeros(0, 2), {}, "at least 2"),
        (torch.zeros(3, 0), torch.zeros(3, 0), {}, "d >= 1"),
        (torch.zeros(3, 2), torch.zeros(3, 4), {}, r"\(3, 4\)"),
        (torch.zeros(3), torch.zeros(3), {}, r"\(n, d\)"),
        (torch.zeros(3, 2), torch.zeros(3, 2), {"base": 0.0}, "positive"),
        (torch.zeros(3, 2), torch.zeros(3, 2), {"base": math.inf}, "finite"),
        (torch.zeros(3, 2), torch.zeros(3, 2), {"scales": ()}, "at least one scale"),
        (torch.zeros(3, 2), torch.zeros(3, 2), {"scales": (1.0, -1.0)}, "positive"),
        (torch.zeros(3, 2, dtype=torch.complex64), torch.zeros(3, 2), {}, "real"),
    ],
)
def test_bad_input_is_refused(form, x: Tensor, y: Tensor, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        form(x, y, **{"base": 4.0, **options})


def test_an_unknown_kernel_is_named() -> None:
    with pytest.raises(UserError, match="did you mean 'imq'"):
        mmd_penalty(torch.zeros(3, 2), torch.zeros(3, 2), kernel="img", base=1.0)


def test_the_official_form_wants_equal_counts() -> None:
    with pytest.raises(ValueError, match="3 codes and 4"):
        mmd_official(torch.zeros(3, 2), torch.zeros(4, 2), base=1.0)


# Random features -------------------------------------------------------------------------------------
