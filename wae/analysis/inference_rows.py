"""What the analysis finds of methods against each other and of the randomness of training, one typed row per thing."""

from dataclasses import dataclass

from wae.analysis.statistics import Comparison


@dataclass(frozen=True)
class Contrast:
    """One pair of methods on one dataset in one measure; ``comparison.p_holm`` is corrected over all pairs and datasets
    of the primary measure, or over those of all secondary measures. ``comparison.improvement`` says nothing of a
    secondary measure of which neither way is better.
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
    """How far one random stream alone moves the ranking distance of prior samples (``run.seed_streams``).

    ``stream``: a name of ``wae.core.seed_streams.SEED_STREAMS``; "all", where all streams vary; or "sum", of the
    shares of all streams, on the ``seeds`` that have all their runs. ``sd``: standard deviation over a stream's seeds
    (the root of its total effect's variance), of the natural logarithm of the score where ``log``, else in the score's
    unit, with its 95% interval ``low``, ``high`` for normal (log) scores. ``share``: of that variance in the variance
    when all streams vary (the mean of those of all runs compared), with its 95% interval (jackknife over seeds). None
    where not known.
    """

    dataset: str
    method: str
    stream: str
    seeds: int
    log: bool
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None


@dataclass(frozen=True)
class CrossedRow:
    """How the ranking distance's variance splits where one stream's seeds are crossed with those of all other streams.

    Two-way analysis of variance with random effects and one run a cell, of the natural logarithm of the score where
    ``log``: ``stream_share``, ``others_share`` and ``interaction_share`` are the estimated components as shares of
    their sum; the first two can come out below zero. ``stream_p``, ``others_p``: F tests of no such effect, against
    the interaction. ``sd``: the root of the sum, of the logarithm where ``log``, else in the score's unit.
    """

    dataset: str
    method: str
    stream: str
    seeds: int
    held_seeds: int
    log: bool
    sd: float
    stream_share: float
    others_share: float
    interaction_share: float
    stream_p: float
    others_p: float
