"""What else a machine did while it was timed."""

from collections import namedtuple

import psutil
import pytest

from wae.timing.load import Load, SystemMeter, load_average


def test_a_processor_is_busy_when_it_neither_idles_nor_waits_nor_is_counted_as_a_guest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    linux = namedtuple("linux", "user system idle iowait guest")  # a guest's time is in the user's already
    monkeypatch.setattr(psutil, "cpu_times", lambda: linux(20.0, 3.0, 100.0, 7.0, 5.0))
    assert SystemMeter().busy() == 23.0
    mac = namedtuple("mac", "user system idle")
    monkeypatch.setattr(psutil, "cpu_times", lambda: mac(20.0, 3.0, 100.0))
    assert SystemMeter().busy() == 23.0


def test_others_are_what_all_processors_did_since_the_last_reading_less_this_process() -> None:
    class Readings:
        """A machine that has run for long: only differences count."""

        at = 0
        walls, busies, owns = (1000.0, 1002.0, 1002.5), (5000.0, 5006.0, 5006.5), (300.0, 301.0, 301.5)

        def wall(self) -> float:
            return self.walls[self.at]

        def busy(self) -> float:
            return self.busies[self.at]

        def own(self) -> float:
            return self.owns[self.at]

    meter = Readings()
    load, flags = Load(meter), [False]
    meter.at = 1
    load.note(flags)
    assert load.windows == [pytest.approx(2.5)]  # longer than a window: closed by the note
    assert flags == [True]
    meter.at = 2
    load.close()
    assert load.windows == [pytest.approx(2.5), 0.0]


def test_load_averages_have_three_decimals_or_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (1.23456, 0.0004, 12.0), raising=False)
    assert load_average() == [1.235, 0.0, 12.0]
    monkeypatch.delattr("os.getloadavg")
    assert load_average() is None
