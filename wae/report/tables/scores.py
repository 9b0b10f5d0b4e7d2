"""What stands in a table's cell: a mean over seeds with its interval, the runs behind it, and its bar for citation."""

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from wae.analysis.results import Results, mean_interval
from wae.analysis.runs import REAL_DATA
from wae.analysis.statistics import best_and_ties
from wae.report.wording import PERFECT, SHORT_SUBJECTS, Wording

SMOKE_SAMPLES = 2048  # a distance from fewer samples says more about the count than about the method
FEWEST_SEEDS = 3


@dataclass(frozen=True)
class Score:
    """Mean over seeds of one metric of one cell. ``low``, ``high``: 95% interval, None for one seed."""

    mean: float
    low: float | None
    high: float | None
    by_seed: dict[int, float]
    samples: int | None = None
    draws: int = 1
    smoke: bool = False
    mark: str = ""  # "best", "tie" or ""

    @property
    def half_width(self) -> float | None:
        """Half the interval's width."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


@dataclass(frozen=True)
class Column:
    """One metric of one subject, with how its numbers are written."""

    metric: str
    subject: str
    about: Wording
    scores: dict[str, Score] = field(default_factory=dict)  # by method
    named: bool = False  # whether the title names the subject

    @property
    def scale(self) -> int:
        """Numbers are shown divided by 10 to this power, so that they need no exponent of their own."""
        sizes = [abs(score.mean) for score in self._of_methods() if math.isfinite(score.mean)]
        largest = max(sizes, default=1.0)
        if largest == 0 or 0.01 <= largest < 1e5:
            return 0
        return 3 * math.floor(math.log10(largest) / 3)

    @property
    def decimals(self) -> int:
        """Two significant digits of the typical interval; three of the largest mean where there is none."""
        widths = sorted(s.half_width for s in self._of_methods() if s.half_width)
        if widths:
            size, digits = widths[len(widths) // 2], 2
        else:
            size, digits = max((abs(s.mean) for s in self._of_methods()), default=1.0), 3
        size /= 10.0**self.scale
        return 0 if size <= 0 else min(max(digits - 1 - math.floor(math.log10(size)), 0), 5)

    def _of_methods(self) -> list[Score]:
        """Scores but for those of the rows that are no methods; those too where there is nothing else."""
        own = [score for method, score in self.scores.items() if method not in (REAL_DATA, PERFECT)]
        return own or list(self.scores.values())

    def number(self, value: float | None) -> str:
        """A value as this column writes it, without its scale."""
        if value is None or not math.isfinite(value):
            return "-"
        scaled = value / 10.0**self.scale
        text = f"{scaled:.{self.decimals}f}"
        if float(text) == 0.0 and abs(scaled) >= 1e-3:
            text = f"{scaled:.1g}"  # small beside the column's other values, but not nothing
        return text.replace("-", "−")

    def text(self, score: Score) -> str:
        """``mean ± half width``, or the mean alone where there is one seed."""
        if score.half_width is None:
            return self.number(score.mean)
        return f"{self.number(score.mean)} ± {self.number(score.half_width)}"

    @property
    def title(self) -> str:
        """The metric's title, with what it is measured on where a table has several."""
        of = SHORT_SUBJECTS.get(self.subject, "") if self.named else ""
        return f"{self.about.title}, {of}" if of else self.about.title

    @property
    def arrow(self) -> str:
        """The better direction."""
        return {"lower": "↓", "higher": "↑"}.get(self.about.better or "", "")


def score(results: Results, dataset: str, method: str, metric: str, subject: str) -> Score | None:
    """The score of one cell; None when it was not measured."""
    rows = results.rows(dataset, method, metric, subject)
    if not rows:
        return None
    by_seed = results.seed_values(dataset, method, metric, subject)
    mean, low, high = mean_interval(list(by_seed))
    samples = rows[0]["samples"]
    counts = Counter(row["seed"] for row in rows)
    return Score(
        mean=mean,
        low=low,
        high=high,
        by_seed={int(str(seed)): float(value) for seed, value in by_seed.items()},
        samples=None if math.isnan(samples) else int(samples),
        draws=max(counts.values()),
        smoke=any(row["label"] == "smoke" for row in rows),
    )


def marks(scores: dict[str, Score], better: str | None) -> dict[str, str]:
    """By method, "best" for the best mean and "tie" for those no test tells from it; {} without 3 seeds of each."""
    if better is None or any(len(found.by_seed) < FEWEST_SEEDS for found in scores.values()):
        return {}
    methods = list(scores)
    table = np.full((max((len(found.by_seed) for found in scores.values()), default=0), len(methods)), np.nan)
    for column, method in enumerate(methods):
        values = list(scores[method].by_seed.values())
        table[: len(values), column] = values
    if table.size == 0:
        return {}
    marked = [method for method, chosen in zip(methods, best_and_ties(table, better), strict=True) if chosen]
    sign = 1 if better == "lower" else -1
    best = min(marked, key=lambda method: sign * scores[method].mean, default=None)
    return {method: "best" if method == best else "tie" for method in marked}
