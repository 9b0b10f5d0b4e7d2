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
    ``variation``: as a share of the mean; ``share``: of the variance when all streams vary. None where not known.
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
