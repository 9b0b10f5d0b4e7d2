"""What the wall-clock study says of growth and crossovers, as typed rows."""

from dataclasses import dataclass, field
from enum import StrEnum


class Meeting(StrEnum):
    """Where two costs meet, the first being the cheaper one below."""

    MEASURED = "measured"
    EXTRAPOLATED = "extrapolated"
    BELOW_GRID = "below grid"
    ABOVE_GRID = "above grid"
    NO_COMMON_SIZE = "no common size"


@dataclass(frozen=True)
class Fit:
    """The cost c n^p of one thing timed, fitted from ``points`` sizes n_min to n_max; 95% interval of p."""

    study: str
    dataset: str
    subject: str
    latent_dim: int
    critic_width: int | None
    p: float
    p_low: float
    p_high: float
    c: float
    n_min: int
    n_max: int
    points: int


@dataclass(frozen=True)
class Crossover:
    """The batch size ``n`` up to which ``a`` costs less than ``b``, with 95% interval; None for what is not known."""

    study: str
    dataset: str
    latent_dim: int
    critic_width: int | None
    a: str
    b: str
    n: float | None
    low: float | None
    high: float | None
    status: Meeting


@dataclass(frozen=True)
class CostRatio:
    """Cost of a step of ``b`` over one of ``a`` at batch size ``n``, with 95% interval."""

    study: str
    dataset: str
    latent_dim: int
    critic_width: int | None
    a: str
    b: str
    n: int
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Growth:
    """The cost a + b n + c n^2 of one thing timed: (a, b, c) in seconds, the share of each term at n_max, its error.

    ``freedom``: of Student's t for the errors; ``misfit``: root mean square of the points' relative distances from the
    fit.
    """

    study: str
    dataset: str
    subject: str
    latent_dim: int
    critic_width: int | None
    terms: tuple[float, float, float]
    shares: tuple[float, float, float]
    errors: tuple[float, float, float]
    freedom: int
    misfit: float
    n_min: int
    n_max: int
    points: int


@dataclass(frozen=True)
class TimingFits:
    """How costs grow with n, and where they meet."""

    fits: list[Fit] = field(default_factory=list)
    crossovers: list[Crossover] = field(default_factory=list)
    ratios: list[CostRatio] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
