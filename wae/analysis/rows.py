"""What the analysis finds, one typed row per thing: the content of the files named in wae/analysis/files.py.

A number that is infinite, undefined or was not measured is None. Words are made by those who read the rows
(wae/analysis/words.py); nothing branches on a sentence.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Mark(StrEnum):
    """How a score stands among the methods of its column."""

    NONE = ""
    BEST = "best"
    TIE = "tie"  # no test tells it from the best


class Limit(StrEnum):
    """What a mean says of the quantity where its estimate is near a bound."""

    NONE = ""
    LEAST = "at least"
    MOST = "at most"

    @property
    def sign(self) -> str:
        """What stands in front of such a mean."""
        return {Limit.NONE: "", Limit.LEAST: "≥ ", Limit.MOST: "≤ "}[self]


class Source(StrEnum):
    """Where the error of a score comes from."""

    SEED = "seed"  # training again with another seed
    DRAW = "draw"  # drawing another set of samples
    HALF = "half"  # another reference of the same size


@dataclass(frozen=True)
class Score:
    """One metric of one method on one dataset: mean over seeds of each seed's mean over draws.

    ``low``, ``high``: 95% interval, None for one seed. ``samples``: images (or codes) on our side. ``few_images``: a
    distance from too few images (``wae.evaluation.fidelity.smoke``). For a p-value (``rejections`` true) ``mean`` is
    the count of seeds that reject at 5%, and there is no interval. ``limit``: whether it is only a limit of the
    quantity.
    """

    dataset: str
    method: str
    metric: str
    subject: str
    mean: float
    low: float | None
    high: float | None
    by_seed: dict[int, float]
    samples: int | None = None
    draws: int = 1
    few_images: bool = False
    rejections: bool = False
    mark: Mark = Mark.NONE
    limit: Limit = Limit.NONE


@dataclass(frozen=True)
class BudgetRow:
    """Error budget of the ranking distance of one method (``wae.analysis.budget.error_budget``), in its own units.

    ``variation``: the standard deviation over seeds as a share of the mean; ``ratio``: whether ``detectable`` is a
    factor between geometric means, as methods are tested on logarithms there, and no difference.
    """

    dataset: str
    method: str
    mean: float
    seeds: int
    draws: int
    sd_seed: float | None
    sd_draw: float | None
    sd_half: float | None
    error_seed: float | None
    error_draw: float | None
    error_half: float | None
    dominant: Source | None
    detectable: float | None
    variation: float | None = None
    ratio: bool = False


@dataclass(frozen=True)
class GapRow:
    """What the distance of prior samples is made of: means over seeds, and the steps between them."""

    dataset: str
    method: str
    floor: float | None
    reconstruction: float | None
    mixture: float | None
    prior: float | None
    decoder: float | None
    density: float | None
    hole: float | None


@dataclass(frozen=True)
class Condition:
    """One way to rank: a metric of a subject, against a reference, from so many samples (None: not counted)."""

    metric: str
    subject: str
    reference: str
    samples: int | None


@dataclass(frozen=True)
class Ranking:
    """One dataset's methods ranked under one condition: 1 is best, equal means share a rank.

    ``tau``: Kendall's tau-b with the ranking by the primary measure, None for fewer than two methods.
    """

    dataset: str
    condition: Condition
    ranks: dict[str, float]
    tau: float | None


@dataclass(frozen=True)
class SubjectAgreement:
    """How far the measures of one subject agree: rankings by samples and by reconstructions answer other questions.

    ``tau``: mean Kendall's tau-b over all pairs of its ``measures`` rankings; ``primary_tau``: mean of the primary
    ranking with each of the others; -1 to 1, None without a pair. ``same_order``: whether all rank alike.
    """

    subject: str
    measures: int
    tau: float | None
    primary_tau: float | None
    same_order: bool


@dataclass(frozen=True)
class Agreement:
    """How far the rankings of one dataset agree; the first is the primary one.

    ``subjects``: by what is measured, prior samples first; empty in a file of an older version, whose one tau mixed
    them. ``reversed_by``: conditions whose order is the exact reverse of the primary one.
    """

    dataset: str
    rankings: list[Ranking]
    reversed_by: list[Condition] = field(default_factory=list)
    subjects: list[SubjectAgreement] = field(default_factory=list)


@dataclass(frozen=True)
class TriedWeight:
    """One weight of a sweep: mean score on validation images. ``chosen``: the method's own best."""

    dataset: str
    method: str
    weight: float
    variant: str
    validation: float | None
    seeds: int
    unfinished: int
    chosen: bool
    at_edge: bool


@dataclass(frozen=True)
class WeightScore:
    """A method at the paper's weight (``best`` false) or at its own best, on test images."""

    dataset: str
    best: bool
    method: str
    weight: float
    variant: str
    mean: float
    low: float | None
    high: float | None
    by_seed: dict[int, float]


@dataclass(frozen=True)
class Tuning:
    """A sweep of the penalty's weight and the two comparisons that follow from it."""

    tried: list[TriedWeight] = field(default_factory=list)
    compared: list[WeightScore] = field(default_factory=list)


class Bar(StrEnum):
    """Why a number is not for citation."""

    FEW_SEEDS = "few_seeds"
    FEW_IMAGES = "few_images"
    UNKNOWN_COMMIT = "unknown_commit"
    UNCOMMITTED = "uncommitted"


@dataclass(frozen=True)
class Shortfall:
    """One reason why the numbers of a dataset are not for citation. ``seeds``: the fewest finished of a method."""

    dataset: str
    bar: Bar
    seeds: int | None = None


@dataclass(frozen=True)
class BiasCurve:
    """A distance at growing counts of samples: means over seeds, and the value extrapolated to infinitely many."""

    dataset: str
    method: str
    samples: list[int]
    means: list[float]
    limit: float | None


@dataclass(frozen=True)
class SweepPoint:
    """The ranking distance at one value of one swept setting of one method."""

    dataset: str
    method: str
    setting: str
    value: float
    mean: float
    by_seed: dict[int, float]


@dataclass(frozen=True)
class Ending:
    """The last kept value of a quantity along training, mean over seeds. ``seconds``: mean training time up to it."""

    dataset: str
    method: str
    quantity: str
    value: float
    seconds: float | None


@dataclass(frozen=True)
class TrainingCost:
    """What training took, means over the finished seeds of one method."""

    dataset: str
    method: str
    parameters: int
    epochs: int
    seconds: float
    images_per_second: float | None
    by_seed: dict[int, tuple[float, float | None]]  # seconds, images per second


@dataclass(frozen=True)
class Reaching:
    """Training time of one method until the ranking distance is at ``target`` or below.

    ``seconds``: mean over seeds, ``low``, ``high`` its 95% interval; None where a seed never gets there. ``by_seed``:
    each one's own time, None where it never does.
    """

    dataset: str
    method: str
    target: float
    seconds: float | None
    low: float | None
    high: float | None
    by_seed: dict[int, float | None]


@dataclass(frozen=True)
class Courses:
    """What the figures along training, sample count and sweeps show."""

    bias: list[BiasCurve] = field(default_factory=list)
    sweeps: list[SweepPoint] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    costs: list[TrainingCost] = field(default_factory=list)
