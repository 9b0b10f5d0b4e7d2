"""Interleaved rounds, ratios of what ran side by side, and fits of growth."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

Name = TypeVar("Name")


class Spent(NamedTuple):
    """Seconds on the wall clock, and seconds that this process computed (all threads)."""

    wall: float
    cpu: float


class Stopwatch:
    """Both clocks at once."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def stop(self) -> Spent:
        """What was spent since the watch was made."""
        return Spent(time.perf_counter() - self.wall, time.process_time() - self.cpu)


class Ratio(NamedTuple):
    """How many times longer one contestant took than another: median over rounds, and its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, other: Sequence[Spent], ours: Sequence[Spent]) -> Self:
        """Of the same rounds, by computing time, which the load of other processes moves least."""
        found = [a[1] / b[1] for a, b in zip(other, ours, strict=True)]
        low, high = np.quantile(found, [0.25, 0.75])
        return cls(statistics.median(found), float(low), float(high))


def interleave(contestants: dict[Name, Callable[[], Spent]], rounds: int) -> dict[Name, list[Spent]]:
    """What each contestant's calls spent in ``rounds`` rounds after one that is dropped; the order rotates."""
    spent: dict[Name, list[Spent]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds + 1):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            found = contestants[name]()
            if turn:
                spent[name].append(found)
    return spent


def timed(call: Callable[[], Any], least: float = 0.0) -> Callable[[], Spent]:
    """A function that returns what one ``call`` spends, averaged over as many as take ``least`` seconds."""

    def run() -> Spent:
        count, watch = 0, Stopwatch()
        while True:
            call()
            count += 1
            spent = watch.stop()
            if spent.wall >= least:
                return Spent(spent.wall / count, spent.cpu / count)

    return run


def typical(spent: Sequence[Sequence[float]]) -> float:
    """The median of the computing seconds."""
    return statistics.median(found[1] for found in spent)


def power(x: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Exponent p and R^2 of seconds = c x^p, by least squares on the logarithms."""
    return line(np.log(x), np.log(seconds))[1:]


def line(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Intercept, slope and R^2 of y = a + b x, by least squares."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    slope, intercept = np.polyfit(x, y, 1)
    rest = y - slope * x - intercept
    return float(intercept), float(slope), float(1.0 - rest @ rest / ((y - y.mean()) @ (y - y.mean())))


def load() -> float:
    """Processes that wanted a core over the last minute, this one included."""
    return os.getloadavg()[0]
