"""Each setting of the evaluation decides a score: none is read and ignored."""

from pathlib import Path
from typing import Any

import pytest

from tests.shared.evaluation import EVALUATION, build, rows_of
from tests.shared.metrics import undeclared
from tests.shared.models import training
from wae.core import progress
from wae.core.settings import EvaluationSettings, ExecutionSettings, RunSettings
from wae.evaluation.reference import build_reference
from wae.evaluation.run import evaluate
from wae.training.loop import train

OTHER: dict[str, Any] = {
    "samples": 100,
    "draws": 2,
    "reference": "train",
    "mixture_components": 2,
    "interpolations": False,
    "interpolation_samples": 50,
    "curve_points": 2,
    "halves": 3,
    "kid_subsets": 3,
    "kid_subset_size": 30,
    "precision_samples": 70,
    "precision_neighbours": 2,
    "density_neighbours": 2,
    "codes": 40,
    "information_codes": 50,
    "permutations": 59,
    "importance_samples": 4,
    "likelihood_images": 40,
    "parzen_samples": 50,
    "parzen_validation": 1,
    "parzen_sigmas": [0.3, 0.5],
    "training_epochs": [1],
    "metrics": [f"{undeclared.__module__}:{undeclared.__name__}"],
}
BASE = EVALUATION.model_copy(update={"parzen_sigmas": [0.02 * 1.04**step for step in range(100)]})
NO_NUMBERS = {"batch_size"}  # what passes at once


def scores(data: Path, extractor: Path, run: Path, settings: EvaluationSettings, out: Path) -> list[dict[str, Any]]:
    build_reference(data, extractor, settings, [0.0], out)
    evaluate(run, data, [out], settings)
    return [*rows_of(out / "reference.json"), *rows_of(run / "metrics.json")]


@pytest.mark.slow
def test_every_setting_of_the_evaluation_decides_a_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(OTHER) | NO_NUMBERS == set(EvaluationSettings.model_fields)
    data, extractor, _ = build(tmp_path)
    settings = training("vae", width=4, depth=2, latent_dim=2, epochs=2, encoder="gaussian")
    run = RunSettings(dataset="bars", method="vae", seed=0, shape=[1, 12, 12], training=settings)
    train(run, data, tmp_path / "run", ExecutionSettings(device="cpu"), "code")
    before = scores(data, extractor, tmp_path / "run", BASE, tmp_path / "before")
    assert scores(data, extractor, tmp_path / "run", BASE, tmp_path / "again") == before
    ignored = [
        name
        for name, value in OTHER.items()
        if scores(data, extractor, tmp_path / "run", BASE.model_copy(update={name: value}), tmp_path / name) == before
    ]
    assert ignored == []
    two = scores(data, extractor, tmp_path / "run", BASE.model_copy(update={"curve_points": 2}), tmp_path / "two")
    assert sum(row["metric"] == "fid_classifier_curve" for row in two) == 2  # the fewest that make a curve
    one = BASE.model_copy(update={"curve_points": 2, "samples": 60, "draws": 1})
    rows = scores(data, extractor, tmp_path / "run", one, tmp_path / "one")
    counts = [row["samples"] for row in rows if row["metric"] == "fid_classifier_curve"]
    assert counts == [30, 60]  # half of the pool at most
    capsys.readouterr()
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    two_draws = one.model_copy(update={"draws": 2})
    evaluate(tmp_path / "run", data, [tmp_path / "one"], two_draws)
    said = [line.partition(" so far, now ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said[:3] == ["samples, draw 1 of 2", "samples, draw 2 of 2", "the mixture of the codes"]
