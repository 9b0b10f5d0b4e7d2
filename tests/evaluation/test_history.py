from pathlib import Path

import pytest

from wae.core.errors import UserError
from wae.core.layout import RunFolder
from wae.core.settings import RunSettings, TrainingSettings
from wae.evaluation.history import history_facts, history_rows

RUN = RunSettings(
    dataset="digits",
    method="vae",
    seed=0,
    shape=[1, 8, 8],
    training=TrainingSettings(implementation="baselines.vae:VAE"),
)


def test_losses_of_the_epochs_asked_for_are_scores(tmp_path: Path) -> None:
    lines = ["epoch,step,reconstruction,penalty", "1,3,90.5,1.5", "2,6,80.25,2.5", "3,9,,3.5"]
    (tmp_path / "history.csv").write_text("\n".join(lines) + "\n")
    rows = history_rows(RunFolder(tmp_path), [1, 3], RUN, 120)
    assert {r["metric"]: r["value"] for r in rows} == {
        "training_reconstruction_epoch1": 90.5,
        "training_penalty_epoch1": 1.5,
        "training_reconstruction_epoch3": None,  # it diverged there
        "training_penalty_epoch3": 3.5,
    }
    assert {(r["subject"], r["reference"], r["samples"], r["draw"]) for r in rows} == {("training", "train", 120, 0)}
    assert set(history_facts([1, 3])) == {r["metric"] for r in rows}
    with pytest.raises(UserError, match="training_epochs: 4 is not among the 3 epochs of digits/vae; lower it"):
        history_rows(RunFolder(tmp_path), [4], RUN, 120)
    assert history_rows(RunFolder(tmp_path / "none"), [], RUN, 120) == []
