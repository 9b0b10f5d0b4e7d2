"""Rounds while the host keeps two cores apart, on a clock and a host that the test moves."""

import csv
import io
from collections.abc import Iterator

import pandas as pd
import pytest
import torch

from tests.timing.test_timing import FakeClock, point, rows_of, study
from wae.analysis.costs.power_laws import measured
from wae.timing.cores import PATIENCE_SECONDS, PATIENCE_SHARE, Cores, Handover
from wae.timing.rounds import MOST_ROUNDS, Point, Study
from wae.timing.study import _apart, table_of_rounds

CPU = torch.device("cpu")
PROBE = 1e-3  # seconds that a look takes


class Host:
    """Keeps the cores apart in some spans of the clock; a call then takes three times as long, a hand-over five."""

    def __init__(self, *spans: tuple[float, float]) -> None:
        self.clock = FakeClock()
        self.spans = spans

    @property
    def keeps_apart(self) -> bool:
        return any(a <= self.clock.time / 1e9 < b for a, b in self.spans)

    def handover(self) -> float:
        self.clock.spend(PROBE)
        return 5e-5 if self.keeps_apart else 1e-5

    def seconds(self) -> float:
        return 3.0 if self.keeps_apart else 1.0

    def study(self, **values) -> Study:
        return study(self.clock, handover=self.handover, **values)

    def point(self, subject: str = "a") -> Point:
        return point(self.clock, self.seconds, subject)


def test_rounds_that_began_or_ended_apart_are_taken_out_and_made_up_for() -> None:
    host = Host((5.5, 6.5))  # two calls warm up, so this is the end of the fourth sample
    timed, p = host.study(), host.point()
    timed.measure([p], 1e9)
    assert p.rounds == 7  # six together are asked for, and one was apart
    each = list(csv.DictReader(io.StringIO(table_of_rounds([p], timed.cores))))
    assert [float(row["seconds"]) for row in each] == pytest.approx(p.seconds["total"])
    assert [row["together"] for row in each] == ["1", "1", "1", "0", "1", "1", "1"]
    assert [float(row["handover_seconds"]) for row in each] == p.handovers
    p.part(timed.cores)
    assert p.seconds["total"] == pytest.approx([1.0] * 6)
    assert p.seconds["critic"] == pytest.approx([0.75] * 6)
    assert len(p.noisy) == p.rounds == 6
    assert len(p.apart) == 1
    assert [row["rounds"] for row in rows_of([p])] == ["6"] * 3
    assert _apart([p], timed.cores) == {
        "fastest_handover_seconds": 1e-5,
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
    kinds = timed.cores.together(p.handovers)
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
    cores = Cores(host.handover, host.clock.now)
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


@pytest.mark.parametrize(("threads", "device"), [(1, "cpu"), (2, "cuda")])
def test_nothing_is_handed_over_with_one_thread_or_on_a_gpu(threads: int, device: str) -> None:
    assert Handover(threads, torch.device(device))() == 0.0


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_hand_over_takes_time_and_keeps_its_values(two_threads: None) -> None:
    handover = Handover(2, CPU)
    assert all(0.0 < handover() < 1.0 for _ in range(20))
    torch.testing.assert_close(handover.values, torch.ones_like(handover.values))
    torch.testing.assert_close(handover.rows, torch.ones_like(handover.rows))


def test_both_operations_of_a_hand_over_are_split_between_the_threads() -> None:
    handover = Handover(2, CPU)
    assert handover.rows.numel() >= 2 * 32_768
    assert handover.rows.shape == (7, 16_384)
