"""The claims file: what is claimed, how it is judged, and the numbers that decide. Imports nothing heavy."""

from pathlib import Path
from typing import Any

import yaml

from wae.core.errors import UserError

SCHEMA = Path(__file__).resolve().parents[2] / "core/schemas/claims.schema.yaml"


def read_claims(path: str | Path) -> list[dict[str, Any]]:
    """The claims of a file, in the form of wae/core/schemas/claims.schema.yaml, with their parameters put into the
    text; UserError names the key at fault.
    """
    import jsonschema

    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
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
        for key in ("test", "threshold"):
            try:
                claim[key] = claim[key].format(**claim["parameters"])
            except (KeyError, ValueError, IndexError) as error:
                raise UserError(f"{path}: {claim['id']}.{key}: no parameter {error}; add it to parameters") from error
    return claims


def own_judges(path: str | Path) -> list[str]:
    """The judges of one's own that a claims file names by dotted path, for the digest of the code that a job runs."""
    return [claim["judge"] for claim in read_claims(path) if ":" in claim["judge"]]
