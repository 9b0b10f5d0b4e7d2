"""Judges claims: a claims file and an experiment's results to claims.json."""

from collections.abc import Sequence
from pathlib import Path

from wae.analysis.claims.claims_file import read_claims
from wae.analysis.claims.fixing import basis_of, rules_of
from wae.analysis.claims.judges import Judge, find_judge
from wae.analysis.claims.pool import Pool, experiments
from wae.analysis.claims.verdicts import ClaimsDocument, Errors, JudgedClaim, Judgement
from wae.analysis.results import Results
from wae.core.errors import UserError


def check_judges(path: str | Path) -> dict[str, Judge]:
    """The judge of each claim of a file, by the claim's id; UserError for a faulty file or judge.

    To be called when a plan is made, so that a typo stops before anything runs.
    """
    judges = {}
    for claim in read_claims(path):
        try:
            judges[claim["id"]] = find_judge(claim["judge"])
        except UserError as error:
            raise UserError(f"{path}: {claim['id']}: {error}") from error
    return judges


def judge_file(results: Results, path: str | Path) -> ClaimsDocument:
    """Each claim of a file with its number, verdict, summary and evidence.

    UserError where a judge of one's own returns something else than a Judgement.
    """
    judged, judges = [], check_judges(path)
    for number, claim in enumerate(read_claims(path), start=1):
        found = judges[claim["id"]](results, claim["parameters"])
        if not isinstance(found, Judgement):
            raise UserError(
                f"{path}: {claim['id']}: {claim['judge']} returned {type(found).__name__}, need a Judgement"
            )
        said = {key: " ".join(claim[key].split()) for key in ("id", "statement", "source", "test", "threshold")}
        judged.append(
            JudgedClaim(
                number=number,
                **said,
                judge=claim["judge"],
                parameters=claim["parameters"],
                verdict=found.verdict,
                summary=found.summary,
                evidence=found.evidence,
                errors=Errors(**claim["errors"]) if "errors" in claim else None,
            )
        )
    rules, members = rules_of(path), results.members
    return ClaimsDocument(
        ", ".join(member.experiment for member in members),
        judged,
        rules,
        [basis_of(member, rules) for member in members],
    )


def judge_folders(folders: Sequence[str | Path], path: str | Path) -> ClaimsDocument:
    """One verdict per claim of the file ``path`` over all experiments in ``folders``, as ``judge_file`` gives for one.

    A folder that is no experiment's stands for every experiment under it. Holm's and Bonferroni's corrections are over
    all tests of all experiments that one verdict rests on. UserError as from ``wae.analysis.claims.pool.Pool``.
    """
    return judge_file(Pool([found for folder in folders for found in experiments(Path(folder))]), path)
