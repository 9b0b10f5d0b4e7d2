"""Power laws, crossovers and ratios, from invented timings whose law is known."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wae.analysis.costs.fits import crossover, fits, last_rise, timing_fits
from wae.analysis.costs.growth import growth, share_interval
from wae.analysis.costs.power_laws import Curve, curves, fit
from wae.analysis.costs.rows import Meeting, TimingFits
from wae.analysis.files import TIMING_FITS

SIZES = np.array([32, 64, 128, 256, 512, 1024, 2048, 4096], float)


def curve(c: float, p: float, noise: float = 0.0, seed: int = 0, n: np.ndarray = SIZES, fixed: float = 0.0, **labels):
    generator = np.random.default_rng(seed)
    values = np.log(fixed + c * n**p) + noise * generator.standard_normal(len(n))
    wanted: dict[str, Any] = {"study": "penalty", "dataset": "", "subject": "mmd_fused", "latent_dim": 8}
    wanted |= {"critic_width": None} | labels
    return Curve(**wanted, n=n, log_seconds=values, errors=np.full(len(n), max(noise, 1e-6)))


def table(*found: Curve, status: str = "ok", rounds: int = 20) -> pd.DataFrame:
    rows = []
    for each in found:
        for n, y, e in zip(each.n, each.log_seconds, each.errors, strict=True):
            for part, factor in (("penalty", 0.5), ("total", 1.0)):
                seconds = {"seconds": factor * math.exp(y), "low": factor * math.exp(y - 1.96 * e)}
                seconds["high"] = factor * math.exp(y + 1.96 * e)
                width = math.nan if each.critic_width is None else each.critic_width
                labels = {**each.labels, "critic_width": width, "n": int(n), "part": part}
                rows.append(labels | seconds | {"status": status, "rounds": rounds})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("p", [1.0, 2.0, 2.37])
def test_an_exact_law_is_found(p: float) -> None:
    law = fit(curve(3e-7, p))
    assert law is not None
    assert law.p == pytest.approx(p, abs=1e-9)
    assert math.exp(law.log_c) == pytest.approx(3e-7, rel=1e-6)
    assert (law.n_min, law.n_max, law.points) == (512, 4096, 4)
    assert law.p_low <= law.p <= law.p_high


def test_small_sizes_do_not_count() -> None:
    law = fit(curve(1e-9, 2.0, fixed=1e-5))  # overhead up to about n = 100
    assert law is not None
    assert law.p == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_the_interval_holds_the_exponent_as_often_as_it_says(noise: float) -> None:
    hits = 0
    for seed in range(300):
        law = fit(curve(1e-6, 2.0, noise, seed))
        assert law is not None
        hits += law.p_low <= 2.0 <= law.p_high
    assert 0.93 <= hits / 300 <= 1.0
    assert 0.0 < law.p_high - law.p_low < 60 * noise


def test_the_interval_is_students_on_the_residuals() -> None:
    noisy = curve(1e-6, 2.0, noise=0.1)
    law = fit(Curve(**{**vars(noisy), "errors": np.full(len(SIZES), 1e-6)}))
    expected = stats.linregress(np.log(SIZES[-4:]), noisy.log_seconds[-4:])
    assert law is not None
    assert law.p == pytest.approx(expected.slope)
    assert law.p_high - law.p == pytest.approx(4.30265 * expected.stderr, rel=1e-4)  # t with 2 degrees of freedom
    assert law.p - law.p_low == pytest.approx(4.30265 * expected.stderr, rel=1e-4)


def test_the_medians_intervals_widen_a_lucky_line() -> None:
    exact = curve(1e-6, 2.0)
    unsure = Curve(**{**vars(exact), "errors": np.full(len(SIZES), 0.1)})
    law = fit(unsure)
    assert law is not None
    x = np.log(SIZES[-4:])
    expected = 1.96 * 0.1 / math.sqrt(float(((x - x.mean()) ** 2).sum()))
    assert law.p_high - law.p == pytest.approx(expected, rel=1e-3)


def test_two_sizes_are_no_law() -> None:
    assert fit(curve(1.0, 1.0, n=SIZES[:2])) is None
    assert fit(curve(1.0, 1.0, n=SIZES[:3])) is not None
    assert fits([curve(1.0, 1.0, n=SIZES[:2])]) == []


def test_measured_crossover() -> None:
    a, b = curve(1e-8, 2.0, noise=0.02), curve(1e-5, 1.0, noise=0.02, seed=1)  # meet at n = 1000
    found = crossover(a, b)
    assert found.status == "measured"
    assert found.low < found.n < found.high
    assert found.low < 1000 < found.high
    assert found.n == pytest.approx(1000, rel=0.1)
    exact = crossover(curve(1e-8, 2.0), curve(1e-5, 1.0))
    assert exact.n == pytest.approx(1000, rel=1e-6)


def test_the_measured_interval_covers() -> None:
    hits = 0
    for seed in range(200):
        found = crossover(curve(1e-8, 2.0, 0.05, seed), curve(1e-5, 1.0, 0.05, 1000 + seed))
        hits += found.low <= 1000 <= found.high
    assert hits / 200 >= 0.9


def test_crossovers_outside_the_sizes() -> None:
    cheap, dear = curve(1e-9, 2.0, noise=0.01), curve(1e-4, 1.0, noise=0.01, seed=1)  # meet at 1e5
    found = crossover(cheap, dear)
    assert found.status == "extrapolated"
    assert found.low < 1e5 < (found.high or math.inf)
    assert found.n == pytest.approx(1e5, rel=0.3)
    assert crossover(curve(1e-9, 1.0), curve(1e-4, 1.0)).status == "above grid"  # never meet
    assert crossover(curve(1e-12, 2.0), curve(1e-2, 1.0)).status == "above grid"  # at 1e10: too far to name
    above = crossover(curve(1e-9, 1.0), curve(1e-4, 1.0))
    assert (above.n, above.low, above.high) == (None, 4096.0, None)
    below = crossover(curve(1e-3, 2.0), curve(1e-5, 1.0))
    assert (below.n, below.high, below.status) == (None, 32.0, "below grid")


def test_a_crossover_beyond_the_cap_of_the_first() -> None:
    a = curve(1e-8, 2.0, n=SIZES[:4])  # up to 256; over the cap at 2048, where it would cost twice as much
    capped = Curve(**{**vars(a), "capped": (2048.0, math.log(1e-8 * 2048**2))})
    found = crossover(capped, curve(1e-5, 1.0))
    assert found.n == pytest.approx(1000, rel=1e-6)
    assert (found.low, found.high, found.status) == (256.0, 2048.0, "measured")
    cheap = Curve(**{**vars(a), "capped": (512.0, math.log(1e-8 * 512**2))})
    assert crossover(cheap, curve(1e-5, 1.0)).status == "extrapolated"
    unsure = curve(1e-8, 2.0, noise=0.05, n=SIZES[:6])  # dearer from 1000 on, but not clearly so at 1024
    unsure = Curve(**{**vars(unsure), "log_seconds": np.log(1e-8 * unsure.n**2)})
    assert crossover(unsure, curve(1e-5, 1.0)).high is None
    bounded = Curve(**{**vars(unsure), "capped": (2048.0, math.log(1e-8 * 2048**2))})
    found = crossover(bounded, curve(1e-5, 1.0))
    assert found.n == pytest.approx(1000, rel=1e-6)
    assert found.high == 2048.0


def test_only_common_sizes_are_compared() -> None:
    a, b = curve(1e-8, 2.0, n=SIZES[2:]), curve(1e-5, 1.0, n=SIZES[:7])
    assert crossover(a, b).n == pytest.approx(1000, rel=1e-6)
    assert crossover(curve(1.0, 1.0, n=SIZES[:3]), curve(1.0, 1.0, n=SIZES[4:])).status == "no common size"


def test_the_last_rise_counts() -> None:
    n = np.array([1.0, 2.0, 4.0, 8.0])
    assert last_rise(n, np.array([-1.0, 1.0, -1.0, 1.0])) == pytest.approx(math.sqrt(32.0))
    assert last_rise(n, np.array([1.0, -1.0, -1.0, -1.0])) is None


def test_curves_take_the_total_of_what_was_measured() -> None:
    frame = pd.concat(
        [
            table(curve(1e-8, 2.0, noise=0.05)),
            table(curve(1e-5, 1.0, subject="gan", critic_width=512)),
            table(curve(1e-5, 1.0, subject="gan", critic_width=1024), status="over_cap"),
        ]
    )
    found = curves(frame)
    assert [(c.subject, c.critic_width) for c in found] == [("mmd_fused", None), ("gan", 512)]
    assert found[0].capped is None
    late = table(curve(1e-8, 2.0, n=np.array([8192.0, 16384.0])), status="over_cap")
    late.loc[late["n"] == 16384, "seconds"] = math.nan  # not run
    assert curves(pd.concat([frame, late]))[0].capped == pytest.approx((8192, math.log(1e-8 * 8192**2)))
    few = pd.concat([frame, table(curve(1e-8, 2.0, n=np.array([8192.0])), rounds=5)])
    assert curves(few)[0].n.max() == 4096  # five rounds give no interval of their median
    enough = pd.concat([frame, table(curve(1e-8, 2.0, n=np.array([8192.0])), rounds=6)])
    assert curves(enough)[0].n.max() == 8192
    assert found[0].log_seconds == pytest.approx(curve(1e-8, 2.0, noise=0.05).log_seconds)
    assert found[0].errors == pytest.approx(0.05, rel=1e-3)


def test_the_written_document(tmp_path: Path) -> None:
    steps = [
        curve(2e-3, 1.0, study="step", dataset="digits", subject="wae_mmd@lambda_=2"),
        curve(5e-3, 1.0, study="step", dataset="digits", subject="wae_gan@lambda_=2", critic_width=512),
        curve(9e-3, 1.0, study="step", dataset="digits", subject="wae_gan@lambda_=3", critic_width=512),
        curve(9e-3, 1.0, study="step", dataset="other", subject="wae_gan@lambda_=2", critic_width=512),
    ]
    penalties = [curve(1e-8, 2.0, latent_dim=d) for d in (2, 8)]
    penalties += [curve(1e-5, 1.0, subject="gan", critic_width=w, latent_dim=8) for w in (512, 1024)]
    TIMING_FITS.write(tmp_path, timing_fits(table(*steps, *penalties)))
    document = TIMING_FITS.read(tmp_path)
    assert document == timing_fits(table(*steps, *penalties))
    assert len(document.fits) == 8
    first = next(f for f in document.fits if (f.subject, f.latent_dim) == ("mmd_fused", 2))
    assert (first.c, first.n_min, first.n_max) == (pytest.approx(1e-8), 512, 4096)
    met = [(c.a, c.b, c.critic_width, c.status) for c in document.crossovers if c.study == "penalty"]
    assert met == [("mmd_fused", "gan", width, Meeting.MEASURED) for width in (512, 1024)]
    assert {(r.a, r.b, r.dataset) for r in document.ratios} == {("wae_mmd@lambda_=2", "wae_gan@lambda_=2", "digits")}
    assert document.ratios[0].ratio == pytest.approx(2.5)


def test_a_study_that_measured_nothing() -> None:
    assert timing_fits(table(curve(1.0, 1.0), status="trimmed")) == TimingFits()


def test_the_shares_of_a_known_cost_are_found() -> None:
    exact = Curve("penalty", "", "x", 8, None, SIZES, np.log(1e-3 + 2e-6 * SIZES + 3e-9 * SIZES**2), np.full(8, 1e-4))
    found = growth(exact)
    assert found is not None
    assert found.terms == pytest.approx((1e-3, 2e-6, 3e-9), rel=1e-3)
    parts = np.array([1e-3, 2e-6 * 4096, 3e-9 * 4096**2])
    assert found.shares == pytest.approx(parts / parts.sum(), abs=1e-3)
    assert (found.n_min, found.n_max, found.points, found.freedom) == (32, 4096, 8, 5)
    assert found.misfit < 1e-6
    assert growth(curve(1.0, 1.0, n=SIZES[:4])) is None
    linear = growth(curve(1e-6, 1.0, noise=0.01))
    assert linear is not None
    assert linear.shares[1] > 0.95
    assert min(linear.terms) >= 0


def test_a_cost_of_another_law_lies_off_the_fit() -> None:
    jump = np.log(3e-9 * SIZES**2) + np.where(SIZES > 2000, 2.0, 0.0)  # a cache that is left, pages given back
    found = growth(Curve("penalty", "", "x", 8, None, SIZES, jump, np.full(8, 0.02)))
    assert found is not None
    assert found.misfit > 0.25


def test_the_interval_of_a_share_holds_it_as_often_as_it_says() -> None:
    b, c = 1e-6, 1e-6 / 4096  # half of the cost at the largest size each
    hits = [0, 0]
    for seed in range(150):
        noise = 0.03 * np.random.default_rng(seed).standard_normal(8)
        made = growth(
            Curve("penalty", "", "x", 8, None, SIZES, np.log(b * SIZES + c * SIZES**2) + noise, np.full(8, 0.03))
        )
        assert made is not None
        for power in (1, 2):
            low, high = share_interval(made, power)
            hits[power - 1] += low <= 0.5 <= high
    assert min(hits) / 150 >= 0.93
