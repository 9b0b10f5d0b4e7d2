"""What a long job says of itself."""

import sys

import pytest

from wae.core.progress import Progress, progress_bar


def test_parts_are_named_once_a_job_is_long(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([100.0, 101.0, 109.9, 110.0, 163.6])
    progress = Progress("digits/vae/seed0", lambda: next(times))
    for part in ("samples", "the mixture", "reconstructions", "codes"):
        progress(part)
    assert capsys.readouterr().err.splitlines() == [
        "digits/vae/seed0: 10 s so far, now reconstructions",
        "digits/vae/seed0: 64 s so far, now codes",
    ]


@pytest.mark.parametrize(("terminal", "seconds"), [(True, 2.0), (False, 30.0)])
def test_a_log_gets_the_progress_bar_more_rarely_than_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, seconds: float
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with progress_bar("digits/vae/seed0", "step", 20, 7) as bar:
        assert bar.mininterval == seconds
        assert bar.maxinterval > seconds  # else another thread of tqdm shows it sooner
        bar.update(13)
    log = capsys.readouterr().err
    assert log.startswith("\rdigits/vae/seed0:  35%|###5")
    assert "| 20/20 [" in log
    assert log.isascii()
