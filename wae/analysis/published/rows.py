"""Published results beside ours, as typed rows."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Standing(StrEnum):
    """How sure a published number is."""

    READ = "read"
    SECONDARY = "secondary"
    RECALLED = "recalled"


class Outcome(StrEnum):
    """What comparing a published number with ours says."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNDECIDED = "undecided"
    NOT_COMPARABLE = "not comparable"
    NONE = ""  # of a recalled number


class Reason(StrEnum):
    """Why a field of two protocols is not shown to be equal."""

    DIFFERS = "differs"
    NOT_STATED = "not stated"
    RECALLED = "recalled"
    FEW_SEEDS = "few seeds"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Difference:
    """One field of the protocol that stands against a comparison: its title and both sides' values."""

    reason: Reason
    title: str = ""
    there: Any = None
    here: Any = None


@dataclass(frozen=True)
class PublishedRow:
    """One published number and one method of ours that answers it.

    ``tolerance``: absolute. ``ours``, ``low``, ``high``: mean over seeds of each seed's mean over draws, and its 95%
    interval. ``below``: how many of our seeds have less than the published number, None for fewer than three: a number
    of one run may be an ordinary run of ours and yet lie outside the interval of their mean.
    """

    dataset: str
    method: str
    metric: str
    subject: str
    protocol: str
    source: str
    standing: Standing
    published: float
    tolerance: float
    our_metric: str
    ours: float | None
    low: float | None
    high: float | None
    seeds: int
    differs: list[Difference]
    outcome: Outcome
    note: str = ""
    below: int | None = None


@dataclass(frozen=True)
class LambdaRow:
    """The weight of a method's penalty as set, and in the paper's units (None where no translation exists)."""

    dataset: str
    method: str
    lambda_: float
    paper_lambda: float | None


@dataclass(frozen=True)
class PublishedDocument:
    """Published results beside ours, and the weights of our runs in the paper's units."""

    rows: list[PublishedRow] = field(default_factory=list)
    lambdas: list[LambdaRow] = field(default_factory=list)
