"""What the tests of the claims' judges begin with: the file's own parameters, and scores of three seeds."""

from pathlib import Path
from typing import Any

import yaml

from wae.analysis.claims import judges
from wae.analysis.results import Results

CLAIMS = Path(__file__).resolve().parents[2] / "config/claims.yaml"
PARAMETERS = {claim["judge"]: claim["parameters"] for claim in yaml.safe_load(CLAIMS.read_text())["claims"]}
FID = "fid_classifier/prior"


def judge(name: str, found: Results) -> Any:
    """What the judge ``name`` says of ``found`` by the parameters of config/claims.yaml."""
    return judges.JUDGES[name](found, PARAMETERS[name])


def spread(mean: float, by: float = 1.0) -> list[float]:
    """Three seeds about a mean."""
    return [mean - by, mean, mean + by]
