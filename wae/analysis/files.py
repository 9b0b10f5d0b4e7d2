"""The files that ``wae analyse`` writes into results/EXPERIMENT/: name and type of each, in one table.

All are JSON of the rows in wae/analysis/rows.py and its rooms' own; null stands for None.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from wae.analysis.claims.verdicts import ClaimsDocument
from wae.analysis.costs.rows import TimingFits
from wae.analysis.inference_rows import Aggregate, Contrast, CrossedRow, Deciding, StreamRow
from wae.analysis.published.rows import PublishedDocument
from wae.analysis.rows import Agreement, BudgetRow, Courses, GapRow, Reaching, Score, Shortfall, Tuning
from wae.core.errors import UserError
from wae.core.files import write_json

T = TypeVar("T")


@dataclass(frozen=True)
class File(Generic[T]):
    """One file of the analysis: its name, the type of its content, and what stands for a missing one."""

    name: str
    kind: Any
    empty: T

    @cached_property
    def _adapter(self) -> Any:
        from pydantic import TypeAdapter

        return TypeAdapter(self.kind)

    def write(self, folder: Path, value: T) -> None:
        """Write ``value`` into the experiment's ``folder``; ValueError for a number that is not finite."""
        write_json(folder / self.name, self._adapter.dump_python(value, mode="json"))

    def read(self, folder: Path) -> T:
        """The content of the file in ``folder``, ``empty`` where there is none; UserError for another content."""
        from pydantic import ValidationError

        path = folder / self.name
        if not path.exists():
            return self.empty
        try:
            found: T = self._adapter.validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UserError(f"{path}: {where}: {first['msg']}; delete it and run again") from error
        return found


SCORES: File[list[Score]] = File("scores.json", list[Score], [])
BUDGET: File[list[BudgetRow]] = File("budget.json", list[BudgetRow], [])
CONTRASTS: File[list[Contrast]] = File("contrasts.json", list[Contrast], [])
DECIDING: File[list[Deciding]] = File("deciding.json", list[Deciding], [])
AGGREGATES: File[list[Aggregate]] = File("aggregates.json", list[Aggregate], [])
LOTTERY: File[list[StreamRow]] = File("lottery.json", list[StreamRow], [])
CROSSED: File[list[CrossedRow]] = File("crossed.json", list[CrossedRow], [])
GAP: File[list[GapRow]] = File("gap.json", list[GapRow], [])
AGREEMENT: File[list[Agreement]] = File("agreement.json", list[Agreement], [])
TUNING: File[Tuning] = File("tuning.json", Tuning, Tuning())
CITATION: File[list[Shortfall]] = File("citation.json", list[Shortfall], [])
COURSES: File[Courses] = File("courses.json", Courses, Courses())
REACHING: File[list[Reaching]] = File("reaching.json", list[Reaching], [])
TIMING_FITS: File[TimingFits] = File("timing_fits.json", TimingFits, TimingFits())
PUBLISHED: File[PublishedDocument] = File("published.json", PublishedDocument, PublishedDocument())
CLAIMS: File[ClaimsDocument] = File("claims.json", ClaimsDocument, ClaimsDocument())
ALL: tuple[File[Any], ...] = (
    *(SCORES, CONTRASTS, AGGREGATES, BUDGET, LOTTERY, GAP, AGREEMENT, TUNING, CITATION, COURSES),
    *(REACHING, CROSSED, DECIDING),
    *(TIMING_FITS, PUBLISHED, CLAIMS),
)
NAMES = (*(file.name for file in ALL), "divergences.json")
