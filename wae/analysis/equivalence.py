"""Are k fresh runs of a method a repetition of k recorded ones: equivalence within margins, and one test of all scores.

A repetition passes where each deciding measure is shown to be equal within its margin (two one-sided tests, each at 5%,
so that a difference as large as a margin passes in at most 5% of cases) and neither of two tests at 5% tells the runs
apart: Welch's of each deciding measure with Holm's correction, and one permutation test of all scores of all cells
together (wae.analysis.permutation). Runs that pass nothing and fail nothing are undecided: too few seeds, fewer than
recorded, or too noisy.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from wae.analysis.budget import POWER, detectable_difference
from wae.analysis.permutation import told_apart
from wae.analysis.results import splits_of
from wae.analysis.statistics import MIN_SEEDS, SIGNIFICANCE, compare, equivalent, holm
from wae.core import reserved

Cell = tuple[str, str]  # dataset and method


@dataclass(frozen=True)
class Margin:
    """How far a measure may be from the recorded one: a ratio, or a difference in the measure's own unit."""

    measure: str
    subject: str
    size: float
    ratio: bool = True


# By experience of what seeds differ by (docs/claims.md): Frechet distances vary by a quarter, errors by 2%.
MARGINS = (
    Margin("{distance}", "prior", 2.0),
    Margin("{distance}", "reconstruction", 2.0),
    Margin("mse", "reconstruction", 1.1),
    Margin("sharpness", "prior", 1.2),
    Margin("latent_sw2_debiased", "codes", 0.05, ratio=False),
)


class Finding(StrEnum):
    """What is found of a measure, a cell or a whole repetition."""

    IDENTICAL = "identical"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    DIFFERENT = "different"
    MISSING = "missing"


@dataclass(frozen=True)
class Compared:
    """One deciding measure of one cell. ``margin``, ``difference`` and ``noticeable``: ratios, or in its own unit.

    ``p_equal``: of the two one-sided tests; ``p_different``: Welch's, corrected; ``power``: probability that a true
    repetition with the recorded runs' spread is found equal; ``noticeable``: the smallest difference that the corrected
    test finds with 80% power. None where there was no test.
    """

    dataset: str
    method: str
    measure: str
    subject: str
    ratio: bool
    margin: float
    recorded: float
    fresh: float | None
    seeds: tuple[int, int]
    finding: Finding
    difference: float | None = None
    p_equal: float | None = None
    p_different: float | None = None
    power: float | None = None
    noticeable: float | None = None


@dataclass(frozen=True)
class Together:
    """The permutation test of all scores of a cell. ``p``: corrected over cells (wae.analysis.permutation); None where
    there was no test, or none that could reject.

    ``seeds``: recorded and fresh ones with any score; ``lacking``: how many seeds fewer the fresh runs have than the
    recorded ones, of the score that lacks most. A cell that lacks any is not found equivalent.
    """

    dataset: str
    method: str
    scores: int
    seeds: tuple[int, int]
    finding: Finding
    p: float | None = None
    lacking: int = 0


@dataclass(frozen=True)
class Repetition:
    """All measures and cells of a repetition."""

    measures: list[Compared] = field(default_factory=list)
    cells: list[Together] = field(default_factory=list)

    @property
    def finding(self) -> Finding:
        """Different or missing where one part is; equivalent where every measure is; else undecided."""
        found = {m.finding for m in self.measures} | {c.finding for c in self.cells}
        worst = next((f for f in (Finding.MISSING, Finding.DIFFERENT, Finding.UNDECIDED) if f in found), None)
        decided = any(m.finding in (Finding.EQUIVALENT, Finding.IDENTICAL) for m in self.measures)
        return worst or (Finding.EQUIVALENT if decided else Finding.UNDECIDED)

    @property
    def power(self) -> float:
        """At least so often a true repetition passes: each measure's power, less the tests' false alarms.

        0 where it can never pass: no deciding measure, one without a test, or a cell that is missing, lacks seeds or
        has too few for its test to reject.
        """
        open_measures = [m for m in self.measures if m.finding is not Finding.IDENTICAL and m.power is None]
        open_cells = [c for c in self.cells if c.finding is not Finding.IDENTICAL and (c.p is None or c.lacking)]
        if not self.measures or open_measures or open_cells:
            return 0.0
        lacking = math.fsum(1 - m.power for m in self.measures if m.power is not None)
        return max(1 - lacking - 2 * SIGNIFICANCE, 0.0)


def repetition(recorded: pd.DataFrame, fresh: pd.DataFrame, distance: str | None, reference: str) -> Repetition:
    """How ``fresh`` runs repeat the ``recorded`` ones, both metrics.csv frames, cell by cell of the record.

    ``distance``: the measure that ranks, for MARGINS; ``reference``: the split that scores are against.
    """
    old, new = by_cell(recorded, reference), by_cell(fresh, reference)
    measures = [m for cell in old for m in _measures(cell, old[cell], new.get(cell, pd.DataFrame()), distance)]
    corrected = holm([m.p_different for m in measures])
    tested = sum(p is not None for p in corrected)
    measures = [_found(m, p, tested, old) for m, p in zip(measures, corrected, strict=True)]
    return Repetition(measures, _cells(old, new))


def by_cell(frame: pd.DataFrame, reference: str) -> dict[Cell, pd.DataFrame]:
    """Scores of each cell: a row per seed, a column per (metric, subject), means over draws at the largest sample."""
    frame = frame[(frame["seed"] >= 0) & frame["reference"].isin([*splits_of(reference), ""])]
    frame = frame[~frame["metric"].str.endswith(reserved.ENDINGS)]  # which say nothing of their own of a run
    found = {}
    for (dataset, method), rows in frame.groupby(["dataset", "method"], sort=False):
        largest = rows.groupby(["metric", "subject"])["samples"].transform("max")
        rows = rows[(rows["samples"] == largest) | largest.isna()]
        table = rows.groupby(["seed", "metric", "subject"])["value"].mean().unstack(["metric", "subject"])
        found[str(dataset), str(method)] = table
    return found


def _measures(cell: Cell, old: pd.DataFrame, new: pd.DataFrame, distance: str | None) -> Iterable[Compared]:
    for margin in MARGINS:
        key = (margin.measure.format(distance=distance), margin.subject)
        if key not in old.columns:
            continue
        a = old[key].dropna()
        labels: dict[str, Any] = {"dataset": cell[0], "method": cell[1], "measure": key[0], "subject": key[1]}
        labels |= {"ratio": margin.ratio, "margin": margin.size, "recorded": float(a.mean())}
        if key not in new.columns or new[key].dropna().empty:
            yield Compared(**labels, fresh=None, seeds=(len(a), 0), finding=Finding.MISSING)
            continue
        b = new[key].dropna()
        labels |= {"fresh": float(b.mean()), "seeds": (len(a), len(b))}
        common = a.index.intersection(b.index)
        if len(common) == len(a) == len(b) and (a[common] == b[common]).all():
            yield Compared(**labels, finding=Finding.IDENTICAL)
            continue
        (test,) = compare({"fresh": b, "recorded": a}, ratio=margin.ratio)
        if margin.ratio and not test.ratio:
            yield Compared(**labels, finding=Finding.DIFFERENT)  # a positive measure that is zero or less
            continue
        x, y, size = (np.log(b), np.log(a), math.log(margin.size)) if margin.ratio else (b, a, margin.size)
        if min(len(a), len(b)) < MIN_SEEDS:
            yield Compared(**labels, finding=Finding.UNDECIDED, difference=test.estimate)
            continue
        sd = float(np.std(y, ddof=1))
        yield Compared(
            **labels,
            finding=Finding.UNDECIDED,
            difference=test.estimate,
            p_equal=equivalent(x, y, size),
            p_different=test.p,
            power=power_to_repeat(sd, len(a), len(b), size),
        )


def _found(found: Compared, p: float | None, tests: int, old: Mapping[Cell, pd.DataFrame]) -> Compared:
    if p is None or found.p_equal is None:
        return found
    y = old[found.dataset, found.method][found.measure, found.subject].dropna()
    sd = float(np.std(np.log(y) if found.ratio else y, ddof=1))
    noticeable = detectable_difference(sd, found.seeds[0], tests, POWER, found.seeds[1])
    verdict = Finding.EQUIVALENT if found.p_equal <= SIGNIFICANCE else Finding.UNDECIDED
    verdict = Finding.DIFFERENT if p <= SIGNIFICANCE else verdict
    values = {**vars(found), "p_different": p, "finding": verdict}
    return Compared(**values | {"noticeable": math.exp(noticeable) if found.ratio else noticeable})


def power_to_repeat(sd: float, recorded: int, fresh: int, margin: float) -> float:
    """Probability that two one-sided tests at 5% find a true repetition equal within ``margin``: equal means, and both
    sides with the standard deviation ``sd``.
    """
    error, freedom = sd * math.sqrt(1 / recorded + 1 / fresh), recorded + fresh - 2
    if error == 0:
        return 1.0
    # Over the law of the pooled spread: the difference must stay within the margin less t times the spread found.
    quantiles = (np.arange(400) + 0.5) / 400
    spread = error * np.sqrt(stats.chi2.ppf(quantiles, freedom) / freedom)
    room = np.maximum(margin - stats.t.ppf(1 - SIGNIFICANCE, freedom) * spread, 0.0)
    return float(np.mean(2 * stats.norm.cdf(room / error) - 1))


def _cells(old: Mapping[Cell, pd.DataFrame], new: Mapping[Cell, pd.DataFrame]) -> list[Together]:
    made = {cell: _together(cell, a, new.get(cell, pd.DataFrame())) for cell, a in old.items()}
    tested = [cell for cell, found in made.items() if found.finding is Finding.UNDECIDED]
    values = told_apart([(old[cell], new[cell][list(old[cell].columns)]) for cell in tested])
    for cell, p in zip(tested, values, strict=True):
        made[cell] = replace(made[cell], p=p, finding=_judged(p, made[cell].lacking))
    return list(made.values())


def _together(cell: Cell, a: pd.DataFrame, b: pd.DataFrame) -> Together:
    """A cell before it is tested: identical, missing or undecided."""
    both = [column for column in a.columns if column in b.columns]
    seeds = _with_scores(a), _with_scores(b)
    if len(both) < len(a.columns):
        return Together(*cell, len(both), seeds, Finding.MISSING)
    fewer = np.isfinite(a).sum() - np.isfinite(b[both]).sum()  # by score
    common = a.index.intersection(b.index)
    same = len(common) == len(a) == len(b) and a.loc[common].equals(b.loc[common, both])
    finding = Finding.IDENTICAL if same else Finding.UNDECIDED
    return Together(*cell, len(both), seeds, finding, lacking=max(int(fewer.max()), 0))


def _with_scores(table: pd.DataFrame) -> int:
    return int(np.isfinite(table).any(axis=1).sum())


def _judged(p: float | None, lacking: int) -> Finding:
    if p is not None and p <= SIGNIFICANCE:
        return Finding.DIFFERENT
    return Finding.UNDECIDED if p is None or lacking else Finding.EQUIVALENT
