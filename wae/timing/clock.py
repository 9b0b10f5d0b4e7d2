"""Times calls and their parts, on a clock that waits for the device."""

import time
from collections.abc import Callable

import torch

Mark = Callable[[str], None]  # a timed call announces the end of a part by it


class Clock:
    """The monotonic clock, read when the device has done all work given to it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def now(self) -> int:
        """Nanoseconds."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter_ns()

    @property
    def marks_cost(self) -> bool:
        """Whether a mark disturbs what it measures, as a synchronisation does."""
        return self.device.type == "cuda"


class Stopwatch:
    """Runs calls and splits their time by the marks they make."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def time(self, call: Callable[[Mark], object], repeats: int = 1) -> dict[str, float]:
        """Seconds a call, "total" and by part, averaged over ``repeats`` calls in a row."""
        if not self.clock.marks_cost:
            return self._time(call, repeats, marks=True)
        whole = self._time(call, repeats, marks=False)
        return self._time(call, repeats, marks=True) | whole

    def _time(self, call: Callable[[Mark], object], repeats: int, marks: bool) -> dict[str, float]:
        parts: dict[str, int] = {}
        now = self.clock.now
        last = start = now()

        def mark(part: str) -> None:
            nonlocal last
            moment = now()
            parts[part] = parts.get(part, 0) + moment - last
            last = moment

        chosen: Mark = mark if marks else (lambda part: None)
        for _ in range(repeats):
            call(chosen)
        total = now() - start
        return {name: value / 1e9 / repeats for name, value in {**parts, "total": total}.items()}
