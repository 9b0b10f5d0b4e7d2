"""Every score of three small runs, as it was when this test was written: no number of a record moves unnoticed.

What a score should be is tested beside each formula; here it is which images, codes, draws, split and mode it gets.
Weights are drawn, not trained, so that another processor moves the last digits alone. Where numbers are meant to move,

    python -m tests.evaluation.test_numbers

writes tests/evaluation/numbers.json, whose difference says which moved, and CHANGELOG.md says why.
"""

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tests.shared.evaluation import EVALUATION, EXTRACTOR, make_run
from wae.core.settings import DatasetSettings
from wae.data.source import prepare
from wae.evaluation import classifier, codes, likelihood, match, subjects, trajectory
from wae.evaluation.features import build_extractor
from wae.evaluation.reference import build_reference
from wae.evaluation.run import evaluate
from wae.training import pretraining, schedules

FILE = Path(__file__).with_name("numbers.json")
RUNS: dict[str, dict[str, Any]] = {
    "vae": {"name": "vae", "validation_fraction": 0.1},
    "sphere": {"name": "wae_mmd", "prior": "sphere", "encoder": "implicit"},
    "uniform": {"name": "wae_gan", "prior": "uniform", "encoder": "pixel_noise", "latent_dim": 2},
}
COUNTED = ("precision", "recall", "coverage", "latent_mmd_p", "latent_c2st", "classes")  # shares of few: one may flip


def measured(folder: Path) -> dict[str, float]:
    """By "RUN METRIC SUBJECT REFERENCE SAMPLES DRAW" (or "RUN epoch METRIC SUBJECT"): every score."""
    data, extractor = folder / "bars-0a0a0a0a", folder / "random-1b1b1b1b"
    prepare(DatasetSettings(source="tests.shared.evaluation:bars", shape=[1, 12, 12]), None, data)
    build_extractor(data, EXTRACTOR.model_copy(update={"kind": "random", "seed": 5}), extractor)
    build_reference(data, extractor, EVALUATION, [0.0, 0.1], folder / "reference")
    documents = {"data": folder / "reference/reference.json"}
    found = {}
    for run, changes in RUNS.items():
        make_run(folder / run, **changes)
        widen(folder / run / "weights.safetensors")
        evaluate(folder / run, data, [folder / "reference"], EVALUATION)
        documents[run] = folder / run / "metrics.json"
        with (folder / run / "trajectory.csv").open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                found[f"{run} {line['epoch']} {line['metric']} {line['subject']}"] = float(line["value"])
    for run, document in documents.items():
        for row in json.loads(document.read_text())["rows"]:
            key = (run, *(row[k] for k in ("metric", "subject", "reference", "samples", "draw")))
            found[" ".join(map(str, key))] = row["value"]
    return found


def widen(file: Path) -> None:
    """Weights of the decoder three times as large, so that its images differ."""
    state = load_file(file)
    wider = {k: 3.0 * v if k.startswith("decoder") and v.ndim > 1 else v for k, v in state.items()}
    save_file(wider, file)


def test_no_score_moves_unnoticed(tmp_path: Path) -> None:
    kept, found = json.loads(FILE.read_text()), measured(tmp_path)
    assert found.keys() == kept.keys()
    for key, value in found.items():
        one = 0.013 if key.split()[1].startswith(COUNTED) else 1e-6
        assert value == pytest.approx(kept[key], rel=1e-4, abs=one), key


def test_no_number_of_the_protocol_moves_unnoticed() -> None:
    assert (subjects.MIXTURE_CODES, subjects.MIXTURE_ITERATIONS) == (10_000, 100)
    assert (match.HIDDEN, match.STEPS, match.BATCH, match.RATE) == (64, 300, 256, 5e-3)
    assert (match.PROJECTIONS, match.ENERGY_CODES, match.CWAE_BATCH) == (128, 2000, 128)
    assert (codes.SCATTER, likelihood.ACTIVE, trajectory.IMAGES, classifier.MAX_WIDTH) == (2000, 0.01, 1000, 8)
    assert (schedules.SMOOTH_END, schedules.LAMBDA_STEPS, pretraining.ENOUGH) == (0.01, 1000, 0.1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        FILE.write_text(json.dumps(measured(Path(temporary)), indent=0, sort_keys=True) + "\n")
