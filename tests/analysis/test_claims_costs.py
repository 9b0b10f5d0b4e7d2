"""The judges of costs against timings made to support, refute and leave open their claims."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.shared.claims import FID, judge
from tests.shared.tables import results
from wae.analysis.claims.rules import cheaper
from wae.analysis.claims.verdicts import Verdict
from wae.analysis.costs.rows import Crossover, Growth, Meeting, TimingFits
from wae.analysis.files import TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.runs import TIMING_COLUMNS


def _timed(
    folder: Path, gan: float, mmd: float, band: float = 0.01, variants: dict[str, float] | None = None, rounds: int = 20
) -> Results:
    """Steps of both methods, in seconds; ``variants``: those of others, by subject."""
    found = results(folder, {("vae", FID): [1.0]})
    rows = []
    for method, seconds in {"wae_gan": gan, "wae_mmd": mmd, **(variants or {})}.items():
        row = {"study": "step", "dataset": "glyphs", "subject": method, "n": 100}
        row |= {"latent_dim": 8, "part": "total", "status": "ok", "rounds": rounds}
        rows.append(row | {"seconds": seconds, "low": seconds * (1 - band), "high": seconds * (1 + band)})
    pd.DataFrame(rows, columns=list(TIMING_COLUMNS)).to_csv(folder / "timing.csv", index=False)
    return found


@pytest.mark.parametrize(
    ("gan", "mmd", "band", "verdict"),
    [
        (0.02, 0.03, 0.01, Verdict.SUPPORTED),
        (0.03, 0.02, 0.01, Verdict.REFUTED),
        (0.03, 0.02, 0.5, Verdict.INCONCLUSIVE),
    ],
)
def test_faster_needs_intervals_apart(tmp_path: Path, gan: float, mmd: float, band: float, verdict: str) -> None:
    assert judge("faster", _timed(tmp_path, gan, mmd, band)).verdict == verdict


def test_fewer_than_six_rounds_decide_nothing(tmp_path: Path) -> None:
    assert judge("faster", _timed(tmp_path, 0.03, 0.02, rounds=5)).verdict == Verdict.NOT_TESTED


def test_many_cases_need_a_clearer_difference_to_refute() -> None:
    slow, fast = (1.041, 1.081), (1.0, 1.04)  # 2.9 standard errors of the difference
    assert [cheaper(slow, fast, tests) for tests in (1, 2, 40)] == [Verdict.REFUTED] * 2 + [Verdict.INCONCLUSIVE]
    assert cheaper(fast, slow, 40) == Verdict.SUPPORTED  # which every case must be


def _growth(
    subject: str, share: float, d: int = 8, error: float = 0.01, n_max: int = 4096, misfit: float = 0.02
) -> Growth:
    """A cost of which the claimed term has ``share``."""
    shares = (0.0, share, 1 - share) if subject == "gan" else (0.0, 1 - share, share)
    width, errors = 512 if subject == "gan" else None, (0.0, error, error)
    return Growth("penalty", "", subject, d, width, (0.0, 1.0, 1.0), shares, errors, 5, misfit, 32, n_max, 8)


def _fits(folder: Path, growth: list[Growth]) -> Results:
    found = _timed(folder, 0.03, 0.02)
    crossovers = []
    for d in dict.fromkeys(g.latent_dim for g in growth):
        status = Meeting.MEASURED if d == 8 else Meeting.EXTRAPOLATED
        bounds = (1000.0 * d, 900.0 * d, 1100.0 * d)
        crossovers.append(Crossover("penalty", "", d, 512, "mmd_fused", "gan", *bounds, status))
    TIMING_FITS.write(folder, TimingFits([], crossovers, [], growth))
    return found


@pytest.mark.parametrize(
    ("growth", "verdict"),
    [
        ([_growth("gan", 0.9), _growth("mmd_fused", 0.9)], Verdict.SUPPORTED),
        ([_growth("gan", 0.2), _growth("mmd_fused", 0.9)], Verdict.REFUTED),
        ([_growth("gan", 0.9), _growth("mmd_official_kept", 0.2)], Verdict.REFUTED),
        ([_growth("gan", 0.9), _growth("mmd_fused", 0.55, error=0.1)], Verdict.INCONCLUSIVE),
        ([_growth("gan", 0.9), _growth("mmd_official", 0.9, misfit=0.3)], Verdict.INCONCLUSIVE),
        (
            [_growth("gan", 0.9), _growth("mmd_official", 0.9, misfit=0.3), _growth("mmd_official_kept", 0.9)],
            Verdict.SUPPORTED,
        ),
        (
            [_growth("gan", 0.9), _growth("mmd_official", 0.9, misfit=0.3), _growth("mmd_official_kept", 0.9, d=2)],
            Verdict.INCONCLUSIVE,
        ),
        ([_growth("gan", 0.9), _growth("mmd_fused", 0.9, n_max=512)], Verdict.NOT_TESTED),
        ([_growth("mmd_fused", 0.9)], Verdict.NOT_TESTED),
        ([], Verdict.NOT_TESTED),
    ],
)
def test_cost_asks_for_the_share_of_the_claimed_term(tmp_path: Path, growth: list[Growth], verdict: Verdict) -> None:
    assert judge("cost", _fits(tmp_path, growth)).verdict == verdict


def test_cost_and_faster_say_at_which_latent_dimension_where_there_are_several(tmp_path: Path) -> None:
    def made(name: str, dimensions: list[int]) -> Results:
        (tmp_path / name).mkdir()
        pairs = [[_growth("mmd_fused", 0.9 + d / 100, d), _growth("gan", 0.95, d)] for d in dimensions]
        return _fits(tmp_path / name, [row for pair in pairs for row in pair])

    one, many = made("one", [8]), made("many", [2, 8])
    assert judge("cost", one).summary == (
        "At the largest n measured the term in n² has 98% of the cost of fused MMD; "
        "the term in n has 95% of the cost of latent discriminator 4 × 512."
    )
    assert judge("cost", many).summary == (
        "At the largest n measured the term in n² has 92% to 98% of the cost of fused MMD; "
        "the term in n has 95% to 95% of the cost of latent discriminator 4 × 512."
    )
    assert judge("faster", one).summary.endswith(
        "fused MMD and latent discriminator 4 × 512 cost the same near n = 8,000 (between measured sizes)."
    )
    assert judge("faster", many).summary.endswith(
        "fused MMD and latent discriminator 4 × 512 cost the same near n = 2,000* at d_z = 2, 8,000 at 8; "
        "*: beyond the measured sizes, by the fits."
    )
    fits = json.loads((tmp_path / "many/timing_fits.json").read_text())
    other = made("other", [2, 8])  # as two studies do, of one and of two threads
    twice = fits | {"crossovers": [*fits["crossovers"], *({**c, "n": 1.5 * c["n"]} for c in fits["crossovers"])]}
    (tmp_path / "other/timing_fits.json").write_text(json.dumps(twice))
    assert judge("faster", other).summary.endswith(
        "cost the same near n = 2,000* to 3,000* at d_z = 2, 8,000 to 12,000 at 8; "
        "*: beyond the measured sizes, by the fits."
    )
    fits["crossovers"][0]["n"] = None
    lone = made("lone", [2, 8])
    (tmp_path / "lone/timing_fits.json").write_text(json.dumps(fits))
    assert judge("faster", lone).summary.endswith("cost the same near n = 8,000 at d_z = 8.")
    for name in ("cost", "faster"):
        assert not any("d_z" in e.what for e in judge(name, one).evidence)
        assert sum("at d_z = 2" in e.what for e in judge(name, many).evidence) == (2 if name == "cost" else 1)


def test_faster_names_device_threads_and_networks(tmp_path: Path) -> None:
    found = _timed(tmp_path, 0.03, 0.02)
    machine = {"device": "cpu", "hardware": {"processor": "P"}, "threads": {"intra_op": 2}}
    (tmp_path / "timing_machine.json").write_text(json.dumps(machine))
    settings = {"architecture": "dcgan", "width": 16, "critic_depth": 4, "critic_width": 512}
    found.__dict__["cells"] = {("glyphs", "wae_gan"): settings}
    notes = {e.note for e in judge("faster", found).evidence}
    assert notes == {"P, 2 threads, dcgan of width 16, discriminator 4 × 512"}


def test_faster_judges_each_variant_against_the_one_of_equal_settings(tmp_path: Path) -> None:
    variants = {"wae_gan@width=64": 0.4, "wae_mmd@width=64": 0.2, "wae_mmd@width=128": 9.0}
    found = _timed(tmp_path, 0.018, 0.02, variants=variants)
    found.__dict__["cells"] = {
        ("glyphs", method): {"architecture": "dcgan", "width": width, "critic_depth": 4, "critic_width": 512}
        for method, width in (("wae_gan", 16), ("wae_gan@width=64", 64))
    }
    judged = judge("faster", found)
    assert judged.verdict == Verdict.REFUTED
    assert judged.summary == (
        "On glyphs at n = 100 a step of WAE-GAN takes 0.90 times that of WAE-MMD; "
        "on glyphs at n = 100, width = 64 a step of WAE-GAN takes 2.00 times that of WAE-MMD."
    )
    told = {e.what: (e.verdict, e.note) for e in judged.evidence}
    networks = "dcgan of width {}, discriminator 4 × 512"
    assert told["training step of WAE-GAN, n = 100"] == (Verdict.SUPPORTED, networks.format(16))
    assert told["training step of WAE-MMD, width = 64, n = 100"] == (Verdict.REFUTED, networks.format(64))
    assert len(told) == 4  # nothing stands beside width = 128
