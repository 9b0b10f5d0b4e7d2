"""What a long job does now, on standard error."""

import sys
import time
from collections.abc import Callable
from typing import Never

from tqdm import tqdm

QUIET_SECONDS = 10.0
TERMINAL_SECONDS = 2.0  # between states of a bar
LOG_SECONDS = 30.0  # the same where it goes to a file, so that jobs of hours keep short logs


def progress_bar(job: str, unit: str, total: int, initial: int = 0) -> "tqdm[Never]":
    """A progress bar of ``total`` units, of which ``initial`` are done already; in ASCII, as any locale shows it."""
    interval = TERMINAL_SECONDS if sys.stderr.isatty() else LOG_SECONDS
    # Beyond maxinterval a thread of tqdm's own would show more states.
    return tqdm(
        total=total, initial=initial, unit=unit, desc=job, ascii=True, mininterval=interval, maxinterval=5 * interval
    )


class Progress:
    """Called with the name of each part as it begins; says it once the job has taken ten seconds, not before."""

    def __init__(self, job: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.job = job
        self.clock = clock
        self.start = clock()

    def __call__(self, part: str) -> None:
        spent = self.clock() - self.start
        if spent >= QUIET_SECONDS:
            print(f"{self.job}: {spent:.0f} s so far, now {part}", file=sys.stderr, flush=True)
