"""The wall-clock study, on a clock that the calls themselves move: no test depends on the machine's speed."""

import csv
import io
import itertools
from collections.abc import Callable

import pytest
import torch

from wae.core.settings import TimingSettings
from wae.timing.clock import Stopwatch
from wae.timing.cores import Cores, Look
from wae.timing.load import NOISE_CORES, WINDOW_SECONDS, Load
from wae.timing.rounds import Point, Study, TooLargeError, predicted_bytes
from wae.timing.study import table

CPU = torch.device("cpu")


class FakeClock:
    """Time stands still but for what a call spends."""

    marks_cost = False

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        return self.time

    def spend(self, seconds: float) -> None:
        self.time += round(seconds * 1e9)


class FakeMeter:
    """Processor times set by the test."""

    def __init__(self, clock: FakeClock, others: float = 0.0) -> None:
        self.clock = clock
        self.others = others  # cores
        self.used = 0.0
        self.since = 0

    def wall(self) -> float:
        return self.clock.now() / 1e9

    def busy(self) -> float:
        self.used += (1.0 + self.others) * (self.clock.now() - self.since) / 1e9
        self.since = self.clock.now()
        return self.used

    def own(self) -> float:
        return self.wall()


def settings(**values) -> TimingSettings:
    return TimingSettings(**{"rounds": 5, "max_rounds": 8, "warmup": 2, "cap_seconds": 10.0, **values})


def study(
    clock: FakeClock,
    free: float = 1e12,
    peak: Callable | None = None,
    others: float = 0.0,
    look: Callable[[], Look] | None = None,
    **values,
) -> Study:
    def no_peak(call: Callable[[], object]) -> int | None:
        return None

    cores = Cores(look or (lambda: Look(0.0, 0.0)), clock.now)
    return Study(settings(**values), clock, Load(FakeMeter(clock, others)), cores, peak or no_peak, lambda: free)


def point(clock: FakeClock, seconds: float | Callable[[], float], subject: str = "a", n: int = 10, log=None) -> Point:
    labels = {"study": "penalty", "dataset": "", "subject": subject, "n": n, "latent_dim": 8, "critic_width": None}

    def prepare():
        def call(mark) -> None:
            spent = seconds() if callable(seconds) else seconds
            clock.spend(0.25 * spent)
            mark("penalty")
            clock.spend(0.75 * spent)
            mark("critic")
            if log is not None:
                log.append((subject, n))

        return call

    return Point(labels, (subject,), n, prepare)


def rows_of(points) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table(points))))


def test_parts_and_total() -> None:
    clock = FakeClock()
    p = point(clock, 2.0)
    study(clock).measure([p], 1e9)
    assert p.rounds == 6  # 5 asked for, 6 needed for an interval
    found = {row["part"]: row for row in rows_of([p])}
    assert list(found) == ["penalty", "critic", "total"]
    assert [float(found[part]["seconds"]) for part in found] == [0.5, 1.5, 2.0]
    assert found["total"]["status"] == "ok"


def test_warm_up_is_dropped() -> None:
    clock = FakeClock()
    spent = itertools.chain([0.5, 0.4], itertools.repeat(0.1))
    p = point(clock, lambda: next(spent))
    study(clock, warmup=2).measure([p], 1e9)
    assert p.seconds["total"] == pytest.approx([0.1] * p.rounds)


@pytest.mark.parametrize(("seconds", "calls"), [(0.4, 3), (0.6, 2), (1.5, 1)])
def test_slow_calls_are_warmed_up_for_a_second(seconds: float, calls: int) -> None:
    clock, log = FakeClock(), []
    p = point(clock, seconds, log=log)
    study(clock, warmup=3).measure([p], 1e9)
    assert len(log) == calls + p.rounds


def test_rounds_interleave_in_an_order_that_the_seed_fixes() -> None:
    def order(seed: int) -> list[tuple[str, int]]:
        clock, log = FakeClock(), []
        points = [point(clock, 1.0, s, n, log) for s in "abc" for n in (1, 2)]
        study(clock, seed=seed, rounds=6, max_rounds=6).measure(points, 1e9)
        return log

    log = order(0)
    assert log == order(0)
    assert log != order(1)
    rounds = [log[start : start + 6] for start in range(12, 48, 6)]  # after two warm-ups of six points
    assert len(log) == 12 + 36
    for each in rounds:
        assert len(set(each)) == 6
    assert len({tuple(each) for each in rounds}) > 1


def test_unsettled_points_go_on_to_max_rounds() -> None:
    clock = FakeClock()
    restless = itertools.cycle([1.0, 2.0, 3.0])
    calm, wild = point(clock, 1.0, "calm"), point(clock, lambda: next(restless), "wild")
    study(clock, rounds=10, max_rounds=15).measure([calm, wild], 1e9)
    assert (calm.rounds, wild.rounds) == (10, 15)


def test_a_point_that_grows_slow_after_its_warm_up_is_given_up() -> None:
    clock = FakeClock()
    spent = itertools.chain([0.6, 0.6], itertools.repeat(12.0))
    slow, calm = point(clock, lambda: next(spent), "slow"), point(clock, 1.0, "calm")
    timed = study(clock, warmup=2, cap_seconds=10.0)
    timed.measure([slow, calm], 1e9)
    assert (slow.status, slow.rounds, calm.status, calm.rounds) == ("over_cap", 3, "ok", 6)
    assert len(timed.lines) == 1


def test_fast_calls_are_repeated_within_a_sample() -> None:
    clock, log = FakeClock(), []
    p = point(clock, 1e-4, log=log)
    study(clock, rounds=6, max_rounds=6).measure([p], 1e9)
    assert p.repeats == 100
    assert len(log) == 2 + 6 * 100
    assert p.seconds["total"] == pytest.approx([1e-4] * 6)
    assert p.seconds["penalty"] == pytest.approx([2.5e-5] * 6)


def test_a_slow_point_is_reported_and_larger_ones_are_not_run(capsys) -> None:
    clock, log = FakeClock(), []
    points = [point(clock, 0.01 * n**2, "a", n, log) for n in (10, 40, 80)]
    points += [point(clock, 0.01 * n, "b", n, log) for n in (10, 40, 80)]
    s = study(clock, cap_seconds=2.0)
    s.measure(points, 1e9)
    assert [p.status for p in points] == ["ok", "over_cap", "over_cap", "ok", "ok", "ok"]
    assert log.count(("a", 40)) == 1
    assert log.count(("a", 80)) == 0
    found = [(row["seconds"], row["rounds"]) for row in rows_of(points[1:3]) if row["part"] == "total"]
    assert found == [("16.0", "1"), ("", "0")]
    assert s.lines == [line for line in capsys.readouterr().err.splitlines() if "over the cap of 2 s" in line]


def test_a_first_call_little_over_the_cap_may_be_its_warm_up() -> None:
    clock = FakeClock()
    spent = itertools.chain([5.0], itertools.repeat(1.0))
    slow_start = point(clock, lambda: next(spent))
    study(clock, cap_seconds=2.0).measure([slow_start], 1e9)
    assert slow_start.status == "ok"
    log: list[tuple[str, int]] = []
    far_over = point(clock, 6.0, log=log)
    study(clock, cap_seconds=2.0).measure([far_over], 1e9)
    assert (far_over.status, len(log)) == ("over_cap", 1)


def test_too_much_memory_is_trimmed_with_a_line() -> None:
    clock, log = FakeClock(), []
    sizes = iter([10, 20, 40, 80])
    peak = lambda call: (call(), 1000 * next(sizes) ** 2)[1]  # noqa: E731
    points = [point(clock, 1.0, "a", n, log) for n in (10, 20, 40, 80)]
    s = study(clock, free=8e6, peak=peak)
    s.measure(points, 1e9)
    assert [p.status for p in points] == ["ok", "ok", "ok", "trimmed"]
    assert ("a", 80) not in log
    assert "subject=a n=80" in s.lines[0]
    assert "0.0 GB" in s.lines[0]
    assert points[2].peak_bytes == 1_600_000


def test_memory_grows_as_the_last_two_sizes_did() -> None:
    assert predicted_bytes([], 10) is None
    assert predicted_bytes([(10, 100)], 20) == 200.0
    assert predicted_bytes([(10, 100)], 20, 2.0) == 400.0
    assert predicted_bytes([(5, 0), (10, 100)], 20, 2.0) == 400.0  # nothing was seen of the smaller one
    assert predicted_bytes([(10, 100), (20, 200)], 80) == pytest.approx(800.0)
    assert predicted_bytes([(10, 100), (20, 400)], 40) == pytest.approx(1600.0)
    assert predicted_bytes([(10, 100), (20, 100)], 40) == pytest.approx(200.0)  # at least linearly
    assert predicted_bytes([(10, 100), (20, 6400)], 40) == pytest.approx(51200.0)  # at most cubically


def test_the_budget_ends_the_rounds(capsys) -> None:
    clock = FakeClock()
    points = [point(clock, 1.0, s) for s in "ab"]
    s = study(clock)
    s.measure(points, 4 + 5.5)  # two warm-ups each, then under three rounds
    assert sorted(p.rounds for p in points) in ([2, 3], [3, 3])
    assert all(p.status == "ok" for p in points)
    assert "budget is spent" in s.lines[0]


def test_a_spent_budget_leaves_out_what_has_not_begun() -> None:
    clock = FakeClock()
    points = [point(clock, 4.0, "a", n) for n in (1, 2, 3)]
    study(clock).measure(points, 10.0)
    assert [p.status for p in points] == ["no_time", "no_time", "no_time"]
    assert [row["seconds"] for row in rows_of(points)] == ["", "", ""]


def test_a_size_that_the_data_do_not_allow() -> None:
    clock = FakeClock()
    p = point(clock, 1.0)

    def refuse():
        raise TooLargeError("12 training images make no batch of 64")

    p.prepare = refuse
    s = study(clock)
    s.measure([p], 1e9)
    assert p.status == "trimmed"
    assert "12 training images" in s.lines[0]


def test_noisy_rounds_are_marked_and_kept() -> None:
    clock = FakeClock()
    p = point(clock, 1.0)
    study(clock, others=NOISE_CORES * 2, rounds=6).measure([p], 1e9)
    assert p.noisy == [True] * 6
    row = rows_of([p])[-1]
    assert (row["rounds"], row["noisy_rounds"]) == ("6", "6")
    quiet = point(clock, 1.0)
    study(clock, others=NOISE_CORES / 2, rounds=6).measure([quiet], 1e9)
    assert quiet.noisy == [False] * 6


def test_short_samples_share_a_window() -> None:
    clock = FakeClock()
    meter = FakeMeter(clock, others=1.0)
    load, flags = Load(meter), []
    for _ in range(3):
        clock.spend(0.3 * WINDOW_SECONDS)
        flags.append(False)
        load.note(flags)
    assert load.windows == []
    clock.spend(0.3 * WINDOW_SECONDS)
    flags.append(False)
    load.note(flags)
    assert load.windows == [pytest.approx(1.0)]
    assert flags == [True] * 4


def test_marks_that_disturb_are_not_part_of_the_total() -> None:
    clock = FakeClock()

    def call(mark) -> None:
        clock.spend(1.0)
        mark("penalty")

    class Disturbing:
        marks_cost = True

        def now(self) -> int:
            clock.spend(0.125)  # a synchronisation
            return clock.now()

    found = Stopwatch(Disturbing()).time(call)
    assert found == {"penalty": 1.125, "total": 1.125}
