"""One verdict per claim over several experiments, and whether its rules are older than the runs."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from tests.shared.tables import results
from wae.analysis.claims import fixing
from wae.analysis.claims.judging import judge_folders
from wae.analysis.claims.pool import Pool
from wae.analysis.claims.verdicts import Fixed, JudgedClaim, Rules, Verdict
from wae.analysis.files import CLAIMS
from wae.commands.claims import claims
from wae.compute import checkout
from wae.core.errors import UserError
from wae.core.files import read_json, write_json

FID = "fid_classifier/prior"
GOOD = {"wae_gan": [49, 50, 51], "wae_mmd": [69, 70, 71], "vae": [139, 140, 141]}
QUALITY = {
    "id": "quality",
    "statement": "WAE-GAN is best, WAE-MMD next",
    "source": "somebody",
    "test": "A test of ten letters",
    "threshold": "A threshold of letters",
    "judge": "quality",
    "parameters": {"seeds": 3, "margin": 0.05},
}


def made(folder: Path, values: Mapping[str, Sequence[float]], metric: str = FID, **options: object) -> Path:
    """An experiment of three methods, its divergences left out."""
    results(folder, {(method, metric): list(found) for method, found in values.items()}, **options)  # type: ignore[arg-type]
    write_json(folder / "divergences.json", {"rows": [], "power": []})
    return folder


def judged(tmp_path: Path, *folders: Path) -> JudgedClaim:
    file = tmp_path / "claims.yaml"
    file.write_text(yaml.safe_dump({"claims": [QUALITY]}))
    return judge_folders(folders, file).claims[0]


def test_one_experiment_that_contradicts_refutes_whatever_the_others_say(tmp_path: Path) -> None:
    good = made(tmp_path / "good", GOOD)
    bad = made(tmp_path / "bad", GOOD | {"wae_gan": [89, 90, 91]})
    assert judged(tmp_path, good).verdict == Verdict.SUPPORTED
    both = judged(tmp_path, good, bad)
    assert both.verdict == Verdict.REFUTED
    assert {found.dataset for found in both.evidence} == {"glyphs (good)", "glyphs (bad)"}
    assert len(both.evidence) == 6
    assert judged(tmp_path, bad, good).verdict == Verdict.REFUTED


def test_holms_correction_is_over_all_experiments(tmp_path: Path) -> None:
    near: dict[str, list[float]] = {"wae_gan": [51.7, 52.7, 53.7], "wae_mmd": [49, 50, 51], "vae": [139, 140, 141]}
    folders = [made(tmp_path / f"e{k}", {m: [v * (1 + k / 10) for v in x] for m, x in near.items()}) for k in range(4)]
    alone = judged(tmp_path, folders[0])
    (first,) = [e for e in alone.evidence if "WAE-GAN over WAE-MMD" in e.what]
    assert first.verdict == Verdict.REFUTED  # p is between 0.0125 and 0.05
    together = judged(tmp_path, *folders)
    found = [e for e in together.evidence if "WAE-GAN over WAE-MMD" in e.what]
    assert [e.verdict for e in found] == [Verdict.INCONCLUSIVE] * 4  # the same p-values, but four of them
    assert together.verdict == Verdict.INCONCLUSIVE


def test_support_needs_every_part_and_no_correction(tmp_path: Path) -> None:
    clear: dict[str, list[float]] = {"wae_gan": [45, 50, 55], "wae_mmd": [60, 66, 72], "vae": [139, 140, 141]}
    folders = [made(tmp_path / f"e{k}", {m: [v * (1 + k / 10) for v in x] for m, x in clear.items()}) for k in range(4)]
    together = judged(tmp_path, *folders)
    notes = [e.note for e in together.evidence if "WAE-GAN over WAE-MMD" in e.what]
    assert together.verdict == Verdict.SUPPORTED
    assert all("p = 0.09" in note for note in notes), notes  # Holm's, of 0.024 each


def test_each_experiment_keeps_its_primary_measure_and_its_reference(tmp_path: Path) -> None:
    one = made(tmp_path / "one", GOOD)
    scores = {(method, "fid_inception/prior/train"): list(values) for method, values in GOOD.items()}
    other = {(method, "fid_inception/prior/test"): [200.0, 1.0, 900.0] for method in GOOD}  # of no account
    results(tmp_path / "two", {**scores, **other}, reference="train")
    write_json(tmp_path / "two/divergences.json", {"rows": [], "power": []})
    two = tmp_path / "two"
    found = judged(tmp_path, one, two)
    assert found.verdict == Verdict.SUPPORTED
    said = {e.dataset: e.what for e in found.evidence}
    assert "inception" in said["glyphs (two)"].lower()
    assert "classifier" in said["glyphs (one)"]


def test_a_vae_of_another_weight_is_called_beta_vae_and_decides_nothing(tmp_path: Path) -> None:
    tuned = made(tmp_path / "tuned", GOOD, settings={"vae": {"lambda_": 3.0}})
    assert judged(tmp_path, tuned).verdict == Verdict.NOT_TESTED
    pool = Pool([tuned, made(tmp_path / "plain", GOOD | {"wae_gan": [48, 49, 50]})])
    assert pool.methods == ["wae_gan", "wae_mmd", "beta_vae@lambda_=3", "vae"]
    assert (pool.title("vae"), pool.title("beta_vae@lambda_=3")) == ("VAE", "β-VAE, β = 3")


def test_a_recorded_folder_needs_no_runs_csv(tmp_path: Path) -> None:
    folder = made(tmp_path / "recorded", GOOD)
    plan = read_json(folder / "plan.json")
    cells = [run | {"settings": run["training"]} for run in plan["runs"]]
    write_json(folder / "manifest.json", {"experiment": "recorded", "config": plan["config"], "plan": cells})
    whole = judged(tmp_path, folder)
    (folder / "runs.csv").unlink()
    (folder / "plan.json").unlink()
    assert judged(tmp_path, folder).evidence == whole.evidence


def test_what_would_count_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one, copy, other = made(tmp_path / "one", GOOD), made(tmp_path / "copy", GOOD), made(tmp_path / "x/one", GOOD)
    for folders, message in (
        ((one, one), "the same name 'one' as"),
        ((one, copy), r"copy: the same tables as .*one; give one of the two"),
        ((one, other), "the same name 'one' as"),
        ((tmp_path / "empty",), r"neither metrics\.csv nor timing\.csv"),
        ((), "no folder given"),
    ):
        with pytest.raises(UserError, match=message):
            judged(tmp_path, *folders)


def test_the_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [made(tmp_path / "good", GOOD), made(tmp_path / "bad", GOOD | {"wae_gan": [89, 90, 91]})]
    file = tmp_path / "claims.yaml"
    file.write_text(yaml.safe_dump({"claims": [QUALITY]}))
    claims(folders, file, tmp_path / "out")
    row = "| 1 | WAE-GAN is best, WAE-MMD next | refuted | glyphs (bad) |"
    text = (tmp_path / "out/claims.md").read_text()
    assert row in capsys.readouterr().out
    assert row in text
    assert text.count("\n| glyphs (") == 6
    document = CLAIMS.read(tmp_path / "out")
    assert [basis.experiment for basis in document.basis] == ["good", "bad"]
    assert all(basis.fixed is Fixed.UNKNOWN and len(basis.digests) == 1 for basis in document.basis)


class Repository:
    """A git repository with rules in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "wae/analysis/claims").mkdir(parents=True)
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        command = ["git", "-C", str(self.root), *who, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()

    def commit(self, name: str, text: str) -> str:
        (self.root / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", "x")
        return self.git("rev-parse", "HEAD")


def test_rules_are_older_or_younger_than_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(tmp_path / "house")
    for module in (checkout, fixing):
        monkeypatch.setattr(module, "ROOT", repository.root)
    (repository.root / "wae/analysis/costs").mkdir()
    (repository.root / "wae/analysis/statistics.py").write_text("")
    claims_file = repository.root / "claims.yaml"
    first = repository.commit("claims.yaml", yaml.safe_dump({"claims": [QUALITY]}))
    ruled = repository.commit("wae/analysis/claims/rules.py", "margin = 1")
    later = repository.commit("README.md", "words")
    rules = fixing.rules_of(claims_file)
    assert rules == Rules(ruled, changed=False)
    assert fixing.fixed(rules, [later], exact=True) is Fixed.BEFORE
    assert fixing.fixed(rules, [ruled], exact=True) is Fixed.BEFORE
    assert fixing.fixed(rules, [later], exact=False) is Fixed.UNKNOWN  # the manifest's commit may be younger
    assert fixing.fixed(rules, [first], exact=False) is Fixed.AFTER
    assert fixing.fixed(rules, [later, first], exact=True) is Fixed.AFTER
    assert fixing.fixed(rules, ["0" * 40], exact=True) is Fixed.UNKNOWN
    assert fixing.fixed(rules, [], exact=True) is Fixed.UNKNOWN
    (repository.root / "wae/analysis/claims/rules.py").write_text("margin = 2")
    changed = fixing.rules_of(claims_file)
    assert changed == Rules(ruled, changed=True)
    assert fixing.fixed(changed, [later], exact=True) is Fixed.AFTER
    (repository.root / "wae/analysis/claims/rules.py").write_text("margin = 1")
    repository.commit("wae/analysis/claims/fixing.py", "words")  # keeps the books and gives no verdict
    assert fixing.rules_of(claims_file) == Rules(ruled, changed=False)
    outside = tmp_path / "outside.yaml"
    outside.write_text(claims_file.read_text())
    assert fixing.rules_of(outside) == Rules(None, None)


@pytest.mark.parametrize("name", ["experiment.py", "runs.py", "sweeps.py"])
def test_code_that_chooses_the_scores_is_of_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert (fixing.ROOT / "wae/analysis" / name).is_file()  # where it is moved, the list must follow
    repository = Repository(tmp_path / "house")
    for module in (checkout, fixing):
        monkeypatch.setattr(module, "ROOT", repository.root)
    repository.commit("claims.yaml", yaml.safe_dump({"claims": [QUALITY]}))
    chosen = repository.commit(f"wae/analysis/{name}", "primary = 1")
    assert fixing.rules_of(repository.root / "claims.yaml") == Rules(chosen, changed=False)


def test_the_runs_own_commits_count_before_the_manifests(tmp_path: Path) -> None:
    member = results(tmp_path / "e", {("vae", FID): [1.0, 2.0]})
    for seed, commit in ((0, "a"), (1, "b")):
        write_json(tmp_path / f"e/glyphs/vae/seed{seed}/run.json", {"status": "finished", "commit": commit})
    assert fixing.run_commits(member) == (["a", "b"], True)
    write_json(tmp_path / "e/glyphs/vae/seed1/run.json", {"status": "finished", "commit": None})
    assert fixing.run_commits(member) == (["a"], False)
    member.__dict__["manifest"] = {"commit": "c", "run_commits": ["", "d"]}
    assert fixing.run_commits(member) == (["d"], False)
    member.__dict__["manifest"] = {"commit": "c", "run_commits": ["d"]}
    assert fixing.run_commits(member) == (["d"], True)
    timed = results(tmp_path / "timed", {})
    write_json(tmp_path / "timed/timing_machine.json", {"commit": "t"})
    assert fixing.run_commits(timed) == (["t"], True)
    write_json(tmp_path / "e/timing_machine.json", {"commit": "t"})
    assert fixing.run_commits(results(tmp_path / "e", {("vae", FID): [1.0]}))[0] != [
        "t"
    ]  # runs count where there are any
