"""Scores of images that other models made; the sweep's config."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.shared.evaluation import EVALUATION, bars, build, pictures
from wae.core.errors import UserError
from wae.data.split import train_validation_indices
from wae.evaluation.reference import build_reference
from wae.evaluation.score import as_table, images_of, read_images, score

SHAPE = (1, 12, 12)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Prepared data, extractor and reference."""
    return build(tmp_path_factory.mktemp("score"))


def test_folder_and_array_score_alike_and_real_images_best(world, tmp_path):
    images = pictures(150, 4)[0]
    (tmp_path / "png/deep").mkdir(parents=True)
    for i, image in enumerate(images):
        Image.fromarray(image[0]).save(tmp_path / "png" / ("deep" if i > 100 else "") / f"{i:04}.png")
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "noise.npy", np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8))
    found = {
        name: {(r["metric"], r["reference"]): r["value"] for r in score(path, world[0], [world[2]], EVALUATION)}
        for name, path in (
            ("png", tmp_path / "png"),
            ("npy", tmp_path / "images.npy"),
            ("noise", tmp_path / "noise.npy"),
        )
    }
    key = ("fid_classifier", "test")
    assert found["png"][key] == pytest.approx(found["npy"][key], rel=1e-3)
    assert found["noise"][key] > 10 * found["npy"][key]
    assert {"kid_classifier", "precision_classifier", "recall_classifier", "sharpness"} < {m for m, _ in found["npy"]}


def test_a_tensor_is_scored_as_its_array_is_and_other_things_are_named() -> None:
    images = pictures(5, 5)[0]
    np.testing.assert_array_equal(images_of(torch.from_numpy(images), SHAPE), images)
    with pytest.raises(UserError, match="images: found list, need a path, an array or a tensor"):
        images_of([images], SHAPE)


def test_images_of_noughts_and_ones_are_refused_and_another_count_is_said(world, capsys) -> None:
    images = pictures(150, 4)[0]
    with pytest.raises(UserError, match="images: no value is above 1, which is black where white is 255"):
        images_of((images > 127).astype(np.uint8), SHAPE)
    score(images, world[0], [world[2]], EVALUATION)
    assert f"note: 150 images, where the config's own tables use {EVALUATION.samples:,}" in capsys.readouterr().err
    score(np.resize(images, (EVALUATION.samples, *SHAPE)), world[0], [world[2]], EVALUATION)
    assert "note: " not in capsys.readouterr().err


def mean_gap(generated: np.ndarray, real: np.ndarray) -> float:
    return float(abs(generated.mean() - real.mean()))


@pytest.mark.parametrize(("reference", "fraction"), [("test", 0.0), ("train", 0.1), ("validation", 0.2)])
def test_metrics_of_ones_own_get_the_images_that_runs_are_scored_on(world, tmp_path, reference, fraction) -> None:
    own = [f"{__name__}:mean_gap"]
    settings = EVALUATION.model_copy(update={"metrics": own, "reference": reference})
    build_reference(world[0], world[1], settings, [fraction], tmp_path)
    images = pictures(150, 4)[0]
    (found,) = [r for r in score(images, world[0], [tmp_path], settings) if r["metric"] == "mean_gap"]
    held_out = bars(None).test.images
    if reference == "validation":
        held_out = bars(None).train.images[train_validation_indices(600, fraction)[1]]
    assert found["value"] == pytest.approx(mean_gap(images, held_out), abs=1e-12)
    assert found["reference"] == ("validation" if reference == "validation" else "test")
    assert (found["subject"], found["samples"]) == ("images", 150)


def test_layouts_of_an_array(tmp_path):
    images = pictures(5, 5)[0]
    for name, array in (("nchw", images), ("nhwc", images.transpose(0, 2, 3, 1)), ("nhw", images[:, 0])):
        np.save(tmp_path / f"{name}.npy", array)
        np.testing.assert_array_equal(read_images(tmp_path / f"{name}.npy", SHAPE), images)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 1, 12, 12)), "values are float64"),
        (np.zeros((4, 3, 12, 12), np.uint8), r"images are \(3, 12, 12\), the dataset's are \(1, 12, 12\)"),
        (np.zeros((1, 1, 12, 12), np.uint8), "found 1 images"),
        (np.zeros(4, np.uint8), r"images are \(\)"),
        (np.array([{}], dtype=object), "holds Python objects"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match=message):
        read_images(tmp_path / "a.npy", SHAPE)


def test_paths_that_do_not_fit(tmp_path):
    with pytest.raises(UserError, match="found 0 images"):
        read_images(tmp_path, SHAPE)
    with pytest.raises(UserError, match="neither a folder"):
        read_images(tmp_path / "a.txt", SHAPE)
    with pytest.raises(UserError, match="no such file"):
        read_images(tmp_path / "a.npy", SHAPE)
    for name, size in (("a", (12, 12)), ("b", (10, 12))):
        Image.new("L", size).save(tmp_path / f"{name}.png")
    with pytest.raises(UserError, match=r"b\.png"):
        read_images(tmp_path, SHAPE)


def test_table_is_aligned():
    rows = [{"metric": "fid_x", "reference": "test", "samples": 10, "value": 1.25, "label": "smoke"},
            {"metric": "sharpness", "reference": "", "samples": 10, "value": None, "label": ""}]  # fmt: skip
    lines = as_table(rows).splitlines()
    assert lines[0].split() == ["metric", "reference", "images", "value", "label"]
    assert lines[1].index("1.25") == lines[0].index("value")
    assert lines[2].split() == ["sharpness", "10", "-"]


def test_sweep_gives_each_method_as_many_values_on_validation_images(root):
    from wae.analysis.runs import base_method, varied
    from wae.planning.config import read_config
    from wae.planning.plan import load_plan

    plan = load_plan(read_config(root / "config/lambda.yaml"))
    tried: dict[str, set[float]] = {}
    for run in plan.runs:
        assert run.training.validation_fraction == 0.2
        assert float(varied(run.method)["lambda_"]) == run.training.lambda_
        tried.setdefault(base_method(run.method), set()).add(run.training.lambda_)
    assert {method: len(values) for method, values in tried.items()} == {"beta_vae": 5, "wae_mmd": 5, "wae_gan": 5}
    budgets = {
        tuple(getattr(r.training, k) for k in ("epochs", "batch_size", "width", "latent_dim")) for r in plan.runs
    }
    assert len(budgets) == 1
    assert plan.config.evaluation.reference == "validation"
    for method, values in tried.items():  # the default's value lies inside, not at the edge
        default = plan.config.training.methods[method]["lambda_"]
        assert sorted(values).index(default) in range(1, 4)


def test_odd_npy_files_are_one_line(tmp_path):
    path = tmp_path / "a.npy"
    header = np.lib.format.magic(1, 0)
    odd = {
        "empty": b"",
        "text": b"no array",
        "header alone": header,
        "a zip": zipped(tmp_path),
        "more than there is": header
        + b"\x76\0"
        + b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 1, 12, 12)}".ljust(117)
        + b"\n",
        "records": saved(np.zeros(4, [("x", "u1")])),
        "text inside": saved(np.array(["a", "b"])),
    }  # fmt: skip
    for name, content in odd.items():
        path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            read_images(path, SHAPE)
        assert "\n" not in str(caught.value), name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="no such file, or no plain one"):
        read_images(path, SHAPE)


def saved(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zipped(folder):
    np.savez(folder / "b.npz", images=pictures(5, 5)[0])
    return (folder / "b.npz").read_bytes()
