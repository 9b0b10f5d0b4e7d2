"""Claims as a file names them, the judge of divergences, and faults of the file."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.shared.claims import CLAIMS, FID, judge, spread
from tests.shared.report import experiment
from tests.shared.tables import results
from wae.analysis.claims import divergences
from wae.analysis.claims.judging import check_judges, judge_file
from wae.analysis.claims.verdicts import Verdict
from wae.analysis.results import Results
from wae.core.errors import UserError


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
    claims = judge_file(found, CLAIMS).claims
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
