"""Whether the cores that a process's threads run on lie together: on a virtual machine the host moves them meanwhile.

Cores that share a cache hand data over several times as fast as cores that do not. What passes data between threads in
many small operations then takes two or three times as long, though nothing else runs, and no setting of the process
changes it. So the time of a hand-over is measured beside each sample.
"""

import time
from collections.abc import Callable, Sequence

import torch

APART = 2.0  # times the fastest hand-over: cores that share no cache take from three times on
PROBE_CALLS = 3
PATIENCE_SECONDS = 5.0  # before a sample, for cores that lie apart to come together
PATIENCE_SHARE = 0.3  # of a group's seconds, at most, are spent so
POINTS_PER_THREAD = 8192  # torch splits no operation of less than 32,768 elements, and SCALES times as many are split
SCALES = 7


class Handover:
    """Seconds of two operations between which data changes threads, as in a tile of the fused penalty.

    One writes (7, m) values in blocks of rows, the other sums over the rows in blocks of columns. The fastest of three
    such pairs counts. 0.0 with one thread or on a GPU, where nothing is handed over.
    """

    def __init__(self, threads: int, device: torch.device) -> None:
        self.is_needed = threads > 1 and device.type == "cpu"
        size = threads * POINTS_PER_THREAD if self.is_needed else 0
        self.values, self.rows = torch.ones(size), torch.empty(SCALES, size)
        self.shifts, self.weights = torch.zeros(SCALES, 1), torch.full((SCALES,), 1.0 / SCALES)

    def __call__(self) -> float:
        if not self.is_needed:
            return 0.0
        return min(self._pair() for _ in range(PROBE_CALLS))

    def _pair(self) -> float:
        began = time.perf_counter()
        torch.add(self.values, self.shifts, out=self.rows)
        torch.mv(self.rows.T, self.weights, out=self.values)
        return time.perf_counter() - began


class Cores:
    """Tells samples taken while the cores lay together from those taken while they lay apart."""

    def __init__(self, handover: Callable[[], float], now: Callable[[], int]) -> None:
        """``handover()`` gives the seconds of a hand-over, ``now()`` nanoseconds."""
        self.handover = handover
        self.now = now
        self.fastest = float("inf")
        self.patience = 0.0  # seconds that a group of points may still wait
        self.waited = 0.0  # seconds

    def probe(self) -> float:
        """Seconds of a hand-over now."""
        found = self.handover()
        self.fastest = min(self.fastest, found)
        return found

    def are_together(self, found: float) -> bool:
        """Whether a hand-over of so many seconds was between cores that lie together, by the fastest seen so far."""
        return found <= APART * self.fastest

    def gather(self) -> float:
        """Wait for the cores to come together, while patience lasts; the seconds of the last hand-over."""
        most = min(PATIENCE_SECONDS, self.patience)
        found = self.probe()
        began = end = self.now()
        while not self.are_together(found) and (end - began) / 1e9 < most:
            found = self.probe()
            end = self.now()
        spent = (end - began) / 1e9
        self.patience -= spent
        self.waited += spent
        return found

    def together(self, handovers: Sequence[float]) -> list[bool]:
        """Of each sample, whether the cores lay together, by the slower of the hand-overs before and after it."""
        return [self.are_together(found) for found in handovers]
