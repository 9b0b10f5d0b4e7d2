from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.shared.models import training
from wae.commands.check import check_plugins
from wae.core.errors import UserError
from wae.core.settings import DatasetSettings, ExecutionSettings, RunSettings
from wae.data.source import prepare
from wae.planning.config import merge
from wae.planning.plan import load_plan
from wae.training.loop import train
from wae.training.trackers import Row, Trackers

HERE = "tests.training.test_trackers"
SEEN: list[tuple[str, Row]] = []


def note(cell: str, row: Row) -> None:
    """Remembers the row, and spoils what it was given."""
    SEEN.append((cell, dict(row)))
    row.clear()


class Failing:
    """Fails at its second call."""

    calls = 0

    def __call__(self, cell: str, row: Row) -> None:
        Failing.calls += 1
        if Failing.calls > 1:
            raise ConnectionError("no route to host")


class Unmade:
    """Cannot be made; counts the attempts."""

    attempts = 0

    def __init__(self) -> None:
        Unmade.attempts += 1
        raise RuntimeError("no account")

    def __call__(self, cell: str, row: Row) -> None:
        raise AssertionError


class NeedsMore:
    def __init__(self, project: str) -> None: ...

    def __call__(self, cell: str, row: Row) -> None: ...


class NotCalled:
    """Its instances cannot be called."""


class Static:
    """Needs no instance to be called."""

    @staticmethod
    def __call__(cell: str, row: Row) -> None: ...


def of_a_row_alone(row: Row) -> None: ...


NOT_CALLABLE = 3


def trained(folder: Path, **execution: Any) -> pd.DataFrame:
    """The history of a short run."""
    prepare(DatasetSettings(source="tests.shared.training:noise", shape=[1, 8, 8]), None, folder / "data")
    settings = training("wae_mmd", epochs=3, batch_size=50, width=4, depth=2)
    run = RunSettings(dataset="d", method="m", seed=4, shape=[1, 8, 8], training=settings)
    train(run, folder / "data", folder / "run", ExecutionSettings(device="cpu", **execution), "code")
    return pd.read_csv(folder / "run/history.csv")


def test_each_tracker_sees_every_row_and_a_failing_one_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SEEN.clear()
    history = trained(tmp_path, trackers=[f"{HERE}:Failing", f"{HERE}:note"])
    assert [cell for cell, _ in SEEN] == ["d/m/seed4"] * 3
    pd.testing.assert_frame_equal(pd.DataFrame([row for _, row in SEEN]), history, check_dtype=False, rtol=1e-12)
    assert Failing.calls == 2
    warnings = [line for line in capsys.readouterr().err.splitlines() if "tracker" in line]
    assert len(warnings) == 1
    assert f"'{HERE}:Failing' failed at epoch 2 (ConnectionError: no route to host)" in warnings[0]


def test_a_trackers_instance_is_made_once_at_the_first_row_and_may_fail_as_its_calls_do(
    tmp_path: Path, smoke: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"execution": {"trackers": [f"{HERE}:Unmade"]}}
    check_plugins(load_plan(merge(smoke, named)))
    assert Unmade.attempts == 0
    history = trained(tmp_path, trackers=[f"{HERE}:Unmade"])
    assert (Unmade.attempts, len(history)) == (1, 3)
    assert f"'{HERE}:Unmade' failed at epoch 1 (RuntimeError: no account)" in capsys.readouterr().err


def test_the_check_names_the_place_of_a_tracker_once(smoke: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"^config: execution\.trackers: 'wae:train' is no tracker"):
        check_plugins(load_plan(merge(smoke, {"execution": {"trackers": ["wae:train"]}})))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("notes", "did you mean 'note'"),
        ("NOT_CALLABLE", "cannot be called with a cell and a row .it is int"),
        ("of_a_row_alone", "cannot be called with a cell and a row .too many positional"),
        ("NeedsMore", "cannot be called with a cell and a row .missing a required argument: 'project'"),
        ("NotCalled", "cannot be called with a cell and a row .it defines no __call__"),
    ],
)
def test_a_tracker_that_is_not_there_is_refused_before_training(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        trained(tmp_path, trackers=[f"{HERE}:{name}"])
    assert not (tmp_path / "run/history.csv").exists()


@pytest.mark.parametrize("name", ["Failing", "Unmade", "Static"])
def test_a_class_that_can_be_called_is_a_tracker(name: str) -> None:
    assert list(Trackers([f"{HERE}:{name}"], "digits/vae/seed0").trackers) == [f"{HERE}:{name}"]


@pytest.mark.parametrize("name", ["wae.training.trackers:Trackers", "baselines.vae:VAE", "wae:train"])
def test_what_is_the_suites_own_is_no_tracker(name: str) -> None:
    with pytest.raises(UserError, match="is no tracker; this suite has none"):
        Trackers([name], "digits/vae/seed0")
