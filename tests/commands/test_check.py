"""``wae check``: what it says of a config that is right."""

from pathlib import Path
from typing import Any

import pytest

from wae.cli import main
from wae.core.files import write_json
from wae.planning.config import merge


@pytest.mark.parametrize(
    ("common", "methods", "noted"),
    [
        ({}, {}, []),
        ({"width": 8, "batch_size": 50}, {}, []),
        ({"lambda_": 5.0, "snapshots": 3}, {}, ["lambda_"]),
        ({"lambda_": 5.0}, {"wae_mmd": {"lambda_": 5.0}}, []),
        ({"latent_dim": 8}, {name: {"latent_dim": 4} for name in ("vae", "wae_mmd", "wae_gan")}, []),  # the defaults'
    ],
)
def test_a_key_of_common_that_reaches_no_run_is_noted(
    common: dict[str, Any],
    methods: dict[str, Any],
    noted: list[str],
    smoke: dict[str, Any],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    write_json(tmp_path / "c.json", merge(smoke, {"training": {"common": common, "methods": methods}}))
    assert main(["check", "--config", str(tmp_path / "c.json")]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].endswith("c.json: 3 runs of 3 methods on 1 dataset")
    assert [line.partition(" reaches no run: a later layer (datasets, ")[0] for line in lines[1:]] == [
        f"note: training.common.{key}" for key in noted
    ]


def test_files_that_are_not_there_are_noted(
    smoke: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = {"source": "wae.data.own:array", "options": {"path": str(tmp_path / "none.npy")}, "shape": [1, 8, 8]}
    changed = {"datasets": {"mine": own}, "run": {"datasets": ["digits", "mine"], "extractors": ["random"]}}
    write_json(tmp_path / "c.json", merge(smoke, changed))
    assert main(["check", "--config", str(tmp_path / "c.json")]) == 0
    first, *notes = capfd.readouterr().out.splitlines()
    assert first.endswith("6 runs of 3 methods on 2 datasets")
    assert [line.partition(": no such file")[0] for line in notes] == [f"note: datasets.mine: {tmp_path / 'none.npy'}"]
