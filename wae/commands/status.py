"""What runs now, how far it is, and when it should end: read from the history files alone."""

import csv
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wae.core.errors import UserError
from wae.core.files import digest, read_json
from wae.core.layout import Cell, RunFolder
from wae.core.settings import MethodName, Name
from wae.planning.made_from import difference
from wae.planning.validation import validate

STALE_SECONDS = 120.0  # a history untouched for so long is of a run that was stopped


class _Part(BaseModel):
    """Of a plan what is used here, checked; further keys are left aside, so that a plan of an older commit is read."""

    model_config = ConfigDict(strict=True)


class _Length(_Part):
    epochs: Annotated[int, Field(ge=1, lt=2**31)]


class _Run(_Part):
    dataset: Name
    method: MethodName
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    training: _Length


class _Runs(_Part):
    runs: list[_Run]


class _Row(BaseModel):
    """Of a row of a history what is used here, read from text."""

    epoch: Annotated[int, Field(ge=0, lt=2**31)]
    seconds: Annotated[float, Field(ge=0, lt=2**31)]


@dataclass(frozen=True)
class RunStatus:
    """One run: epochs done and planned; waiting, running, stopped, failed, trained, evaluated or diverged.

    ``seconds``: of training so far; ``pace``: of an epoch, without what comes before the first one where two are done.
    """

    name: str
    state: str
    epoch: int
    epochs: int
    seconds: float
    pace: float = 0.0


def run_status(folder: Path, name: str, epochs: int, now: float, settings: str | None = None) -> RunStatus:
    """The status of the run in ``folder``; ``now`` in seconds since the epoch of the file times.

    ``settings``: the digest of the planned run's; a finished run of others is going to be trained again.
    """
    run = RunFolder(folder)
    history = run.history
    finished = run.record.exists()
    if settings and finished and difference(run.record, {"settings": settings}):
        if not run.checkpoint.exists():
            return RunStatus(name, "waiting", 0, epochs, 0.0)
        finished = False  # by hand it is trained again beside the old record
    done, seconds, pace = _course(history)
    if finished:
        state = "evaluated" if run.metrics.exists() else "trained"
        if read_json(run.record, "status")["status"] == "diverged":
            state = "diverged"
        return RunStatus(name, state, done, epochs, seconds, pace)
    signs = [file for file in (history, run.checkpoint, folder / "train.log") if file.exists()]
    touched = max((file.stat().st_mtime for file in signs), default=0.0)
    if touched == 0:
        return RunStatus(name, "waiting", 0, epochs, 0.0)
    if _failed(folder / "train.log"):
        return RunStatus(name, "failed", done, epochs, seconds, pace)
    return RunStatus(name, "running" if now - touched < STALE_SECONDS else "stopped", done, epochs, seconds, pace)


def _failed(log: Path) -> bool:
    """Whether a job's log ends with its error: in one line, or as Python says what nobody foresaw."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return False
    last = lines[-1] if lines else ""
    return last.startswith("error: ") or bool(re.match(r"(\w+\.)*\w*(Error|Exception)\b", last))


def _course(history: Path) -> tuple[int, float, float]:
    """Epochs done, seconds until then, and seconds of an epoch."""
    if not history.exists():
        return 0, 0.0, 0.0
    try:
        with history.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        first, row = (_Row.model_validate(rows[at] if rows else {"epoch": 0, "seconds": 0.0}) for at in (0, -1))
    except (ValueError, csv.Error) as error:  # not UTF-8, no table, another table
        raise UserError(
            f"{history}: damaged: its last row needs an epoch and seconds; delete it and train the run again"
        ) from error
    if row.epoch > first.epoch:
        return row.epoch, row.seconds, max(0.0, row.seconds - first.seconds) / (row.epoch - first.epoch)
    return row.epoch, row.seconds, row.seconds / max(1, row.epoch)


def plan_status(plan_path: Path, now: float) -> list[RunStatus]:
    """The status of every run of a plan."""
    found, plan = [], read_json(plan_path)
    for at, run in enumerate(validate(_Runs, plan, str(plan_path)).runs):
        name = str(Cell(run.dataset, run.method, run.seed))
        settings = digest(plan["runs"][at], 16)  # as wae.planning.jobs.run_settings
        found.append(run_status(plan_path.parent / name, name, run.training.epochs, now, settings))
    return found


def remaining_seconds(runs: list[RunStatus]) -> float | None:
    """Training seconds still to come at the pace of the runs so far, shared by the runs that go on now.

    A dataset without a pace of its own takes the mean pace of the others. None while nothing has a pace.
    """
    paces: dict[str, list[float]] = {}
    for run in runs:
        if run.epoch:
            paces.setdefault(run.name.split("/")[0], []).append(run.pace)
    if not paces:
        return None
    means = {name: sum(values) / len(values) for name, values in paces.items()}
    typical = sum(means.values()) / len(means)
    left = sum(
        (run.epochs - run.epoch) * means.get(run.name.split("/")[0], typical)
        for run in runs
        if run.state in ("waiting", "running", "stopped", "failed")
    )
    return left / max(1, sum(run.state == "running" for run in runs))


def print_status(results: Path) -> None:
    """Print the status of every experiment under ``results``."""
    plans = sorted(results.glob("*/plan.json"))
    if not plans:
        raise UserError(f"{results}: no plan.json below it; start a run first, for example with `make report`")
    for path in plans:
        runs = plan_status(path, time.time())
        counts = {state: sum(run.state == state for run in runs) for state in dict.fromkeys(run.state for run in runs)}
        print(f"{path.parent.name}: {len(runs)} runs, " + ", ".join(f"{n} {state}" for state, n in counts.items()))
        for run in runs:
            if run.state in ("running", "stopped", "failed", "diverged"):
                print(f"  {run.name}: {run.state}, epoch {run.epoch} of {run.epochs}, {run.seconds:.0f} s of training")
        left = remaining_seconds(runs)
        if left:
            end = time.strftime("%H:%M", time.localtime(time.time() + left))
            print(f"  training left: about {left / 60:.0f} min at this pace, to about {end}")
