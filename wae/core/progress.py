"""What a long job does now, on standard error."""

import sys
import time
from collections.abc import Callable

QUIET_SECONDS = 10.0


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
