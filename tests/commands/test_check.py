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
    assert [line.partition(" reaches no run: a later layer has it too")[0] for line in lines[1:]] == [
        f"note: training.common.{key}" for key in noted
    ]
