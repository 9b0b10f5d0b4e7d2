"""Judges claims: a claims file and an experiment's results to claims.json."""

from pathlib import Path
from typing import Any

import yaml

from wae.analysis.claims.judges import find_judge
from wae.analysis.claims.verdicts import ClaimsDocument, JudgedClaim, Judgement
from wae.analysis.results import Results
from wae.core.errors import UserError

SCHEMA = Path(__file__).resolve().parents[2] / "core/schemas/claims.schema.yaml"


def load_claims(path: str | Path) -> list[dict[str, Any]]:
    """The claims of a file, validated, with their parameters put into the text; UserError names the key at fault."""
    import jsonschema

    try:
        document = yaml.safe_load(Path(path).read_text())
        schema = yaml.safe_load(SCHEMA.read_text())
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file; restore it from the repository") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())}); correct it") from error
    fault = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(document))
    if fault is not None:
        where = ".".join(str(part) for part in fault.absolute_path) or "claims"
        raise UserError(f"{path}: {where}: {' '.join(fault.message.split())[:200]}; see {SCHEMA.name}")
    claims: list[dict[str, Any]] = document["claims"]
    seen: set[str] = set()
    for claim in claims:
        if claim["id"] in seen:
            raise UserError(f"{path}: there are two claims {claim['id']!r}; rename one")
        seen.add(claim["id"])
        try:
            find_judge(claim["judge"])
        except UserError as error:
            raise UserError(f"{path}: {claim['id']}: {error}") from error
        for key in ("test", "threshold"):
            try:
                claim[key] = claim[key].format(**claim["parameters"])
            except (KeyError, ValueError, IndexError) as error:
                raise UserError(f"{path}: {claim['id']}.{key}: no parameter {error}; add it to parameters") from error
    return claims


def check_judges(path: str | Path) -> None:
    """Check a claims file when a plan is made: its form, and that each judge can be loaded; UserError otherwise."""
    load_claims(path)


def judge_file(results: Results, path: str | Path) -> ClaimsDocument:
    """Each claim of a file with its number, verdict, summary and evidence.

    UserError where a judge of one's own returns something else than a Judgement.
    """
    judged = []
    for number, claim in enumerate(load_claims(path), start=1):
        found = find_judge(claim["judge"])(results, claim["parameters"])
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
            )
        )
    return ClaimsDocument(results.experiment, judged)
