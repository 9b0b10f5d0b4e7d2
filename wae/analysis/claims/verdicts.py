"""What a judge hands back, and how verdicts on parts make one on the whole."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What a config's results say of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    CALCULATED = "calculated"  # follows from definitions: no evidence is needed, and none counts
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Evidence:
    """One measured number: what it is, of which dataset ("" for none), its value and 95% interval, what it says.

    ``verdict`` is None for a number that decides nothing. A value that is infinite or not defined is None; ``note``
    then says which.
    """

    what: str
    value: float | None
    dataset: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    verdict: Verdict | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            found = getattr(self, name)
            if found is not None:
                object.__setattr__(self, name, float(found) if math.isfinite(found) else None)


@dataclass(frozen=True)
class Judgement:
    """A verdict, a sentence that says why with numbers, and the evidence."""

    verdict: Verdict
    summary: str
    evidence: list[Evidence] = field(default_factory=list)


@dataclass(frozen=True)
class Errors:
    """How often a rule errs at most, as simulated: says supported or refuted under ``none``, misses ``effect``."""

    none: str
    supported: float
    refuted: float
    effect: str
    missed: float


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its rule and what came of it. ``errors``: None for a rule that was not simulated."""

    number: int
    id: str
    statement: str
    source: str
    test: str
    threshold: str
    judge: str
    parameters: dict[str, float]
    verdict: Verdict
    summary: str
    evidence: list[Evidence]
    errors: Errors | None = None


class Fixed(StrEnum):
    """Whether the rules were fixed before the runs that they judge."""

    BEFORE = "before the runs"
    AFTER = "after the runs"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Rules:
    """The commit that last changed the claims file or the judges' code, and whether they differ from it now.

    None outside a git checkout, or in one without its whole history.
    """

    commit: str | None = None
    changed: bool | None = None


@dataclass(frozen=True)
class Basis:
    """One experiment that verdicts rest on: its runs, their commits, and the sha256 of its tables."""

    experiment: str
    datasets: list[str]
    runs: int
    commits: list[str]
    digests: list[str]
    fixed: Fixed


@dataclass(frozen=True)
class ClaimsDocument:
    """All claims, in the order of the claims file, judged over all experiments of ``basis``.

    ``experiment``: the name of the one, or the names of all.
    """

    experiment: str = ""
    claims: list[JudgedClaim] = field(default_factory=list)
    rules: Rules = Rules()
    basis: list[Basis] = field(default_factory=list)


def not_tested(reason: str, evidence: list[Evidence] | None = None) -> Judgement:
    """The judgement of a claim for which this config measured too little; ``reason`` is a sentence."""
    return Judgement(Verdict.NOT_TESTED, reason, evidence or [])


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for a general claim: refuted by one counterexample, supported where every part supports it.

    Parts that were not tested count for nothing; with none left the whole was not tested.
    """
    tested = {verdict for verdict in verdicts if verdict not in (Verdict.NOT_TESTED, Verdict.CALCULATED)}
    if not tested:
        return Verdict.NOT_TESTED
    if Verdict.REFUTED in tested:
        return Verdict.REFUTED
    return Verdict.SUPPORTED if tested == {Verdict.SUPPORTED} else Verdict.INCONCLUSIVE
