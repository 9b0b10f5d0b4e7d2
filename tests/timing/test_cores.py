"""Rounds while the host keeps two cores apart or makes them one, on a clock and a host that the test moves."""

import csv
import io
import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import pandas as pd
import pytest
import torch

from tests.timing.test_timing import FakeClock, point, rows_of, study
from wae.analysis.costs.power_laws import measured
from wae.timing.cores import APART, PATIENCE_SECONDS, PATIENCE_SHARE, SHARED, Cores, Look, Probe
from wae.timing.rounds import MOST_ROUNDS, Point, Study
from wae.timing.study import _apart, table_of_rounds

CPU = torch.device("cpu")
PROBE = 1e-3  # seconds that a look takes


APART_LOOK = Look(5e-5, 1.2e-3)
ONE_CORE_LOOK = Look(0.8e-5, 1.9e-3)  # a hand-over within a core is the fastest


class Host:
    """Moves the cores in some spans of the clock, so that a look takes as long as ``moved`` and a call three times."""

    def __init__(self, *spans: tuple[float, float], moved: Look = APART_LOOK) -> None:
        self.clock = FakeClock()
        self.spans = spans
        self.moved = moved

    @property
    def keeps_apart(self) -> bool:
        return any(a <= self.clock.time / 1e9 < b for a, b in self.spans)

    def look(self) -> Look:
        self.clock.spend(PROBE)
        return self.moved if self.keeps_apart else Look(1e-5, 1e-3)

    def seconds(self) -> float:
        return 3.0 if self.keeps_apart else 1.0

    def study(self, **values) -> Study:
        return study(self.clock, look=self.look, **values)

    def point(self, subject: str = "a") -> Point:
        return point(self.clock, self.seconds, subject)


@pytest.mark.parametrize("moved", [APART_LOOK, ONE_CORE_LOOK])
def test_rounds_that_began_or_ended_apart_are_taken_out_and_made_up_for(moved: Look) -> None:
    host = Host((5.5, 6.5), moved=moved)  # two calls warm up, so this is the end of the fourth sample
    timed, p = host.study(), host.point()
    timed.measure([p], 1e9)
    assert p.rounds == 7  # six together are asked for, and one was apart
    each = list(csv.DictReader(io.StringIO(table_of_rounds([p], timed.cores))))
    assert [float(row["seconds"]) for row in each] == pytest.approx(p.seconds["total"])
    assert [row["together"] for row in each] == ["1", "1", "1", "0", "1", "1", "1"]
    assert [(float(row["handover_seconds"]), float(row["product_seconds"])) for row in each] == p.looks
    assert p.looks[3] == moved.slower(Look(1e-5, 1e-3))
    p.part(timed.cores)
    assert p.seconds["total"] == pytest.approx([1.0] * 6)
    assert p.seconds["critic"] == pytest.approx([0.75] * 6)
    assert len(p.noisy) == p.rounds == 6
    assert len(p.apart) == 1
    assert [row["rounds"] for row in rows_of([p])] == ["6"] * 3
    assert _apart([p], timed.cores) == {
        "fastest_handover_seconds": 1e-5,
        "fastest_product_seconds": 1e-3,
        "seconds_waited": pytest.approx(timed.cores.waited),
        "rounds_taken_out": 1,
        "rounds_kept": 0,
        "points": {"study=penalty subject=a n=10 latent_dim=8": {"rounds": 1, "median_seconds": p.apart[0]}},
    }


def test_a_sample_waits_for_the_cores() -> None:
    host = Host((2.5, 6.0))  # from the first sample's middle on
    timed, p = host.study(), host.point()
    timed.measure([p], 1e9)
    p.part(timed.cores)
    assert p.seconds["total"] == pytest.approx([1.0] * 6)
    assert p.apart == pytest.approx([1.0])  # which ended apart; the next one waited
    assert timed.cores.waited == pytest.approx(6.0 - 3.0, abs=0.05)


def test_waiting_has_an_end_for_a_sample_and_for_a_group() -> None:
    host = Host((3.2, 1e6))
    timed, p = host.study(max_rounds=8), host.point()
    timed.measure([p], seconds := 60.0)
    assert timed.cores.waited == pytest.approx(PATIENCE_SHARE * seconds, abs=2 * PROBE + 0.01)
    assert p.rounds <= MOST_ROUNDS * 8
    kinds = timed.cores.together(p.looks)
    assert 0 < kinds.count(True) < 6 < kinds.count(False)
    p.part(timed.cores)
    assert p.seconds["total"] == pytest.approx([1.0] * kinds.count(True))  # too few for an interval, but of one kind
    assert p.status == "ok"
    assert len(p.apart) == kinds.count(False)
    assert _apart([p], timed.cores)["rounds_kept"] == 0


def test_a_point_timed_only_while_the_cores_lay_apart_says_so() -> None:
    host = Host((0.5, 1e6))
    timed, p = host.study(max_rounds=8), host.point()
    timed.cores.probe()
    timed.measure([p], 60.0)
    p.part(timed.cores)
    rows = rows_of([p])
    assert {row["status"] for row in rows} == {"apart"}
    assert float(rows[-1]["seconds"]) == pytest.approx(3.0)
    assert _apart([p], timed.cores)["rounds_kept"] == p.rounds > 0
    assert not judged(rows).any()


def judged(rows: list[dict[str, str]]) -> "pd.Series[bool]":
    """Which rows a fit or a verdict would use."""
    return measured(pd.DataFrame(rows).astype({"rounds": int}))


def test_points_that_lack_rounds_get_those_that_they_lack() -> None:
    host = Host((6.5, 60.0))
    timed, p, q = host.study(max_rounds=8), host.point("a"), host.point("b")
    timed.measure([p, q], 50.0)
    assert p.lacks_rounds(timed.cores)
    before = p.rounds
    host.clock.time = round(60.5e9)
    timed.measure([p], 100.0)
    assert host.clock.time / 1e9 == pytest.approx(60.5 + 1.0 + (p.rounds - before) * 1.0, abs=0.1)  # one warm-up
    assert q.lacks_rounds(timed.cores)
    assert not p.lacks_rounds(timed.cores)
    p.part(timed.cores)
    assert p.seconds["total"] == pytest.approx([1.0] * 6)


def test_a_spent_budget_leaves_a_point_the_rounds_that_it_has() -> None:
    host = Host((3.5, 1e6))
    timed, p = host.study(max_rounds=8), host.point()
    timed.measure([p], 30.0)
    before = list(p.seconds["total"])
    timed.measure([p], -1.0)
    assert p.seconds["total"] == before
    assert p.status == "ok"


@pytest.mark.parametrize(("spans", "lacks"), [((), False), (((2.5, 3.5),), False), (((4.5, 1e6),), True)])
def test_what_lacks_rounds(spans: tuple[tuple[float, float], ...], lacks: bool) -> None:
    host = Host(*spans)
    timed, p = host.study(rounds=7, max_rounds=7), host.point()
    timed.measure([p], 40.0)
    assert p.lacks_rounds(timed.cores) is lacks
    p.status = "over_cap"
    assert not p.lacks_rounds(timed.cores)


def test_one_wait_ends_after_its_patience() -> None:
    host = Host((1.0, 1e6))
    cores = Cores(host.look, host.clock.now)
    cores.patience = 2.0 * PATIENCE_SECONDS
    cores.probe()
    host.clock.spend(2.0)
    assert not cores.are_together(cores.gather())
    assert cores.waited == pytest.approx(PATIENCE_SECONDS, abs=2 * PROBE)


def test_a_point_ends_though_the_cores_stay_apart() -> None:
    host = Host((3.2, 1e6))
    p = host.point()
    host.study(max_rounds=8).measure([p], 1e9)
    assert p.rounds == MOST_ROUNDS * 8


def test_a_study_that_begins_apart_knows_it_once_they_have_come_together() -> None:
    host = Host((0.0, 15.5))
    timed = host.study()
    p, q = host.point("a"), host.point("b")
    timed.measure([p, q], 1e9)
    for each in (p, q):
        each.part(timed.cores)
        assert each.seconds["total"] == pytest.approx([1.0] * len(each.seconds["total"]))
    assert len(p.apart) + len(q.apart) > 0


def test_a_steady_host_changes_nothing() -> None:
    host = Host()
    timed, p = host.study(), host.point()
    timed.measure([p], 1e9)
    p.part(timed.cores)
    assert p.rounds == 6
    assert p.apart == []


TOGETHER, APART_HERE, ONE = Look(46e-6, 1.39e-3), Look(140e-6, 1.69e-3), Look(26e-6, 2.68e-3)  # as measured once


@pytest.mark.parametrize("seen", list(itertools.permutations([TOGETHER, APART_HERE, ONE, Look(50e-6, 1.4e-3)])))
@pytest.mark.parametrize(
    ("look", "together"),
    [
        (TOGETHER, True),
        (APART_HERE, False),
        (ONE, False),
        (Look(APART * 46e-6, SHARED * 1.39e-3), True),  # though it is over 2 x 26: one core's hand-over is no measure
        (Look(1.01 * APART * 46e-6, 1.39e-3), False),
        (Look(46e-6, 1.01 * SHARED * 1.39e-3), False),
    ],
)
def test_where_the_cores_lie_is_told_by_both_pieces_of_work(seen: Sequence[Look], look: Look, together: bool) -> None:
    looks = iter(seen)
    cores = Cores(lambda: next(looks), lambda: 0)
    for _ in seen:
        cores.probe()
    assert cores.fastest == TOGETHER
    assert cores.are_together(look) is together
    assert cores.together([look]) == [together]


def test_one_look_is_together_and_later_ones_are_judged_by_it() -> None:
    looks = iter([ONE, APART_HERE, TOGETHER])
    cores = Cores(lambda: next(looks), lambda: 0)
    found = [(cores.probe(), cores.fastest) for _ in range(3)]
    assert found == [(ONE, ONE), (APART_HERE, APART_HERE), (TOGETHER, TOGETHER)]
    assert len(cores.best) == 2  # TOGETHER is faster than APART_HERE in both


@pytest.mark.parametrize(("threads", "device"), [(1, "cpu"), (2, "cuda")])
def test_nothing_is_looked_at_with_one_thread_or_on_a_gpu(threads: int, device: str) -> None:
    assert Probe(threads, torch.device(device))() == (0.0, 0.0)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_look_takes_time_and_keeps_its_values(two_threads: None) -> None:
    probe = Probe(2, CPU)
    for _ in range(20):
        look = probe()
        assert 0.0 < look.handover < 1.0
        assert 0.0 < look.product < 1.0
    torch.testing.assert_close(probe.values, torch.ones_like(probe.values))
    torch.testing.assert_close(probe.rows, torch.ones_like(probe.rows))
    torch.testing.assert_close(probe.result, torch.full((512, 512), 1.0 / 512))


def test_a_look_times_hand_overs_between_products(two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    probe, seconds, done = Probe(2, CPU), iter([0.09, 0.05, 0.03, 0.01, 0.02, 0.07, 0.09]), []

    def work(name: str) -> Callable[[], None]:
        def run() -> None:
            done.append(name)
            time.sleep(next(seconds))

        return run

    monkeypatch.setattr(probe, "_multiply", work("product"))
    monkeypatch.setattr(probe, "_hand_over", work("hand-over"))
    look = probe()
    assert done == ["product"] * 2 + ["hand-over"] * 3 + ["product"] * 2
    assert 0.01 <= look.handover < 0.02
    assert 0.07 <= look.product < 0.09  # the fastest of each two, the slower of before and after


def test_both_operations_of_a_hand_over_are_split_between_the_threads() -> None:
    probe = Probe(2, CPU)
    assert probe.rows.numel() >= 2 * 32_768
    assert probe.rows.shape == (7, 16_384)
