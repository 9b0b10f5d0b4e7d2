"""What a judge hands back, and how verdicts on parts make one on the whole."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SUPPORTED, REFUTED, INCONCLUSIVE = "supported", "refuted", "inconclusive"
NOT_TESTED = "not tested by this config"
VERDICTS = (SUPPORTED, REFUTED, INCONCLUSIVE, NOT_TESTED)


@dataclass(frozen=True)
class Evidence:
    """One measured number: what it is, of which dataset ("" for none), its value and 95% interval, its verdict.

    None stands for a value that is infinite or not defined; ``note`` then says which.
    """

    what: str
    value: float | None
    dataset: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    verdict: str = ""
    note: str = ""

    def entry(self) -> dict[str, Any]:
        """As plain JSON values; numbers that are not finite become None."""
        numbers = {key: _finite(getattr(self, key)) for key in ("value", "low", "high")}
        return {"what": self.what, "dataset": self.dataset, "unit": self.unit, **numbers} | {
            "verdict": self.verdict,
            "note": self.note,
        }


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


@dataclass(frozen=True)
class Judgement:
    """A verdict, a sentence that says why with numbers, and the evidence."""

    verdict: str
    summary: str
    evidence: list[Evidence] = field(default_factory=list)


def not_tested(reason: str) -> Judgement:
    """The judgement of a claim for which this config measured too little; ``reason`` is a sentence."""
    return Judgement(NOT_TESTED, reason)


def overall(verdicts: Iterable[str]) -> str:
    """One verdict for a general claim: refuted by one counterexample, supported where every part supports it.

    Parts that were not tested count for nothing; with none left the whole was not tested.
    """
    tested = [verdict for verdict in verdicts if verdict != NOT_TESTED]
    if not tested:
        return NOT_TESTED
    if REFUTED in tested:
        return REFUTED
    return SUPPORTED if set(tested) == {SUPPORTED} else INCONCLUSIVE
