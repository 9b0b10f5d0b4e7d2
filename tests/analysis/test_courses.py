"""The ends of courses where runs diverged."""

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from wae.analysis.courses import _endings


def made(values: list[float], kept: list[float], finished: list[int] | None = None) -> Any:
    """Results of two seeds of a method: reconstruction costs of the only epoch, kept distances."""
    labels = {"dataset": "d", "method": "m", "seed": [0, 1], "epoch": 1}
    history = pd.DataFrame({**labels, "reconstruction": values})
    frame = pd.DataFrame({**labels, "metric": "fid_c", "value": kept, "seconds": [2.0, 4.0]})
    finished = [0, 1] if finished is None else finished
    return SimpleNamespace(
        distance="fid_c", histories=lambda: history, trajectories=lambda: frame, finished_seeds=lambda *_: finished
    )


def test_a_method_whose_runs_all_diverged_in_the_first_epoch_has_no_end() -> None:
    assert _endings(made([math.nan] * 2, [math.nan] * 2), "d", "m") == []


def test_the_end_is_that_of_the_seeds_that_have_one() -> None:
    cost, distance = _endings(made([math.nan, 3.0], [5.0, math.nan]), "d", "m")
    assert (cost.quantity, cost.value) == ("reconstruction", pytest.approx(3.0))
    assert (distance.value, distance.seconds) == (pytest.approx(5.0), pytest.approx(2.0))


def test_a_run_that_diverged_or_is_at_work_has_no_end() -> None:
    cost, _ = _endings(made([1e30, 3.0], [5.0, 6.0], finished=[1]), "d", "m")
    assert cost.value == 3.0
