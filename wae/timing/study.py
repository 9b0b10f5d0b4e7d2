"""The wall-clock study: what the penalties and the training steps cost, written as two tables and a JSON document."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from wae.compute import devices
from wae.core.files import csv_text, write_json, write_text
from wae.core.settings import ExecutionSettings, RunSettings, TimingSettings
from wae.timing import machine, memory
from wae.timing.clock import Clock
from wae.timing.cores import Cores, Probe
from wae.timing.load import Load, SystemMeter, load_average
from wae.timing.penalty import penalty_groups
from wae.timing.rounds import Point, Study, log, name_of
from wae.timing.step import step_points
from wae.timing.summary import summarise

COLUMNS = (
    *("study", "dataset", "subject", "n", "latent_dim", "critic_width", "part"),
    *("seconds", "q1", "q3", "low", "high", "rounds", "noisy_rounds", "peak_bytes", "status"),
)
ROUND_COLUMNS = (
    *("study", "dataset", "subject", "n", "latent_dim", "critic_width"),
    *("seconds", "noisy", "handover_seconds", "product_seconds", "together"),
)
BUSY_CORES = 0.25  # kept by other processes: more is said in the log
STEP_SHARE = 0.3  # of the budget, at most, for the training steps; the penalties have the rest
KEPT_SHARE = 0.2  # of the budget, at least, for the penalties whose memory is kept
MAKE_UP_SHARE = 0.15  # of the budget, with several threads, for other points that the cores lay apart under


def run_study(
    runs: Sequence[RunSettings],
    images: dict[str, Path],
    settings: TimingSettings,
    execution: ExecutionSettings,
    out_csv: Path,
    out_rounds: Path,
    out_machine: Path,
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Time the training steps of ``runs`` on ``images`` (prepared folders by dataset) and the latent penalties.

    Within a group (all steps; the penalties at one latent dimension; last, those at all of them whose memory is kept)
    every point has one sample a round, in random order. With several threads a sample waits a few seconds for cores
    that lie apart to come together; rounds while they lay apart are taken out, and points that lack six others have
    their turn again before the last group. A row is a part of a point; its seconds are those of one call: the median
    over rounds, its 95% interval by order statistics, quartiles. ``status``: ok; over_cap (a run, or three rounds, took
    longer than the cap); trimmed (too large for memory or data); no_time (the budget was spent before its first round);
    apart (the cores lay apart in all rounds). ``made_from``: digests, recorded as given.
    """
    device = devices.setup(execution)
    began = time.perf_counter()
    load = Load(SystemMeter())
    time.sleep(0.5)
    busy = load.close()
    before = {"load_average": load_average(), "cores_busy_with_others": busy}
    if busy > BUSY_CORES:
        log(f"other processes keep {busy:.2f} cores busy: what is timed beside them is too slow; better start again")
    clock, probe = Clock(device), Probe(execution.threads, device)
    study = Study(
        settings,
        clock,
        load,
        Cores(probe, clock.now),
        peak=lambda call: memory.peak_bytes(call, device),
        memory=lambda: memory.free_bytes(device),
    )
    steps = list(step_points(runs, images, settings, device))
    groups, kept = penalty_groups(settings, device)
    total = settings.total_seconds
    before_kept = total * (1.0 - KEPT_SHARE) if kept else total
    first_pass = before_kept - (MAKE_UP_SHARE * total if probe.is_needed else 0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # of the critics' weights
        study.measure(steps, STEP_SHARE * total)
        _in_turn(study, groups, lambda: first_pass - (time.perf_counter() - began))
        lacking = [[point for point in group if point.lacks_rounds(study.cores)] for group in (steps, *groups)]
        _in_turn(study, list(filter(None, lacking)), lambda: before_kept - (time.perf_counter() - began))
        if kept:
            with memory.keeping():
                study.measure(kept, total - (time.perf_counter() - began))
    points = [*itertools.chain(steps, *groups), *kept]
    load.close()
    write_text(out_rounds, table_of_rounds(points, study.cores))
    for point in points:
        point.part(study.cores)
    write_text(out_csv, table(points))
    write_json(
        out_machine,
        {
            **machine.describe(device, execution),
            "settings": settings.model_dump(),
            "made_from": dict(made_from or {}),
            "load_before": before,
            "load_during": _spread(load.windows[1:]),
            "noisy_rounds": sum(sum(point.noisy) for point in points),
            "rounds": sum(point.rounds for point in points),
            "left_out": study.lines,
            "cores_apart": _apart(points, study.cores),
            "wall_seconds": time.perf_counter() - began,
        },
    )


def _in_turn(study: Study, groups: Sequence[Sequence[Point]], left: Callable[[], float]) -> None:
    """Measure each group for its share, by its points, of the seconds that are left then."""
    for done, group in enumerate(groups):
        study.measure(group, max(left(), 0.0) * len(group) / sum(map(len, groups[done:])))


def _spread(windows: Sequence[float]) -> dict[str, Any]:
    """Cores busy with other processes while the study ran: mean and largest over its windows."""
    return {
        "windows": len(windows),
        "mean_cores_busy_with_others": sum(windows) / len(windows) if windows else None,
        "max_cores_busy_with_others": max(windows, default=None),
    }


def _apart(points: Sequence[Point], cores: Cores) -> dict[str, Any]:
    """Rounds while the cores lay apart or were one: how many were taken out and kept; what the first took, by point."""
    fastest = {f"fastest_{name}_seconds": value for name, value in cores.fastest._asdict().items()}
    return {
        **{name: value if 0.0 < value < float("inf") else None for name, value in fastest.items()},
        "seconds_waited": cores.waited,
        "rounds_taken_out": sum(len(point.apart) for point in points),
        "rounds_kept": sum(cores.together(point.looks).count(False) for point in points),
        "points": {
            name_of(point): {"rounds": len(point.apart), "median_seconds": summarise(point.apart).median}
            for point in points
            if point.apart
        },
    }


def table(points: Sequence[Point]) -> str:
    """timing.csv: a row for each part of each point, parts in the order they run, "total" last."""
    return _in_columns(COLUMNS, itertools.chain.from_iterable(map(_rows, points)))


def table_of_rounds(points: Sequence[Point], cores: Cores) -> str:
    """timing_rounds.csv: a row for each round of each point in its order, also of those that ``part`` takes out.

    ``seconds``: of the whole call. ``handover_seconds`` and ``product_seconds``: of the looks at the cores, the slower
    of before and after; ``together``: 1 where the cores lay together by them, else 0. All three are empty for the one
    run of a point over the cap.
    """
    rows = []
    for point in points:
        looks: list[dict[str, float]] = [
            {"handover_seconds": look.handover, "product_seconds": look.product, "together": int(lay)}
            for look, lay in zip(point.looks, cores.together(point.looks), strict=True)
        ]
        looks = looks or [{}] * len(point.noisy)
        for seconds, noisy, look in zip(point.seconds.get("total", []), point.noisy, looks, strict=True):
            rows.append(point.labels | {"seconds": seconds, "noisy": int(noisy)} | look)
    return _in_columns(ROUND_COLUMNS, rows)


def _in_columns(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    return csv_text(columns, ([row.get(column) for column in columns] for row in rows))


def _rows(point: Point) -> Iterator[dict[str, Any]]:
    shared = {
        **point.labels,
        "rounds": point.rounds,
        "noisy_rounds": sum(point.noisy),
        "peak_bytes": point.peak_bytes,
        "status": point.status,
    }
    if not point.rounds:
        yield {**shared, "part": "total"}
    for part, seconds in point.seconds.items():
        s = summarise(seconds)
        yield {**shared, "part": part, "seconds": s.median, "q1": s.q1, "q3": s.q3, "low": s.low, "high": s.high}
