"""Timing of many things side by side: interleaved rounds in random order, caps, a budget, and marked noise."""

import gc
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wae.core.settings import TimingSettings
from wae.timing.clock import Clock, Mark, Stopwatch
from wae.timing.cores import PATIENCE_SHARE, Cores, Look
from wae.timing.load import Load
from wae.timing.summary import LEAST_ROUNDS, is_settled

SAMPLE_SECONDS = 10e-3  # a faster call is repeated within a round until it has taken so long
MOST_ROUNDS = 2  # times max_rounds, where the cores lay apart in some
CAP_ROUNDS = 3  # after so many a point that is over the cap is given up, whatever its warm-up took
WARM_UP_SECONDS = 1.0  # no further warm-up call once they have taken so long
TOO_LARGE, NO_TIME = "trimmed", "no_time"  # why a point is left out
APART = "apart"  # all rounds of a point were while the cores lay apart
BUDGET_SPENT = "the budget of total_seconds is spent"


class TooLargeError(Exception):
    """Raised by a point's preparation when its size cannot be timed; says why."""


@dataclass
class Point:
    """One thing to time. ``prepare()`` makes its inputs and returns the call; the call announces the end of its parts.

    ``key`` orders growing sizes of one thing: once one is over the cap or too large, larger ones are not tried.
    """

    labels: dict[str, Any]
    key: tuple[Any, ...]
    n: int
    prepare: Callable[[], Callable[[Mark], object]]
    before: Callable[[Callable[[], object]], object] | None = None  # gets the call before each sample, untimed
    memory_power: float = 1.0  # memory is taken to grow as n to this, until two sizes tell
    call: Callable[[Mark], object] | None = None
    repeats: int = 1
    status: str = "ok"
    peak_bytes: int | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict)  # by part, one value per round
    noisy: list[bool] = field(default_factory=list)  # one value per round
    looks: list[Look] = field(default_factory=list)  # at the cores, one value per round
    apart: list[float] = field(default_factory=list)  # totals of the rounds that ``part`` took out

    @property
    def rounds(self) -> int:
        """Rounds done."""
        return len(self.seconds.get("total", []))

    def lacks_rounds(self, cores: Cores) -> bool:
        """Whether too few rounds for an interval are left besides those while the cores lay apart."""
        kept = cores.together(self.looks)
        return self.status == "ok" and not all(kept) and sum(kept) < LEAST_ROUNDS

    def part(self, cores: Cores) -> None:
        """Take out the rounds while the cores lay apart; a point that has no others keeps them, its status says so."""
        kept = cores.together(self.looks)
        if all(kept):
            return
        if not any(kept):
            self.status = APART if self.status == "ok" else self.status
            return
        self.apart = [value for value, is_kept in zip(self.seconds["total"], kept, strict=True) if not is_kept]
        self.seconds = {name: list(itertools.compress(values, kept)) for name, values in self.seconds.items()}
        self.noisy = list(itertools.compress(self.noisy, kept))
        self.looks = list(itertools.compress(self.looks, kept))


def log(line: str) -> None:
    """A line for the stage's log."""
    print(line, file=sys.stderr)


class Study:
    """Times groups of points within a budget. Lines about what was left out go to ``log`` and to ``lines``."""

    def __init__(
        self,
        settings: TimingSettings,
        clock: Clock,
        load: Load,
        cores: Cores,
        peak: Callable[[Callable[[], object]], int | None],
        memory: Callable[[], float],
    ) -> None:
        """``peak`` gives the extra bytes that a call takes (None: unknown), ``memory`` the free bytes."""
        self.settings = settings
        self.stopwatch = Stopwatch(clock)
        self.clock = clock
        self.load = load
        self.cores = cores
        self.peak = peak
        self.memory = memory
        self.random = np.random.default_rng(settings.seed)
        self.lines: list[str] = []

    def measure(self, points: Sequence[Point], seconds: float) -> None:
        """Time ``points`` against each other for at most about ``seconds``; fills their results in place.

        Points that have rounds already get more of them, as many as they lack.
        """
        self.cores.patience = PATIENCE_SHARE * seconds
        deadline = self.clock.now() + int(seconds * 1e9)
        given_up: dict[tuple[Any, ...], str] = {}
        sizes: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
        for point in sorted(points, key=lambda p: p.n):
            if point.key in given_up:
                point.status = given_up[point.key]
                continue
            if point.rounds:
                self._resume(point, deadline)
                continue
            self._warm_up(point, sizes.setdefault(point.key, []), deadline)
            if point.status != "ok":
                given_up[point.key] = point.status
                point.call = None
        active = [point for point in points if point.status == "ok" and point.call is not None]
        gc.collect()
        gc.freeze()  # what is there already is not gone through again within a sample
        while active and self._round(active, deadline):
            active = [point for point in active if not self._is_over_cap(point) and not self._is_done(point)]
        gc.unfreeze()
        for point in points:
            point.call = None
            if point.status == "ok" and point.rounds == 0:
                self._leave_out(point, NO_TIME, BUDGET_SPENT)

    def _is_over_cap(self, point: Point) -> bool:
        """Whether the first rounds took longer than the cap, unlike the warm-up; it gets no more of them then."""
        cap = self.settings.cap_seconds
        if point.rounds != CAP_ROUNDS or (median := float(np.median(point.seconds["total"]))) <= cap:
            return False
        point.status = "over_cap"
        self._say(f"{name_of(point)}: {median:.2f} s in {CAP_ROUNDS} rounds, over the cap of {cap:g} s")
        return True

    def _is_done(self, point: Point) -> bool:
        kept = list(itertools.compress(point.seconds["total"], self.cores.together(point.looks)))
        done = len(kept)
        if done >= self.settings.max_rounds or point.rounds >= MOST_ROUNDS * self.settings.max_rounds:
            return True
        return done >= self.settings.rounds and is_settled(kept)

    def _warm_up(self, point: Point, sizes: list[tuple[int, int]], deadline: int) -> None:
        free = self.memory()
        wanted = predicted_bytes(sizes, point.n, point.memory_power)
        if wanted is not None and wanted > 0.7 * free:
            self._leave_out(point, TOO_LARGE, f"it would take about {wanted / 1e9:.1f} GB of {free / 1e9:.1f} GB free")
            return
        if self.clock.now() > deadline:
            self._leave_out(point, NO_TIME, BUDGET_SPENT)
            return
        try:
            point.call = point.prepare()
        except TooLargeError as error:
            self._leave_out(point, TOO_LARGE, str(error))
            return
        first = self._time(point)
        if self.settings.cap_seconds < first["total"] < 3.0 * self.settings.cap_seconds:
            first = self._time(point)  # the first call also makes buffers and touches new memory
        if first["total"] > self.settings.cap_seconds:
            point.status = "over_cap"
            point.seconds = {name: [value] for name, value in first.items()}
            point.noisy = [False]
            self._say(f"{name_of(point)}: {first['total']:.2f} s, over the cap of {self.settings.cap_seconds:g} s")
            return
        call = point.call
        point.peak_bytes = self.peak(lambda: call(lambda part: None))
        if point.peak_bytes is not None:
            sizes.append((point.n, point.peak_bytes))
        best = spent = first["total"]
        for _ in range(self.settings.warmup - 1):
            if spent > WARM_UP_SECONDS:
                break
            seconds = self._time(point)["total"]
            best, spent = min(best, seconds), spent + seconds
        point.repeats = max(1, round(SAMPLE_SECONDS / max(best, 1e-9)))

    def _resume(self, point: Point, deadline: int) -> None:
        """Prepare and warm up, unless the budget is spent, a point that has been timed before."""
        if self.clock.now() <= deadline:
            point.call = point.prepare()
            self._time(point)

    def _round(self, active: list[Point], deadline: int) -> bool:
        """One sample of each point in random order; False once the deadline has passed."""
        for index in self.random.permutation(len(active)):
            point = active[index]
            if self.clock.now() > deadline:
                self._say(f"the budget is spent: {len(active)} points keep the rounds that they have")
                return False
            before = self.cores.gather()
            for name, value in self._time(point, point.repeats).items():
                point.seconds.setdefault(name, []).append(value)
            point.looks.append(before.slower(self.cores.probe()))
            point.noisy.append(False)
            self.load.note(point.noisy)
        return True

    def _time(self, point: Point, repeats: int = 1) -> dict[str, float]:
        """One sample, after ``before`` if there is one."""
        call = point.call
        assert call is not None
        if point.before is not None:
            point.before(lambda: call(lambda part: None))
        return self.stopwatch.time(call, repeats)

    def _leave_out(self, point: Point, status: str, reason: str) -> None:
        point.status = status
        self._say(f"{name_of(point)} and larger are left out: {reason}")

    def _say(self, line: str) -> None:
        self.lines.append(line)
        log(line)


def name_of(point: Point) -> str:
    """The point in words, for the log."""
    return " ".join(f"{name}={value}" for name, value in point.labels.items() if value not in ("", None))


def predicted_bytes(sizes: Sequence[tuple[int, int]], n: int, power: float = 1.0) -> float | None:
    """Bytes that size ``n`` will take, from (size, bytes) of smaller ones; None without any.

    They grow as the last two did, but at least linearly and at most cubically; as n**power if there is only one.
    """
    if not sizes:
        return None
    last_n, last = sizes[-1]
    if len(sizes) > 1 and last > 0 and sizes[-2][1] > 0:
        power = float(np.log(last / sizes[-2][1]) / np.log(last_n / sizes[-2][0]))
    return last * (n / last_n) ** min(max(power, 1.0), 3.0)
