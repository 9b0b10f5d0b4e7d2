"""What the analysis finds of methods against each other and of the randomness of training, one typed row per thing."""

from dataclasses import dataclass

from wae.analysis.statistics import Comparison


@dataclass(frozen=True)
class Contrast:
    """One pair of methods on one dataset in one measure; ``comparison.p_holm`` is corrected over all pairs and datasets
    of the primary measure, or over those of all secondary measures.
    """

    dataset: str
    metric: str
    subject: str
    primary: bool
    comparison: Comparison


@dataclass(frozen=True)
class Deciding:
    """How many seeds per method would decide one pair of main methods on one dataset, in the primary measure.

    ``comparison``: what the seeds so far say; its ``seeds`` are those of the method with fewer. ``needed``: fewest
    seeds of each with which the difference and the spreads found so far, taken as the true ones, would be significant
    with 80% power, corrected for ``comparisons`` pairs; None for more than ``wae.analysis.deciding.MOST_SEEDS``.
    """

    dataset: str
    comparison: Comparison
    comparisons: int
    needed: int | None


@dataclass(frozen=True)
class Aggregate:
    """One method over all datasets, in the primary measure, with 95% intervals of a stratified bootstrap over seeds.

    ``mean``: interquartile mean of its runs' scores, each as a ratio to the geometric mean of all methods on that
    dataset. ``improvement``: probability that a run of it is better than one of another method, mean over datasets and
    other methods.
    """

    method: str
    datasets: int
    runs: int
    mean: float
    low: float
    high: float
    improvement: float
    improvement_low: float
    improvement_high: float


@dataclass(frozen=True)
class StreamRow:
    """How much of the ranking distance one random stream moves, the others held (``run.seed_streams``).

    ``stream``: a name of ``wae.core.settings.training.SEED_STREAMS``, "all", or "rest": what all vary beyond the sum of
    the streams varied alone, their interaction. ``sd``: standard deviation over seeds, with 95% interval (normal law);
    ``variation``: as a share of the mean; ``share``: of the variance when all streams vary, for "rest" with its 95%
    interval ``share_low``, ``share_high``. None where not known.
    """

    dataset: str
    method: str
    stream: str
    seeds: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    variation: float | None
    share: float | None
    share_low: float | None = None
    share_high: float | None = None


@dataclass(frozen=True)
class CrossedRow:
    """How the ranking distance's variance splits where one stream's seeds are crossed with those of all other streams.

    Two-way analysis of variance with random effects and one run a cell: ``stream_share``, ``others_share`` and
    ``interaction_share`` are the estimated components as shares of their sum; the first two can come out below zero.
    ``stream_p``, ``others_p``: F tests of no such effect, against the interaction. ``variation``: the root of the sum
    as a share of the mean.
    """

    dataset: str
    method: str
    stream: str
    seeds: int
    held_seeds: int
    variation: float | None
    stream_share: float
    others_share: float
    interaction_share: float
    stream_p: float
    others_p: float
