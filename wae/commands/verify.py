"""Compare a fresh run of an experiment with a recorded one, value by value; or rerun one cell of it and compare."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wae.analysis.budget import error_budget
from wae.analysis.runs import collect, load_metrics
from wae.commands import api
from wae.commands.check import check_plugins
from wae.commands.recorded import Recorded, config_to_rerun, read_recorded, refuse_code_of
from wae.compute.checkout import git_state
from wae.compute.machine import hardware, versions
from wae.core.errors import UserError, plain, shown, unknown_name
from wae.core.layout import Cell, Layout
from wae.core.settings import RunSettings
from wae.planning.plan import load_plan

KEYS = ["dataset", "method", "seed", "metric", "subject", "reference", "samples", "draw"]
IDENTICAL, WITHIN, DIFFERENT, MISSING = "identical", "within tolerance", "different", "missing"
DEVIATIONS = 3.0 * math.sqrt(2.0)  # three standard deviations of the difference of two equally noisy values


@dataclass(frozen=True)
class Compared:
    """A recorded value beside the fresh one. ``tolerance``: absolute, in the metric's own unit."""

    name: str
    recorded: float
    fresh: float | None
    tolerance: float
    verdict: str


def verify(recorded: Path, results: Path, cell: str | None = None) -> bool:
    """Print how a fresh result compares with the folder ``recorded``; True when no value is different or missing.

    The fresh result is results/EXPERIMENT of the same name; with ``cell`` (dataset/method/seedN) that run alone is
    made again, from the recorded config, in results/verify_EXPERIMENT.
    """
    record = read_recorded(recorded)
    experiment = record.experiment
    print(f"recorded  {_origin(record.model_dump())}")
    here = {"commit": git_state()[0], "clean_tree": git_state()[1], "versions": versions(), "hardware": hardware()}
    print(f"here      {_origin(here)}", flush=True)
    old = load_metrics(recorded / "metrics.csv")
    if cell is None:
        path = results / experiment / "metrics.csv"
        if not path.exists():
            raise UserError(
                f"{path}: no such file; run `snakemake --cores 2 --configfile config/{experiment}.yaml -- all` first, "
                "or make one run again with --cell DATASET/METHOD/seedN"
            )
        fresh = load_metrics(path)
    else:
        fresh = rerun(record, cell, results, recorded)
    return report(compare(old, fresh, cell))


def rerun(record: Recorded, cell: str, results: Path, recorded: Path) -> pd.DataFrame:
    """The scores of one recorded run, trained and evaluated again under the recorded settings.

    UserError, before anything is written or deleted, for a cell that was not recorded, for settings that the recorded
    config no longer leads to, and for code that no config may name or that came with the folder ``recorded``.
    """
    cells = record.cells
    if cell not in cells:
        raise unknown_name("cell", cell, cells)
    plan, layout, wanted = load_plan(config_to_rerun(record)), Layout(results), Cell.parse(cell)
    run = plan.run(wanted)
    _check_settings(run, cells[cell].settings, cell)
    refuse_code_of(recorded, plan)
    check_plugins(plan)
    folder = plan.folder(layout)
    shutil.rmtree(folder.run(wanted).path, ignore_errors=True)
    api.train(plan, wanted, results)
    api.evaluate(plan, wanted, results)
    tables = folder.file("metrics.csv"), folder.file("runs.csv")
    collect([run], [folder.run(wanted).path], [], *tables)
    return load_metrics(tables[0])


def _check_settings(run: RunSettings, recorded: Mapping[str, Any], cell: str) -> None:
    now = run.training.model_dump(mode="json")
    changed = sorted(key for key in {*now, *recorded} if now.get(key) != recorded.get(key, now.get(key)))
    if changed:
        said = ", ".join(f"{plain(key)} {shown(recorded.get(key))} -> {shown(now.get(key))}" for key in changed[:10])
        raise UserError(f"{cell}: the defaults now add other settings ({said}); check out the recorded commit")


def compare(recorded: pd.DataFrame, fresh: pd.DataFrame, cell: str | None = None) -> list[Compared]:
    """Every recorded row (of ``cell`` only, if given) with its verdict."""
    recorded = recorded.assign(tolerance=tolerances(recorded))
    if cell is not None:
        names = recorded["dataset"] + "/" + recorded["method"] + "/seed" + recorded["seed"].astype(str)
        if cell not in set(names):
            raise UserError(f"{cell}: nothing was recorded of it; take another, such as {names.iloc[-1]}")
        recorded = recorded[names == cell]
    values = {_key(row): float(row["value"]) for row in fresh.to_dict("records")}
    cells = []
    for row in recorded.to_dict("records"):
        old, new, tolerance = float(row["value"]), values.get(_key(row)), float(row["tolerance"])
        words = (f"{row['dataset']}/{row['method']}/seed{row['seed']}", row["metric"], row["subject"])
        name = " ".join(map(plain, words))
        cells.append(Compared(name, old, new, tolerance, _verdict(old, new, tolerance)))
    return cells


def tolerances(recorded: pd.DataFrame) -> "pd.Series[float]":
    """Tolerance of each row: three standard deviations of the difference of two values with the row's own noise.

    The noise is that of the error budget (wae.analysis.budget): training again with another seed, and drawing
    another sample set. Another machine rounds otherwise, so that its training is another draw of that noise. Where
    nothing was repeated the tolerance is 0: only the same bits pass.
    """
    group = [key for key in KEYS if key not in ("seed", "draw")]
    found = pd.Series(0.0, index=recorded.index)
    for _, rows in recorded.groupby(group, dropna=False):
        table = rows.pivot_table(index="seed", columns=rows["draw"].fillna(0), values="value").dropna()
        if table.size:
            budget = error_budget(table.to_numpy(dtype=float), pd.DataFrame().to_numpy())
            variance = sum(sd**2 for sd in (budget.seed, budget.draw) if math.isfinite(sd))
            found[rows.index] = DEVIATIONS * math.sqrt(variance)
    return found


def _key(row: Mapping[Any, Any]) -> tuple[str, ...]:
    # A column of counts is read as floats where any of it is empty: 500 and 500.0 are one key.
    return tuple(
        "" if pd.isna(row[key]) else f"{row[key]:.17g}" if _number(row[key]) else str(row[key]) for key in KEYS
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def _verdict(old: float, new: float | None, tolerance: float) -> str:
    if new is None:
        return MISSING
    if old == new or (math.isnan(old) and math.isnan(new)):
        return IDENTICAL
    return WITHIN if abs(old - new) <= tolerance else DIFFERENT


def report(cells: list[Compared]) -> bool:
    """Print each value that does not hold, then the summary; True when all hold."""
    counts = {v: sum(c.verdict == v for c in cells) for v in (IDENTICAL, WITHIN, DIFFERENT, MISSING)}
    for found in cells:
        if found.verdict in (DIFFERENT, MISSING):
            fresh = "nothing" if found.fresh is None else f"{found.fresh:.6g}"
            print(
                f"{found.verdict}: {found.name}: recorded {found.recorded:.6g}, found {fresh}, +-{found.tolerance:.3g}"
            )
    whole = next((v for v in (DIFFERENT, MISSING, WITHIN) if counts[v]), IDENTICAL)
    print(f"{whole}: {len(cells)} values, " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    return not counts[DIFFERENT] and not counts[MISSING]


def _printable(value: object) -> str:
    return "".join(character for character in str(value)[:100] if character.isprintable())


def _origin(record: Mapping[str, Any]) -> str:
    tree = "" if record.get("clean_tree") else " with changes"
    machine = record.get("hardware", {})
    return (
        f"commit {str(record.get('commit'))[:12]}{tree}, torch {plain(record.get('versions', {}).get('torch'))}, "
        f"{_printable(machine.get('processor'))}, {_printable(machine.get('cpu_capability'))}"
    )
