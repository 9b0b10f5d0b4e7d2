"""What a long job says of itself."""

import pytest

from wae.core.progress import Progress


def test_parts_are_named_once_a_job_is_long(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([100.0, 101.0, 109.9, 110.0, 163.6])
    progress = Progress("digits/vae/seed0", lambda: next(times))
    for part in ("samples", "the mixture", "reconstructions", "codes"):
        progress(part)
    assert capsys.readouterr().err.splitlines() == [
        "digits/vae/seed0: 10 s so far, now reconstructions",
        "digits/vae/seed0: 64 s so far, now codes",
    ]
