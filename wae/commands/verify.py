"""Compare a fresh run of an experiment with a recorded one; or rerun cells of it first.

Bit for bit where commit, versions, machine and device are the same, else by equivalence of fresh seeds with the
recorded ones.
"""

import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wae.analysis.budget import POWER
from wae.analysis.collecting import collect
from wae.analysis.equivalence import Compared, Finding, Repetition, Together, repetition
from wae.analysis.experiment import PRIMARY_EXTRACTORS
from wae.analysis.runs import load_metrics
from wae.commands import api, stages
from wae.commands.check import check_plugins
from wae.commands.origin import devices, moved, origin_said, same_origin
from wae.commands.recorded import Recorded, config_to_rerun, read_recorded, refuse_code_of
from wae.compute.checkout import git_state
from wae.compute.machine import hardware, versions
from wae.core.errors import UserError, plain, shown, unknown_name
from wae.core.files import read_json, sha256_file, write_json
from wae.core.layout import Cell, Layout
from wae.core.settings import RunSettings
from wae.planning.plan import load_plan

KEYS = ["dataset", "method", "seed", "metric", "subject", "reference", "samples", "draw"]
SHOWN = 20  # values that differ, of one comparison
FEWEST = 4  # seeds that show equivalence: three would do for a measure, but no split of six tells a cell's runs apart


def verify(recorded: Path, results: Path, cell: str | None = None) -> Finding:
    """Print how a fresh result compares with the folder ``recorded``, and return what was found of the whole.

    The fresh result is results/EXPERIMENT of the same name; with ``cell`` that run (DATASET/METHOD/seedN) or all
    recorded seeds of a method (DATASET/METHOD) are made again, from the recorded config, in results/verify_EXPERIMENT.
    Where commit, versions, machine and device are those recorded, each value must be the same bits. Else the seeds of
    each cell are compared by equivalence (wae.analysis.equivalence), which one run cannot show; what was found, and
    what would have been noticed, is also written to results/verify_EXPERIMENT/verify.json.
    """
    record = read_recorded(recorded)
    old = load_metrics(recorded / "metrics.csv")
    here = {"commit": git_state()[0], "clean_tree": git_state()[1], "versions": versions(), "hardware": hardware()}
    if cell is None:
        folder = results / record.experiment
        if not (folder / "metrics.csv").exists():
            raise UserError(
                f"{folder / 'metrics.csv'}: no such file; run its config by `snakemake --cores 2 --configfile "
                f"CONFIG -- all` first, or make runs again with --cell DATASET/METHOD[/seedN]"
            )
        if folder.resolve() == recorded.resolve():
            raise UserError(f"{recorded}: is itself the fresh result; make its runs again with --cell DATASET/METHOD")
        if (folder / "manifest.json").exists():
            here = read_json(folder / "manifest.json")
    print(f"recorded  {origin_said(record.model_dump())}")
    print(f"here      {origin_said(here)}", flush=True)
    alike = same_origin(record.model_dump(), here)
    if cell is not None:
        asked = of_cell(old, cell)
        if asked["seed"].nunique() < FEWEST and not alike:
            print(few_seeds(old, asked), flush=True)
        old = asked
    if old[old["seed"] >= 0].empty:
        raise UserError(f"{recorded / 'metrics.csv'}: holds no score of a run; there is nothing to compare with")
    fresh = load_metrics(folder / "metrics.csv") if cell is None else rerun(record, cell, results, recorded)
    found = differing(old, fresh)
    if not found:
        print(f"identical: {len(old)} values, bit for bit")
        return Finding.IDENTICAL
    again = results / record.experiment if cell is None else results / record.again
    elsewhere = moved(devices(recorded / "runs.csv"), devices(again / "runs.csv"))
    for line in elsewhere:
        print(line)
    if alike and not elsewhere:
        for line in found[:SHOWN]:
            print(f"different: {line}")
        print(f"different: {len(found)} of {len(old)} values, on the same commit, versions and machine")
        return Finding.DIFFERENT
    made = repetition(old, fresh, _distance(record, old), _reference(record))
    whole = {"finding": made.finding, "power": made.power}
    write_json(results / record.again / "verify.json", asdict(made) | whole)
    report(made)
    return made.finding


def of_cell(recorded: pd.DataFrame, cell: str) -> pd.DataFrame:
    """The rows of DATASET/METHOD or of DATASET/METHOD/seedN; UserError where nothing was recorded of it."""
    methods = recorded["dataset"] + "/" + recorded["method"]
    runs = methods + "/seed" + recorded["seed"].astype(str)
    found = recorded[((runs == cell) | (methods == cell)) & (recorded["seed"] >= 0)]
    if found.empty:
        raise UserError(f"{plain(cell)}: nothing was recorded of it; take another, such as {plain(runs.iloc[-1])}")
    return found


def few_seeds(recorded: pd.DataFrame, asked: pd.DataFrame) -> str:
    """What to know before a run of ``asked`` on another commit, versions or machine: so few seeds may show nothing."""
    of_method = (recorded["dataset"] == asked["dataset"].iloc[0]) & (recorded["method"] == asked["method"].iloc[0])
    known = recorded[of_method]["seed"].nunique()
    remedy = f"leave /seedN away for all {known}" if known >= FEWEST else f"the record has {known}"
    return (
        f"not the recorded commit, versions and machine: where bits differ, it takes {FEWEST} seeds to show a "
        f"repetition; seeds made again: {asked['seed'].nunique()} ({remedy})"
    )


def _reference(record: Recorded) -> str:
    evaluation = record.config.get("evaluation")
    return str(evaluation.get("reference", "test")) if isinstance(evaluation, Mapping) else "test"


def _distance(record: Recorded, old: pd.DataFrame) -> str | None:
    report = record.config.get("report")
    if isinstance(report, Mapping) and report.get("primary"):
        return str(report["primary"])
    measured = set(old["metric"])
    own = record.config.get("extractors")
    named = (*PRIMARY_EXTRACTORS, *(own if isinstance(own, Mapping) else ()))  # as Experiment.distance
    return next((f"fid_{name}" for name in named if f"fid_{name}" in measured), None)


def rerun(record: Recorded, cell: str, results: Path, recorded: Path) -> pd.DataFrame:
    """The scores of a recorded run, or of all seeds of a method, trained and evaluated again as recorded.

    What a former call left is deleted first, unless it was stopped at the same cells of the same record: then this one
    goes on.
    UserError, before anything is written or deleted, for a cell that was not recorded, for settings that the recorded
    config no longer leads to, and for code that no config may name or that came with the folder ``recorded``.
    """
    cells = record.cells
    wanted = [name for name in cells if cell in (name, name.rpartition("/")[0])]
    if not wanted:
        raise unknown_name("cell", cell, cells)
    used = devices(recorded / "runs.csv")
    here = "cpu" if {used.get(name) for name in wanted} == {"cpu"} else "auto"
    plan, layout = load_plan(config_to_rerun(record, here)), Layout(results)
    runs = [plan.run(name) for name in wanted]
    for run, name in zip(runs, wanted, strict=True):
        _check_settings(run, cells[name].settings, name)
    refuse_code_of(recorded, plan)
    check_plugins(plan)
    folder = plan.folder(layout)
    folders = [folder.run(Cell.parse(name)).path for name in wanted]
    begun, this = folder.file("begun.json"), {"manifest": sha256_file(recorded / "manifest.json"), "cell": cell}
    if not begun.exists() or read_json(begun) != this:
        for path in folders:
            shutil.rmtree(path, ignore_errors=True)
        write_json(begun, this)
    for name in wanted:
        one = Cell.parse(name)
        api.prepared(plan, one.dataset, layout)
        stages.train(plan, one, layout)  # a run that diverges again is a result too
        api.evaluate(plan, one, results)
    tables = folder.file("metrics.csv"), folder.file("runs.csv")
    collect(runs, folders, [], *tables)
    begun.unlink()
    return load_metrics(tables[0])


def _check_settings(run: RunSettings, recorded: Mapping[str, Any], cell: str) -> None:
    now = run.training.model_dump(mode="json")
    changed = sorted(key for key in {*now, *recorded} if now.get(key) != recorded.get(key, now.get(key)))
    if changed:
        said = ", ".join(f"{plain(key)} {shown(recorded.get(key))} -> {shown(now.get(key))}" for key in changed[:10])
        raise UserError(f"{cell}: the defaults now add other settings ({said}); check out the recorded commit")


def differing(recorded: pd.DataFrame, fresh: pd.DataFrame) -> list[str]:
    """A line for each recorded value that is not there in the same bits."""
    values = {_key(row): float(row["value"]) for row in fresh.to_dict("records")}
    found = []
    for row in recorded.to_dict("records"):
        old, new = float(row["value"]), values.get(_key(row))
        if new is None or not (old == new or (math.isnan(old) and math.isnan(new))):
            run = f"{plain(row['dataset'])}/{plain(row['method'])}/seed{row['seed']}"
            told = "nothing" if new is None else repr(new)
            found.append(f"{run} {plain(row['metric'])} {plain(row['subject'])}: recorded {old!r}, found {told}")
    return found


def _key(row: Mapping[Any, Any]) -> tuple[str, ...]:
    # A column of counts is read as floats where any of it is empty: 500 and 500.0 are one key.
    return tuple(
        "" if pd.isna(row[key]) else f"{row[key]:.17g}" if _number(row[key]) else str(row[key]) for key in KEYS
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def report(found: Repetition) -> None:
    """Print what was found of each measure and cell, what would have been noticed, and the whole."""
    for measure in found.measures:
        if measure.finding is not Finding.IDENTICAL:
            print(_measure_said(measure))
    for cell in found.cells:
        if cell.finding is not Finding.IDENTICAL:
            print(_cell_said(cell))
    noisy = [m for m in found.measures if m.power is not None and m.power < POWER]
    few = [m for m in found.measures if m.finding is Finding.UNDECIDED and m.power is None]
    if few:
        print(f"too few seeds: {min(min(m.seeds) for m in few)}, need {FEWEST} or more to show equivalence")
    if noisy and found.finding is Finding.UNDECIDED:
        print(f"too noisy for so few seeds: {len(noisy)} measures; run more seeds")
    print(
        f"{found.finding}: {len(found.measures)} measures; a true repetition passes in at least {found.power:.0%}, one "
        "that differs by a margin in at most 5%"
    )


def _cell_said(found: Together) -> str:
    said = f"{found.finding}: {plain(found.dataset)}/{plain(found.method)}, all {found.scores} scores together: "
    if found.finding is Finding.MISSING:
        return f"{said}a score is missing"
    recorded, fresh = found.seeds
    if found.lacking:
        said += f"fresh scores of {found.lacking} of {recorded} recorded seeds are lacking; "
    if found.p is None:
        return f"{said}no test of {recorded} recorded and {fresh} fresh seeds can reject at 5%; run more seeds"
    return f"{said}p = {found.p:.3g}"


def _measure_said(found: Compared) -> str:
    where = f"{plain(found.dataset)}/{plain(found.method)} {plain(found.measure)} {plain(found.subject)}"
    if found.fresh is None:
        return f"{found.finding}: {where}: recorded {found.recorded:.4g}, found nothing"
    unit = " times" if found.ratio else ""
    values = f"recorded {found.recorded:.4g}, found {found.fresh:.4g}, margin {found.margin:g}{unit}"
    said = f"{found.finding}: {where}: {values}"
    if found.p_equal is None or found.noticeable is None:
        return said
    return (
        f"{said}; equal within it p = {found.p_equal:.2g}, different p = {found.p_different:.2g}; a difference of "
        f"{found.noticeable:.3g}{unit} would have been noticed"
    )
