"""Reference features: of which images, how they are checked, and that worse images score worse against them."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from scipy import ndimage

from tests.shared.evaluation import EVALUATION, EXTRACTOR, bars, find, make_run, pictures, rows_of, value
from wae.core.errors import UserError
from wae.core.settings import EvaluationSettings
from wae.data.split import train_validation_indices
from wae.evaluation import likelihood_rows
from wae.evaluation.distances import Distances
from wae.evaluation.features import build_extractor, extract
from wae.evaluation.fidelity import as_reference, frechet_distance, moments
from wae.evaluation.reference import build_reference, load_reference
from wae.evaluation.run import evaluate
from wae.planning.plan import OF_REFERENCES


def test_tuning_scores_validation_images_and_compares_on_test(world, tmp_path):
    data, extractor, _ = world
    settings = EVALUATION.model_copy(update={"reference": "validation"})
    with pytest.raises(UserError, match="need the same one, above 0"):
        build_reference(data, extractor, settings, [0.0], tmp_path / "none")
    with pytest.raises(UserError, match=r"holds back 0.2 of the train split, the runs 0.25; set extractors.classifier"):
        build_reference(data, extractor, settings, [0.25], tmp_path / "seen")
    wide = EXTRACTOR.model_copy(update={"validation_fraction": 0.25})
    extractor = tmp_path / "classifier-2c2c2c2c"
    build_extractor(data, wide, extractor)
    build_reference(data, extractor, settings, [0.25], tmp_path / "reference")
    make_run(tmp_path / "run", validation_fraction=0.25)
    evaluate(tmp_path / "run", data, [tmp_path / "reference"], settings)
    rows = rows_of(tmp_path / "run/metrics.json")
    distances = [value(rows, "fid_classifier", "prior", draw=0, reference=r) for r in ("validation", "train", "test")]
    assert len(set(distances)) == 3
    assert find(rows, "mse", "reconstruction")[0]["reference"] == "validation"
    real = load_reference(tmp_path / "reference")
    train, validation = train_validation_indices(600, 0.25)
    images = bars(None).train.images
    np.testing.assert_allclose(real.features["main"], extract(real.extractor, images[validation]), rtol=1e-4, atol=1e-5)
    assert real.record["counts"] == {"main": 150, "train": 120, "train_available": 450}
    kept = extract(real.extractor, images[train])
    distances = np.linalg.norm(real.features["train"][:, None].astype(np.float64) - kept[None], axis=2)
    assert distances.min(axis=1).max() < 1e-4  # the sampled 120 are among those that may be trained on
    assert len(np.unique(distances.argmin(axis=1))) == 120


def test_a_reference_is_named_by_the_settings_that_it_reads_and_by_no_others(world, tmp_path):
    data, extractor, _ = world
    read = set()

    class Noted:
        def __getattr__(self, name):
            read.add(name)
            return getattr(EVALUATION, name)

    build_reference(data, extractor, Noted(), [0.0], tmp_path)
    assert read == OF_REFERENCES


def test_the_parzen_estimates_sigma_is_chosen_on_images_that_the_run_did_not_train_on(world, tmp_path, monkeypatch):
    data, extractor, _ = world
    settings = EVALUATION.model_copy(update={"parzen_samples": 40, "parzen_validation": 500})
    build_reference(data, extractor, settings, [0.1], tmp_path / "reference")
    given = []
    original = likelihood_rows.parzen_rows
    monkeypatch.setattr(likelihood_rows, "parzen_rows", lambda *a: (given.append(a), original(*a))[1])
    _, validation = train_validation_indices(600, 0.1)
    for fraction, expected in ((0.1, validation), (0.0, None)):
        folder = tmp_path / f"run{fraction}"
        make_run(folder, validation_fraction=fraction)
        evaluate(folder, data, [tmp_path / "reference"], settings)
        samples, chosen_on, scored = given[-1][1:4]
        if expected is not None:
            np.testing.assert_array_equal(chosen_on, bars(None).train.images[expected])
        assert len(chosen_on) == (500 if expected is None else 60)
        np.testing.assert_array_equal(scored, bars(None).test.images)
        assert samples.shape == (40, 144)
        assert find(rows_of(folder / "metrics.json"), "parzen", "prior")[0]["samples"] == 40


def test_reference_rows_are_the_floor(world):
    rows = rows_of(world[2] / "reference.json")
    real = load_reference(world[2])
    train, main = real.features["train"], real.features["main"]
    assert len(train) == 120  # as many as a run samples
    assert value(rows, "fid_classifier", "data", reference="test", samples=120) == pytest.approx(
        frechet_distance(moments(train), as_reference(moments(main)))
    )
    halves = find(rows, "fid_classifier_half", "data", samples=100)
    assert len(halves) == 2
    assert halves[0]["value"] != halves[1]["value"]
    assert min(half["value"] for half in halves) > 1e-3  # one half against the other, not itself
    assert value(rows, "sharpness", "data") > 0
    assert math.isfinite(value(rows, "parzen", "data", reference="test", samples=EVALUATION.parzen_samples))


def test_real_data_have_the_parzen_estimate_where_it_is_asked_for(world, tmp_path):
    for changed, count in (({}, 1), ({"parzen_samples": 0}, 0), ({"reference": "train"}, 0)):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        build_reference(world[0], world[1], EVALUATION.model_copy(update=changed), [0.0], folder)
        assert len(find(rows_of(folder / "reference.json"), "parzen", "data")) == count


def test_too_few_images_for_the_rank_warn_and_are_labelled(world, tmp_path, capsys):
    settings = EVALUATION.model_copy(update={"reference": "validation"})
    build_reference(world[0], world[1], settings, [0.01], tmp_path / "r")  # 6 images for 6 features
    assert "6 reference images for 6 features of classifier" in capsys.readouterr().err
    record = json.loads((tmp_path / "r/reference.json").read_text())
    assert record["full_rank"] is False
    few = torch.from_numpy(pictures(6, 3)[0])
    rows = Distances(load_reference(world[2]), EVALUATION).score("images", few, 0, full=True)
    assert "6 images (images) for 6 features" in capsys.readouterr().err
    assert {r["label"] for r in rows} == {"smoke"}
    assert all(math.isfinite(r["value"]) for r in rows)


def test_a_damaged_reference_is_refused(world, tmp_path):
    shutil.copytree(world[2], tmp_path / "reference")
    (tmp_path / "reference/reference.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"reference\.npz: corrupt: its sha256 is not"):
        load_reference(tmp_path / "reference")


def test_blurred_and_mode_dropped_images_score_worse_in_every_distance(world, tmp_path):
    settings = EvaluationSettings.model_validate(EVALUATION.model_dump() | {"samples": 600, "precision_samples": 200})
    build_reference(world[0], world[1], settings, [], tmp_path / "r")
    images, labels = pictures(600, 9)
    sets = {
        "good": images,
        "blurred": ndimage.gaussian_filter(images.astype(float), (0, 0, 2.5, 2.5)).round().astype(np.uint8),
        "dropped": images[labels < 2],
    }
    found = {}
    for name, part in sets.items():
        rows = Distances(load_reference(tmp_path / "r"), settings).score("images", torch.from_numpy(part), 0, full=True)
        found[name] = {r["metric"]: r["value"] for r in rows if r["reference"] == "test"}
    for worse in ("blurred", "dropped"):
        assert found[worse]["fid_classifier"] > 3 * found["good"]["fid_classifier"]
        assert found[worse]["kid_classifier"] > found["good"]["kid_classifier"] + 0.01
        assert found[worse]["recall_classifier"] < found["good"]["recall_classifier"] - 0.05
    assert found["blurred"]["precision_classifier"] < found["good"]["precision_classifier"]
    assert found["dropped"]["classes_classifier"] == pytest.approx(0.5, abs=0.08)  # two of four classes are gone
    assert found["good"]["classes_classifier"] < 0.1
