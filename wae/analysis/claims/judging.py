"""Judges the review's claims: config/claims.yaml and an experiment's results to claims.json."""

from pathlib import Path
from typing import Any

import yaml

from wae.analysis.claims import judges
from wae.analysis.claims.verdicts import VERDICTS
from wae.analysis.results import Results
from wae.core.errors import UserError, unknown_name
from wae.core.files import write_json

SCHEMA = Path(__file__).resolve().parents[2] / "core/schemas/claims.schema.yaml"


def load_claims(path: str | Path) -> list[dict[str, Any]]:
    """The claims of a file, validated; UserError names the key at fault."""
    import jsonschema

    try:
        document = yaml.safe_load(Path(path).read_text())
        schema = yaml.safe_load(SCHEMA.read_text())
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file; restore it from the repository") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())}); mend it") from error
    fault = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(document))
    if fault is not None:
        where = ".".join(str(part) for part in fault.absolute_path) or "claims"
        raise UserError(f"{path}: {where}: {' '.join(fault.message.split())[:200]}; see {SCHEMA.name}")
    claims: list[dict[str, Any]] = document["claims"]
    seen: set[str] = set()
    for claim in claims:
        if claim["id"] in seen:
            raise UserError(f"{path}: claim {claim['id']!r} is there twice; name one of them otherwise")
        seen.add(claim["id"])
        if claim["judge"] not in judges.JUDGES:
            raise UserError(f"{path}: {claim['id']}: {unknown_name('judge', claim['judge'], judges.JUDGES)}")
        try:
            claim["threshold"].format(**claim["parameters"])
        except (KeyError, ValueError, IndexError) as error:
            raise UserError(f"{path}: {claim['id']}.threshold: no parameter {error}; add it to parameters") from error
    return claims


def judge_all(results: Results, claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each claim with its number, verdict, summary and evidence, ready for JSON."""
    judged = []
    for number, claim in enumerate(claims, start=1):
        found = judges.JUDGES[claim["judge"]](results, claim["parameters"])
        if found.verdict not in VERDICTS:
            raise ValueError(f"judge {claim['judge']} says {found.verdict!r}")
        said = {key: " ".join(claim[key].split()) for key in ("id", "statement", "source", "test")}
        judged.append(
            {
                "number": number,
                **said,
                "threshold": " ".join(claim["threshold"].format(**claim["parameters"]).split()),
                "parameters": claim["parameters"],
                "verdict": found.verdict,
                "summary": found.summary,
                "evidence": [evidence.entry() for evidence in found.evidence],
            }
        )
    return judged


def write_claims(experiment_dir: str | Path, claims_file: str | Path) -> None:
    """Write EXPERIMENT/claims.json: {"experiment", "claims": [...]}."""
    results = Results(Path(experiment_dir))
    judged = judge_all(results, load_claims(claims_file))
    write_json(Path(experiment_dir) / "claims.json", {"experiment": results.experiment, "claims": judged})
