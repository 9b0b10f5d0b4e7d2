"""Each judge against results made to support, refute and leave open its claim."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.shared.report import experiment
from tests.shared.tables import results
from wae.analysis.claims import divergences, judges
from wae.analysis.claims.judging import check_judges, judge_file
from wae.analysis.claims.rules import cheaper
from wae.analysis.claims.verdicts import Verdict, overall
from wae.analysis.costs.rows import Crossover, Growth, Meeting, TimingFits
from wae.analysis.files import TIMING_FITS
from wae.analysis.results import Results
from wae.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = {
    claim["judge"]: claim["parameters"] for claim in yaml.safe_load((ROOT / "config/claims.yaml").read_text())["claims"]
}


def judge(name: str, found: Results) -> Any:
    return judges.JUDGES[name](found, PARAMETERS[name])


def spread(mean: float, by: float = 1.0) -> list[float]:
    """Three seeds about a mean."""
    return [mean - by, mean, mean + by]


FID = "fid_classifier/prior"


@pytest.mark.parametrize(
    ("gan", "mmd", "vae", "verdict"),
    [
        (50, 70, 140, Verdict.SUPPORTED),
        (70, 50, 140, Verdict.REFUTED),
        (50, 70, 30, Verdict.REFUTED),
        (68, 70, 140, Verdict.INCONCLUSIVE),
        (69.9, 70, 140, Verdict.REFUTED),
    ],
)
def test_quality_follows_the_order(tmp_path: Path, gan: float, mmd: float, vae: float, verdict: str) -> None:
    scores = {("wae_gan", FID): spread(gan), ("wae_mmd", FID): spread(mmd), ("vae", FID): spread(vae)}
    found = judge("quality", results(tmp_path, scores))
    assert found.verdict == verdict
    first = found.evidence[0]
    assert first.value == pytest.approx(np.exp(np.mean(np.log(spread(gan))) - np.mean(np.log(spread(mmd)))))
    assert first.low < first.value < first.high


def test_quality_needs_three_seeds(tmp_path: Path) -> None:
    scores = {(method, FID): [1.0, 2.0] for method in ("wae_gan", "wae_mmd", "vae")}
    assert judge("quality", results(tmp_path, scores)).verdict == Verdict.NOT_TESTED


def test_one_counterexample_refutes_and_untested_parts_do_not_count() -> None:
    assert overall([Verdict.SUPPORTED, Verdict.REFUTED]) == Verdict.REFUTED
    assert overall([Verdict.SUPPORTED, Verdict.INCONCLUSIVE]) == Verdict.INCONCLUSIVE
    assert overall([Verdict.SUPPORTED, Verdict.NOT_TESTED]) == Verdict.SUPPORTED
    assert overall([Verdict.NOT_TESTED]) == Verdict.NOT_TESTED
    assert overall([]) == Verdict.NOT_TESTED


@pytest.mark.parametrize(
    ("vae", "wae", "verdict"),
    [
        (0.010, 0.018, Verdict.SUPPORTED),
        (0.018, 0.010, Verdict.REFUTED),
        (0.030, 0.040, Verdict.REFUTED),
        (0.0175, 0.018, Verdict.INCONCLUSIVE),
        (0.0179, 0.018, Verdict.REFUTED),
    ],
)
def test_blur_compares_with_data_and_both_waes(tmp_path: Path, vae: float, wae: float, verdict: str) -> None:
    key = "sharpness/prior"
    scores = {("vae", key): spread(vae, 2e-4), ("wae_mmd", key): spread(wae, 2e-4), ("wae_gan", key): spread(wae, 2e-4)}
    real = {("real_data", "sharpness/data"): [0.025]}
    assert judge("blur", results(tmp_path, scores | real)).verdict == verdict


def test_blur_needs_real_datas_sharpness(tmp_path: Path) -> None:
    scores = {(method, "sharpness/prior"): spread(1.0, 0.1) for method in ("vae", "wae_mmd", "wae_gan")}
    assert judge("blur", results(tmp_path, scores)).verdict == Verdict.NOT_TESTED


@pytest.mark.parametrize(
    ("wae", "by", "verdict"),
    [
        (6.0, 0.1, Verdict.SUPPORTED),
        (3.0, 0.1, Verdict.REFUTED),
        (5.0, 0.1, Verdict.INCONCLUSIVE),
        (5.01, 0.01, Verdict.REFUTED),  # equal within the margin
        (5.11, 0.005, Verdict.INCONCLUSIVE),  # larger, but by no more than the margin for sure
    ],
)
def test_information_compares_waes_of_the_vaes_code(tmp_path: Path, wae: float, by: float, verdict: str) -> None:
    key, name = "mutual_information/codes", "wae_mmd@encoder=gaussian"
    scores = {("vae", key): spread(5.0, by), (name, key): spread(wae, by)}
    assert judge("information", results(tmp_path, scores)).verdict == verdict
    tuned = results(tmp_path, scores, settings={"vae": {"lambda_": 3.0}})
    assert judge("information", tuned).verdict == Verdict.NOT_TESTED
    other = {name: {"latent_dim": 64}}
    assert judge("information", results(tmp_path, scores, settings=other)).verdict == Verdict.NOT_TESTED


def test_information_near_its_bound_says_at_least(tmp_path: Path) -> None:
    name, bound = "wae_mmd@encoder=gaussian", math.log(1000)
    scores = {
        ("vae", "mutual_information/codes"): spread(4.0, 0.01),
        ("vae", "mutual_information_bound/codes"): [bound] * 3,
        (name, "mutual_information/codes"): spread(bound - 0.05, 0.01),
    }
    found = judge("information", results(tmp_path, scores))
    assert (found.verdict, "a difference of at least 2.86 nats" in found.summary) == (Verdict.SUPPORTED, True)
    both = scores | {("vae", "mutual_information/codes"): spread(bound - 0.09, 0.001)}
    assert judge("information", results(tmp_path / "both", both)).verdict == Verdict.NOT_TESTED


@pytest.mark.parametrize(
    ("effect", "narrow", "verdict"),
    [
        ([0.01, 0.02, 0.0], [0.9, 0.91, 0.92], Verdict.SUPPORTED),
        ([-0.03, 0.02, 0.0], [0.9, 0.91, 0.92], Verdict.SUPPORTED),  # a debiased distance can be negative
        ([0.4, 0.41, 0.42], [0.9, 0.91, 0.92], Verdict.REFUTED),
        (
            [0.01, 0.02, 0.0],
            [0.1, 0.11, 0.12],
            Verdict.REFUTED,
        ),  # one collapsed dimension, to which the distance is blind
        ([0.05, 0.2, 0.1], [0.9, 0.91, 0.92], Verdict.INCONCLUSIVE),
        ([0.01, 0.02, 0.0], [0.3, 0.5, 0.7], Verdict.INCONCLUSIVE),
    ],
)
def test_match_needs_an_effect_below_the_margin_and_no_collapse(
    tmp_path: Path, effect: list[float], narrow: list[float], verdict: Verdict
) -> None:
    name = "wae_mmd@latent_dim=64"
    scores = {
        (name, "latent_mmd_p/codes"): [0.01, 0.5, 0.6],
        (name, "latent_sw2_debiased/codes"): effect,
        (name, "latent_sd_ratio_min/codes"): narrow,
    }
    found = judge("match", results(tmp_path / "high", scores, settings={name: {"latent_dim": 64}}))
    assert found.verdict == verdict
    assert "1 of 3 seeds reject" in found.summary
    low = judge("match", results(tmp_path / "low", scores, settings={name: {"latent_dim": 8}}))
    assert low.verdict == Verdict.NOT_TESTED
    assert low.evidence[0].value == pytest.approx(np.mean(effect))  # a small code is a control


def _sweep(wide: float, other_prior: float) -> tuple[dict[tuple[str, str], list[float]], dict[str, dict[str, Any]]]:
    scores = {
        ("wae_mmd", FID): spread(50),
        ("wae_mmd@latent_dim=64", FID): spread(60),
        ("wae_mmd@latent_dim=128", FID): spread(wide),
        ("wae_mmd@prior=uniform", FID): spread(other_prior),
    }
    settings = {
        "wae_mmd@latent_dim=64": {"latent_dim": 64},
        "wae_mmd@latent_dim=128": {"latent_dim": 128},
        "wae_mmd@prior=uniform": {"prior": "uniform"},
    }
    return scores, settings


@pytest.mark.parametrize(
    ("wide", "other_prior", "verdict"),
    [
        (70, 70, Verdict.SUPPORTED),
        (30, 70, Verdict.REFUTED),
        (70, 30, Verdict.REFUTED),
        (49.9, 70, Verdict.SUPPORTED),
    ],
)
def test_latent_needs_one_allowed_setting_no_worse_than_every_rival(
    tmp_path: Path, wide: float, other_prior: float, verdict: str
) -> None:
    scores, settings = _sweep(wide, other_prior)
    assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == verdict


def test_latent_is_open_where_a_rival_is_too_noisy(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    scores["wae_mmd@latent_dim=128", FID] = spread(50, 15)
    assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == Verdict.INCONCLUSIVE


def test_a_mixture_is_a_rival_of_the_normal_prior(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    scores["wae_mmd", "fid_classifier/mixture"] = spread(30)
    assert judge("latent", results(tmp_path, scores, settings=settings)).verdict == Verdict.REFUTED


def test_each_size_may_have_a_weight_of_its_own_and_none_is_picked_by_what_is_judged(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    scores = {(_weighted(method), metric): seeds for (method, metric), seeds in scores.items()}
    settings = {_weighted(method): values | {"lambda_": 30.0} for method, values in settings.items()}
    found = judge("latent", results(tmp_path / "tuned", scores, settings=settings))
    assert found.verdict == Verdict.SUPPORTED
    assert "by d_z, 50 with 8, 60 with 64, 70 with 128" in found.summary
    rival = "wae_mmd@latent_dim=128+lambda_=3"
    settings[rival] = {"latent_dim": 128, "lambda_": 3.0}
    several = results(tmp_path / "several", scores | {(rival, FID): spread(30)}, settings=settings)
    assert judge("latent", several).verdict == Verdict.NOT_TESTED
    alone = {"wae_mmd@lambda_=30": {"lambda_": 30.0}}  # another weight at the config's size is no rival of its own
    more = results(tmp_path / "alone", scores | {("wae_mmd@lambda_=30", FID): spread(10)}, settings=settings | alone)
    assert judge("latent", more).summary == found.summary


def _weighted(method: str) -> str:
    return f"{method}+lambda_=30" if "@" in method else method


def test_priors_are_compared_at_each_size_of_the_code(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    name = "wae_mmd@prior=sphere+latent_dim=64"
    settings[name] = {"prior": "sphere", "latent_dim": 64}
    for other, verdict in ((80, Verdict.SUPPORTED), (30, Verdict.REFUTED)):
        measured = results(tmp_path / str(other), scores | {(name, FID): spread(other)}, settings=settings)
        found = judge("latent", measured)
        assert found.verdict == verdict
        assert f"WAE-MMD at d_z = 64 has, by prior, 60 with normal, {other} with sphere" in found.summary
    scores |= {("wae_mmd@latent_dim=64", "fid_classifier/mixture"): spread(30), (name, FID): spread(80)}
    assert judge("latent", results(tmp_path / "mixture", scores, settings=settings)).verdict == Verdict.REFUTED


def test_a_vae_of_another_weight_is_no_vae(tmp_path: Path) -> None:
    scores = {("wae_gan", FID): spread(50), ("wae_mmd", FID): spread(70), ("vae", FID): spread(140)}
    tuned = results(tmp_path, scores, settings={"vae": {"lambda_": 3.0}})
    assert judge("quality", tuned).verdict == Verdict.NOT_TESTED
    assert tuned.title("vae") == "β-VAE"


def test_latent_needs_both_sweeps(tmp_path: Path) -> None:
    scores, settings = _sweep(70, 70)
    del scores["wae_mmd@prior=uniform", FID]
    found = judge("latent", results(tmp_path, scores, settings=settings))
    assert found.verdict == Verdict.NOT_TESTED
    assert "other priors" in found.summary


def _timed(folder: Path, gan: float, mmd: float, band: float = 0.01) -> Results:
    found = results(folder, {("vae", FID): [1.0]})
    rows = []
    for method, seconds in (("wae_gan", gan), ("wae_mmd", mmd)):
        row = {"study": "step", "dataset": "glyphs", "subject": method, "n": 100, "part": "total", "status": "ok"}
        rows.append(row | {"seconds": seconds, "low": seconds * (1 - band), "high": seconds * (1 + band)})
    pd.DataFrame(rows).to_csv(folder / "timing.csv", index=False)
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


def test_divergences_hold_as_computed_and_fail_when_changed(tmp_path: Path) -> None:
    found = results(tmp_path, {("vae", FID): [1.0]})
    study = divergences.study()
    (tmp_path / "divergences.json").write_text(json.dumps(study))
    assert judge("divergences", found).verdict == Verdict.CALCULATED
    for name, key, value in (
        ("js", "gradient", 0.1),
        ("js", "value", 0.5),
        ("w2", "gradient", 1e-3),
        ("kl", "value", 3.0),
    ):
        changed = json.loads(json.dumps(study))
        row = next(
            r for r in changed["rows"]
            if (r["family"], r["divergence"], r["parameter"]) == ("lower-dimensional", name, 2.0)
        )  # fmt: skip
        row[key] = value
        folder = tmp_path / f"{name}_{key}"
        folder.mkdir()
        other = results(folder, {("vae", FID): [1.0]})
        (folder / "divergences.json").write_text(json.dumps(changed))
        assert judge("divergences", other).verdict == Verdict.REFUTED, (name, key)


@pytest.mark.parametrize(
    ("sliced", "gan", "verdict"),
    [
        (0.1, 0.9, Verdict.SUPPORTED),
        (0.1, 0.1, Verdict.REFUTED),  # the discriminator's gradient does bring them there
        (0.9, 0.9, Verdict.REFUTED),
        (0.3, 0.9, Verdict.INCONCLUSIVE),  # 0.25 farther than its near start: the limit itself
        (0.1, None, Verdict.CALCULATED),
    ],
)
def test_divergences_are_decided_by_far_starts_in_training(
    tmp_path: Path, sliced: float, gan: float | None, verdict: Verdict
) -> None:
    key = "latent_sw2_debiased/codes"
    ends = {"swae@sigma_z=30.0": sliced, "wae_gan@sigma_z=30.0": gan, "wae_mmd@sigma_z=30.0": 0.3}
    scores = {(name, key): spread(end, 0.05) for name, end in ends.items() if end is not None}
    near = {name.partition("@")[0]: 0.05 for name, _ in scores}
    scores |= {(name, key): spread(end, 0.005) for name, end in near.items()}
    far = {name: {"sigma_z": 30.0} for name in ends}
    found = results(tmp_path, scores, settings=far)
    (tmp_path / "divergences.json").write_text(json.dumps(divergences.study()))
    judged = judge("divergences", found)
    assert judged.verdict == verdict
    assert sum("started far" in e.what for e in judged.evidence) == len(scores) / 2
    assert ("0.05 [" in judged.summary) == (sliced == 0.1)


def test_every_claim_of_the_file_is_judged(tmp_path: Path) -> None:
    found = Results(experiment(tmp_path, datasets=("digits",)))
    claims = judge_file(found, ROOT / "config/claims.yaml").claims
    assert [claim.number for claim in claims] == list(range(1, 9))
    assert {Verdict.SUPPORTED, Verdict.NOT_TESTED} <= {claim.verdict for claim in claims}
    assert all("{" not in claim.threshold for claim in claims)
    assert found.claims()["verdict"].tolist() == [claim.verdict for claim in claims]


CLAIM = {
    "id": "x",
    "statement": "A statement of ten letters",
    "source": "somebody",
    "test": "A test of ten letters",
    "threshold": "At least {seeds} seeds",
    "judge": "quality",
    "parameters": {"seeds": 3},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"judge": "qualty"}, r"x: unknown judge 'qualty'.*did you mean 'quality'"),
        ({"parameters": {}}, r"x\.threshold: no parameter 'seeds'"),
        ({"parameters": {"seeds": "three"}}, r"claims\.0\.parameters\.seeds: 'three' is not of type 'number'"),
        ({"verdict": "supported"}, r"'verdict' was unexpected"),
    ],
)
def test_a_faulty_claim_is_one_clear_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [CLAIM | change]}))
    with pytest.raises(UserError, match=message) as found:
        check_judges(path)
    assert "\n" not in str(found.value)


def test_the_same_claim_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [CLAIM, CLAIM]}))
    with pytest.raises(UserError, match="there are two claims 'x'"):
        check_judges(path)


def test_broken_yaml_and_a_missing_file_are_told(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    with pytest.raises(UserError, match="no such file"):
        check_judges(path)
    path.write_text("claims: [")
    with pytest.raises(UserError, match="not valid YAML"):
        check_judges(path)
