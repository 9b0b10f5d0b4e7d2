"""Compare a fresh run of an experiment with a recorded one, cell by cell."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from wae.errors import UserError

KEYS = ["dataset", "method", "seed", "metric", "subject", "reference", "samples", "draw"]
IDENTICAL, WITHIN, DIFFERENT, MISSING = "identical", "within tolerance", "different", "missing"


@dataclass(frozen=True)
class Cell:
    """A recorded value beside the fresh one. ``tolerance``: absolute, in the metric's own unit."""

    name: str
    recorded: float
    fresh: float | None
    tolerance: float
    verdict: str


def tolerances(recorded: pd.DataFrame) -> "pd.Series[float]":
    """Tolerance of each row: three standard deviations over the seeds of its dataset, method and metric.

    A result on another machine is another draw of the same noise, so the spread over seeds that the error
    budget measures is the yardstick. With fewer than two seeds it is 0: only identical passes.
    """
    group = [key for key in KEYS if key not in ("seed", "draw")]
    spread = recorded.groupby(group, dropna=False)["value"].transform("std")
    return 3.0 * spread.fillna(0.0)


def compare(recorded: pd.DataFrame, fresh: pd.DataFrame, cell: str | None = None) -> list[Cell]:
    """Every recorded row (of ``cell`` = dataset/method/seedN only, if given) with its verdict."""
    recorded = recorded.assign(tolerance=tolerances(recorded))
    if cell is not None:
        names = recorded["dataset"] + "/" + recorded["method"] + "/seed" + recorded["seed"].astype(str)
        if cell not in set(names):
            raise UserError(f"no cell {cell!r} in the recorded result; for example {names.iloc[-1]!r}")
        recorded = recorded[names == cell]
    values = {_key(row): float(row["value"]) for row in fresh.to_dict("records")}
    cells = []
    for row in recorded.to_dict("records"):
        old, new = float(row["value"]), values.get(_key(row))
        name = f"{row['dataset']}/{row['method']}/seed{row['seed']} {row['metric']} {row['subject']}"
        cells.append(Cell(name, old, new, float(row["tolerance"]), _verdict(old, new, float(row["tolerance"]))))
    return cells


def _key(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return tuple(str(row[key]) for key in KEYS)


def _verdict(old: float, new: float | None, tolerance: float) -> str:
    if new is None:
        return MISSING
    if old == new or (math.isnan(old) and math.isnan(new)):
        return IDENTICAL
    return WITHIN if abs(old - new) <= tolerance else DIFFERENT


def verify(recorded: Path, fresh: Path, cell: str | None = None) -> bool:
    """Print the comparison of two experiment folders; True when no value is different or missing."""
    from wae.analysis.runs import load_metrics

    cells = compare(load_metrics(recorded / "metrics.csv"), load_metrics(fresh / "metrics.csv"), cell)
    counts = {v: sum(c.verdict == v for c in cells) for v in (IDENTICAL, WITHIN, DIFFERENT, MISSING)}
    for found in cells:
        if found.verdict in (DIFFERENT, MISSING):
            print(
                f"{found.verdict}: {found.name}: recorded {found.recorded:.6g}, fresh {found.fresh}, "
                f"tolerance {found.tolerance:.3g}"
            )
    whole = DIFFERENT if counts[DIFFERENT] else MISSING if counts[MISSING] else WITHIN if counts[WITHIN] else IDENTICAL
    print(f"{whole}: {len(cells)} values, " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    return not counts[DIFFERENT] and not counts[MISSING]
