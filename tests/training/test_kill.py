"""The workflow killed at six random points, by the process group or the main process alone, and gone on with.

`make soak` kills it fifty times.
"""

import random
from pathlib import Path

import pytest

from tests.shared import kill


@pytest.mark.slow
def test_six_kills_change_no_table(tmp_path: Path) -> None:
    seconds = kill.run(kill.new_project(tmp_path / "whole"))
    expected = kill.tables(tmp_path / "whole")
    assert len(expected) == 1 + 2 * (1 + 2)  # the scores; weights and two snapshots of each run
    folder = kill.new_project(tmp_path / "killed")
    assert kill.kill_and_resume(folder, expected, 6, 0.4 * seconds, random.Random(7)) >= 1
