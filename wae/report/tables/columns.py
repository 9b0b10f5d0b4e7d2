"""How the numbers of one column of a score table are written: scale, decimals, title and arrow."""

import math
from dataclasses import dataclass, field

from wae.analysis.rows import Score
from wae.analysis.runs import REAL_DATA, base_method
from wae.analysis.words import PERFECT, SHORT_SUBJECTS, about, arrow

NO_METHODS = {REAL_DATA, PERFECT}  # rows of a table that are no methods'


@dataclass(frozen=True)
class Column:
    """One metric of one subject, with how its numbers are written."""

    metric: str
    subject: str
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
        widths = sorted(w for s in self._of_methods() if (w := _width(s)))
        if widths:
            size, digits = widths[len(widths) // 2], 2
        else:
            size, digits = max((abs(s.mean) for s in self._of_methods()), default=1.0), 3
        size /= 10.0**self.scale
        return 0 if size <= 0 else min(max(digits - 1 - math.floor(math.log10(size)), 0), 5)

    def _of_methods(self) -> list[Score]:
        """Scores but for those of the rows that are no methods; those too where there is nothing else."""
        own = [score for method, score in self.scores.items() if base_method(method) not in NO_METHODS]
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
        """``mean [low, high]``, the mean alone where there is one seed, or ``2 of 3`` seeds that reject.

        ``≥`` or ``≤`` in front of a mean that is only a limit.
        """
        if score.rejections:
            return f"{score.mean:.0f} of {len(score.by_seed)}"
        if score.low is None or score.high is None:
            return score.limit.sign + self.number(score.mean)
        return f"{score.limit.sign}{self.number(score.mean)} [{self.number(score.low)}, {self.number(score.high)}]"

    @property
    def title(self) -> str:
        """The metric's title, with what it is measured on where a table has several."""
        of = SHORT_SUBJECTS.get(self.subject, "") if self.named else ""
        return f"{about(self.metric).title}, {of}" if of else about(self.metric).title

    @property
    def arrow(self) -> str:
        """The better direction."""
        return arrow(self.metric)


def _width(score: Score) -> float | None:
    """Half the interval's width."""
    return None if score.low is None or score.high is None else (score.high - score.low) / 2
