"""What else ran on the machine: processor time that other processes took while we measured."""

import os
import time
from typing import Protocol

import psutil

NOISE_CORES = 0.25  # other processes busy on more than so many cores make a round noisy
WINDOW_SECONDS = 0.2  # processor times tick in hundredths, so shorter windows say nothing


class Meter(Protocol):
    """Readings that a load is made of, in seconds."""

    def wall(self) -> float: ...
    def busy(self) -> float: ...
    def own(self) -> float: ...


class SystemMeter:
    """The machine's own readings (psutil): wall clock, all processors' busy time, this process's time."""

    def wall(self) -> float:
        """Seconds of the monotonic clock."""
        return time.perf_counter()

    def busy(self) -> float:
        """Seconds that all processors together spent on anything but idling or waiting for a disk."""
        times = psutil.cpu_times()
        return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)

    def own(self) -> float:
        """Processor seconds of this process, all threads."""
        return time.process_time()


class Load:
    """Marks samples as noisy, by windows of at least WINDOW_SECONDS."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.windows: list[float] = []  # cores that others kept busy, one value per window
        self._pending: list[tuple[list[bool], int]] = []
        self._last = self._read()

    def note(self, flags: list[bool]) -> None:
        """A sample has ended; its flag is the last of ``flags``, set once its window closes."""
        self._pending.append((flags, len(flags) - 1))
        if self.meter.wall() - self._last[0] >= WINDOW_SECONDS:
            self.close()

    def close(self) -> float:
        """End the window: returns how many cores others kept busy in it, and marks its samples."""
        now = self._read()
        wall, busy, own = (b - a for a, b in zip(self._last, now, strict=True))
        others = max(0.0, busy - own) / wall if wall > 0 else 0.0
        for flags, index in self._pending:
            flags[index] = others > NOISE_CORES
        self._pending = []
        self._last = now
        self.windows.append(others)
        return others

    def _read(self) -> tuple[float, float, float]:
        return self.meter.wall(), self.meter.busy(), self.meter.own()


def load_average() -> list[float] | None:
    """The system's load averages over 1, 5 and 15 minutes; None where it keeps none."""
    return [round(value, 3) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
