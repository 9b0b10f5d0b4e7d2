"""Where the cores lie that a process's threads run on: on a virtual machine the host moves them meanwhile.

Cores that share a cache hand data over several times as fast as cores that do not. What passes data between threads in
many small operations then takes two or three times as long, though nothing else runs, and no setting of the process
changes it. Where the host puts two of them on one core, a hand-over is even faster, but arithmetic takes twice as long.
So both are measured beside each sample.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

APART = 2.0  # times the fastest hand-over: cores that share no cache take from three times on
SHARED = 1.5  # times the fastest product: 1.2 times where cores share no cache, 1.9 times where they are one
HANDOVERS, PRODUCTS = 3, 2  # of so many the fastest counts
PATIENCE_SECONDS = 5.0  # before a sample, for the cores to come together
PATIENCE_SHARE = 0.3  # of a group's seconds, at most, are spent so
POINTS_PER_THREAD = 8192  # torch splits no operation of less than 32,768 elements, and SCALES times as many are split
SCALES = 7
PRODUCT_SIZE = 512  # of square matrices, about 1.4 ms with two threads


class Look(NamedTuple):
    """What two pieces of work for all threads took, in seconds."""

    handover: float
    product: float

    def slower(self, other: "Look") -> "Look":
        """The slower of both, for each piece of work."""
        return Look(max(self.handover, other.handover), max(self.product, other.product))

    def is_no_faster(self, other: "Look") -> bool:
        """Whether the other one took at most as long for each piece of work."""
        return other.handover <= self.handover and other.product <= self.product


class Probe:
    """Looks at the cores: times a hand-over of data between threads, and a product of matrices before and after it.

    A hand-over is two operations between which data changes threads, as in a tile of the fused penalty: one writes
    (7, m) values in blocks of rows, the other sums over the rows in blocks of columns. The fastest of a few counts, of
    products the slower of before and after, so that a hand-over within one core never passes for one between two. Both
    are 0.0 with one thread or on a GPU, where no cores have to lie together.
    """

    def __init__(self, threads: int, device: torch.device) -> None:
        self.is_needed = threads > 1 and device.type == "cpu"
        size = threads * POINTS_PER_THREAD if self.is_needed else 0
        side = PRODUCT_SIZE if self.is_needed else 0
        self.values, self.rows = torch.ones(size), torch.empty(SCALES, size)
        self.shifts, self.weights = torch.zeros(SCALES, 1), torch.full((SCALES,), 1.0 / SCALES)
        self.factor, self.result = torch.full((side, side), 1.0 / max(side, 1)), torch.empty(side, side)

    def __call__(self) -> Look:
        if not self.is_needed:
            return Look(0.0, 0.0)
        before = _fastest(self._multiply, PRODUCTS)
        handover = _fastest(self._hand_over, HANDOVERS)
        return Look(handover, max(before, _fastest(self._multiply, PRODUCTS)))

    def _hand_over(self) -> None:
        torch.add(self.values, self.shifts, out=self.rows)
        torch.mv(self.rows.T, self.weights, out=self.values)

    def _multiply(self) -> None:
        torch.mm(self.factor, self.factor, out=self.result)


def _fastest(work: Callable[[], None], times: int) -> float:
    """The fewest seconds of so many calls."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


class Cores:
    """Tells samples taken while the cores lay together from those taken while they lay apart, or were one."""

    def __init__(self, look: Callable[[], Look], now: Callable[[], int]) -> None:
        """``look()`` gives seconds of a hand-over and a product, ``now()`` nanoseconds."""
        self.look = look
        self.now = now
        self.best: list[Look] = []  # looks that no other is faster than in both
        self.patience = 0.0  # seconds that a group of points may still wait
        self.waited = 0.0  # seconds

    @property
    def fastest(self) -> Look:
        """The fastest product so far, and the fastest hand-over of the looks whose cores were not one."""
        product = min((look.product for look in self.best), default=float("inf"))
        handovers = (look.handover for look in self.best if look.product <= SHARED * product)
        return Look(min(handovers, default=float("inf")), product)

    def probe(self) -> Look:
        """A look now."""
        found = self.look()
        if not any(found.is_no_faster(look) for look in self.best):
            self.best = [look for look in self.best if not look.is_no_faster(found)] + [found]
        return found

    def are_together(self, found: Look) -> bool:
        """Whether a look was at cores that lie together and are not one, by the fastest seen so far."""
        fastest = self.fastest
        return found.handover <= APART * fastest.handover and found.product <= SHARED * fastest.product

    def gather(self) -> Look:
        """Wait for the cores to come together, while patience lasts; the last look."""
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

    def together(self, looks: Sequence[Look]) -> list[bool]:
        """Of each sample, whether the cores lay together, by the slower of the looks before and after it."""
        return [self.are_together(found) for found in looks]
