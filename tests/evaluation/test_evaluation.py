"""One run's scores, end to end on a tiny dataset: what is written, from what, and that worse models score worse."""

import csv
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from scipy.optimize import linear_sum_assignment

from tests.shared.evaluation import EVALUATION, find, make_run, pictures, rows_of, value
from wae.core import progress, reserved
from wae.core.errors import UserError
from wae.core.files import write_json
from wae.core.layout import RunFolder
from wae.core.reserved import FAMILIES, METRICS
from wae.core.settings import RunSettings
from wae.data.source import load
from wae.evaluation import explorer
from wae.evaluation.draws import part_generator
from wae.evaluation.features import extract
from wae.evaluation.fidelity import as_reference, frechet_distance, moments
from wae.evaluation.reference import load_reference
from wae.evaluation.run import evaluate
from wae.evaluation.subjects import load_method, read_run
from wae.evaluation.trajectory import trajectory
from wae.methods.base import build as build_method


@pytest.fixture(scope="module")
def vae(world, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluated VAE."""
    folder = tmp_path_factory.mktemp("runs") / "vae"
    make_run(folder, "vae", steps=150)
    evaluate(folder, world[0], [world[2]], EVALUATION)
    return folder


def test_every_part_is_there_once(vae, world):
    rows = rows_of(vae / "metrics.json")
    for draw in range(3):
        for reference in ("test", "train"):
            assert math.isfinite(value(rows, "fid_classifier", "prior", draw=draw, reference=reference, samples=120))
    for subject, count in {"mixture": 120, "reconstruction": 200, "interpolation": 120}.items():
        value(rows, "fid_classifier", subject, reference="test", samples=count)
    for subject in ("prior", "mixture", "reconstruction", "interpolation"):
        for family in FAMILIES[1:]:
            value(rows, f"{family}_classifier", subject)
        value(rows, "sharpness", subject)
    assert len(find(rows, "fid_classifier_half", "prior")) == 2
    assert [r["samples"] for r in find(rows, "fid_classifier_curve", "prior")] == [60, 103, 360]
    value(rows, "fid_classifier_infinity", "prior", samples=360)
    for metric in ("mse", "l1", "psnr", "ssim", "sse"):
        value(rows, metric, "reconstruction", reference="test", samples=200)
    assert value(rows, "elbo", "reconstruction", samples=50) < -value(rows, "nll_iw", "reconstruction", samples=50)
    measured = {r["metric"] for r in rows if "_classifier" not in r["metric"]}
    assert measured == set(METRICS)
    for subject, names in {
        "prior": (*reserved.OF_IMAGES, *reserved.OF_PRIOR),
        "mixture": reserved.OF_IMAGES,
        "reconstruction": (*reserved.OF_IMAGES, *reserved.OF_RECONSTRUCTIONS),
        "codes": reserved.OF_CODES,
    }.items():
        of = {r["metric"] for r in rows if r["subject"] == subject and "_classifier" not in r["metric"]}
        assert of - {"latent_sw2"} == set(names) - {"latent_sw2"}, subject  # it is of draws of the prior too
    for metric in ("latent_mmd2", "latent_mmd_p", "latent_sw2", "mutual_information", "kl_total", "kl_aggregate"):
        value(rows, metric, "codes", reference="test")
    keys = [tuple(r[k] for k in ("metric", "subject", "reference", "samples", "draw")) for r in rows]
    assert len(keys) == len(set(keys))
    assert {r["label"] for r in rows if r["metric"].startswith(FAMILIES)} == {"smoke"}
    assert {r["label"] for r in rows if not r["metric"].startswith(FAMILIES)} == {""}
    for file in (vae / "metrics.json", world[2] / "reference.json"):
        document = json.loads(file.read_text())
        assert {fact["name"] for fact in document["metrics"]} == {r["metric"] for r in document["rows"]}


def test_an_evaluation_loads_no_compiler_and_no_torch_fidelity(vae, world, root):
    code = f"""
import sys
from wae.evaluation.run import evaluate
from wae.core.settings import EvaluationSettings
settings = EvaluationSettings(**{EVALUATION.model_dump()!r})
evaluate({str(vae)!r}, {str(world[0])!r}, [{str(world[2])!r}], settings)
print(*[name for name in ("torch._dynamo", "sympy", "torchvision", "torch_fidelity") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [""]


def test_document_carries_identity_protocol_and_moments(vae, world):
    document = json.loads((vae / "metrics.json").read_text())
    assert [document[k] for k in ("dataset", "method", "seed", "status")] == ["bars", "vae", 3, "finished"]
    protocol = document["protocol"]
    assert protocol["training"]["kernel_base"] == 6.0
    assert protocol["training"]["cost_weight"] == 0.05
    reference = protocol["references"]["classifier"]
    assert reference["counts"] == {"main": 200, "train": 120, "train_available": 600}
    assert reference["sha256"] == json.loads((world[1] / "extractor.json").read_text())["sha256"]
    assert len(document["moments"]["codes"]["mean"]) == 3
    divergence = value(document["rows"], "kl_total", "codes")  # of fewer codes
    assert sum(document["moments"]["codes"]["kl"]) == pytest.approx(divergence, rel=0.2)


def test_scores_are_those_of_the_images_the_method_makes(vae, world):
    """The prior's first draw and the reconstructions, computed here by hand from the weights."""
    from wae.compute.seeds import stream

    run = RunSettings.model_validate_json((vae / "settings.json").read_text())
    method = build_method(run)
    method.load_state_dict(load_file(vae / "weights.safetensors"))
    method.eval()
    rows = rows_of(vae / "metrics.json")
    real = load_reference(world[2])
    test = pictures(200, 2)[0]
    samples = method.decode_images(method.prior.sample(120, stream(3, "samples"))).numpy()
    expected = frechet_distance(
        moments(extract(real.extractor, samples)), as_reference(moments(extract(real.extractor, test)))
    )
    assert value(rows, "fid_classifier", "prior", draw=0, reference="test") == pytest.approx(expected, rel=1e-3)
    back = method.decode_images(method.encode_images(torch.from_numpy(test)).z).numpy()
    mse = np.mean((back / 255.0 - test / 255.0) ** 2)
    assert value(rows, "mse", "reconstruction") == pytest.approx(mse, rel=1e-3)
    with torch.no_grad():
        pixels = torch.sigmoid(method.decoder(method.encode_images(torch.from_numpy(test)).z)).numpy()
    sse = np.square(pixels - test / 255.0).sum((1, 2, 3)).mean()
    assert value(rows, "sse", "reconstruction") == pytest.approx(sse, rel=1e-4)
    assert value(rows, "sse", "reconstruction") != pytest.approx(144 * mse, rel=1e-6)  # it is not rounded


def test_grids_are_plain_pixels_with_a_grey_line_between_images(vae):
    sizes = {"samples": (129, 129), "reconstructions": (129, 103), "interpolations": (129, 103)}
    for name, size in sizes.items():
        with Image.open(vae / f"images/{name}.png") as picture:
            assert (picture.size, picture.mode) == (size, "L")
    with Image.open(vae / "images/reconstructions.png") as picture:
        pixels = np.asarray(picture)
    test = pictures(200, 2)[0][part_generator(0, "pictures").permutation(200)]  # files are often sorted by class
    np.testing.assert_array_equal(pixels[:12, :12], test[0, 0])
    np.testing.assert_array_equal(pixels[26:38, 13:25], test[11, 0])  # third row: the second row of originals
    assert (pixels[12::13] == 128).all()
    assert (pixels[:, 12::13] == 128).all()
    error = np.abs(pixels[13:25, :12].astype(int) - test[0, 0]).mean()
    assert 0 < error < np.abs(pixels[13:25, :12].astype(int) - test[1, 0]).mean() + 60


def test_scatter_and_trajectory(vae):
    lines = list(csv.DictReader((vae / "images/latent.csv").read_text().splitlines()))
    assert len(lines) == 200
    assert {int(line["label"]) for line in lines} == {0, 1, 2, 3}
    trajectory = list(csv.DictReader((vae / "trajectory.csv").read_text().splitlines()))
    found = {(t["epoch"], t["metric"], t["subject"]): float(t["value"]) for t in trajectory}
    rows = rows_of(vae / "metrics.json")
    assert found["2", "mse", "reconstruction"] == pytest.approx(value(rows, "mse", "reconstruction"))
    assert found["2", "fid_classifier", "prior"] == pytest.approx(
        value(rows, "fid_classifier", "prior", draw=0, reference="test")
    )
    assert ("2", "mutual_information", "codes") in found


def test_scores_along_training_are_of_one_extractor(world, vae):
    run, _ = read_run(RunFolder(vae))
    real = load_reference(world[2])
    record = real.record | {"extractor": real.record["extractor"] | {"kind": "random"}}
    other = replace(real, name="other", record=record)
    images = load(world[0], "test").images
    for reals in ([real, other], [other, real]):
        text = trajectory(run, RunFolder(vae), images, "test", reals, EVALUATION, torch.device("cpu"))
        distances = {line["metric"] for line in csv.DictReader(text.splitlines()) if line["subject"] == "prior"}
        assert distances == {"fid_classifier"}


def test_the_explorer_has_codes_as_the_encoder_draws_them(world, vae):
    document = json.loads((vae / "explorer.json").read_text())
    assert document["left_out"] is None
    run, _ = read_run(RunFolder(vae))
    method = load_method(run, vae / "weights.safetensors", torch.device("cpu"))
    test = load(world[0], "test")
    found = method.encode_images(np.asarray(test.images))
    plain, noise = found.mean.numpy(), np.exp(0.5 * found.log_variance.numpy())
    codes = explorer.unpack(document, document["points"]["codes"]).T @ explorer.unpack(document, document["axes"])
    pairs = sorted(zip(document["labels"], codes.tolist(), strict=True))
    assert [label for label, _ in pairs] == sorted(test.labels)
    for label in range(4):  # equal images as a set: the mean over a class moves by the noise's standard error
        own = np.mean([code for each, code in pairs if each == label], axis=0)
        members = test.labels == label
        standard_error = np.sqrt(np.square(noise[members]).sum(0)) / members.sum()
        assert (np.abs(own - plain[members].mean(0)) < 5 * standard_error + 0.01).all()
    distances = np.square(codes[:, None] - plain[None]).sum(2)
    deviation = distances[linear_sum_assignment(distances)].mean() / np.square(noise).sum(1).mean()
    assert 0.2 < deviation < 1.1  # noise of the encoder's size: the nearest partner is no farther than the true one


def test_a_long_evaluation_says_what_it_does_now(world, tmp_path, monkeypatch, capsys):
    make_run(tmp_path / "vae", "vae", steps=1)
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    evaluate(tmp_path / "vae", world[0], [world[2]], EVALUATION)
    said = re.findall(r"^scores of bars/vae/seed3: \d+ s so far, now (.*)$", capsys.readouterr().err, re.MULTILINE)
    assert said == [
        *(f"samples, draw {draw} of 3" for draw in (1, 2, 3)),
        *("the mixture of the codes", "reconstructions", "interpolations", "the likelihood", "the codes"),
        *("pictures", "scores along training"),
    ]


def test_equal_runs_give_equal_bytes(world, vae, tmp_path):
    make_run(tmp_path / "vae", "vae", steps=150)
    evaluate(tmp_path / "vae", world[0], [world[2]], EVALUATION)
    for name in ("metrics.json", "trajectory.csv", "explorer.json", "images/samples.png", "images/latent.csv"):
        assert (tmp_path / "vae" / name).read_bytes() == (vae / name).read_bytes()


@pytest.mark.parametrize("stream", ["samples", "data_order"])
@pytest.mark.parametrize("design", ["paired", "crossed"])
def test_the_evaluations_draws_are_the_same_unless_their_stream_has_another_seed(world, tmp_path, stream, design):
    designs = {
        "paired": [{"seed": 0}, {"seed": 0, "seed_stream": stream}],
        "crossed": [{"seed": seed, "seed_stream": stream, "held_seed": 0} for seed in (0, 1)],
    }
    for index, changes in enumerate(designs[design]):  # untrained, same first weights: only these draws could differ
        make_run(tmp_path / str(index), "vae", **changes)
        evaluate(tmp_path / str(index), world[0], [world[2]], EVALUATION)
    first, second = (rows_of(tmp_path / str(index) / "metrics.json") for index in (0, 1))
    moved = {(a["metric"], a["subject"]) for a, b in zip(first, second, strict=True) if a["value"] != b["value"]}
    if stream == "data_order":
        assert moved == set()
    for subject in ("prior", "mixture", "interpolation"):
        assert (("fid_classifier", subject) in moved) == (stream == "samples")
    assert ("mse", "reconstruction") not in moved


def test_trained_beats_untrained_and_real_data_beat_both(world, vae, tmp_path):
    make_run(tmp_path / "raw", "vae")
    evaluate(tmp_path / "raw", world[0], [world[2]], EVALUATION)
    trained, raw = rows_of(vae / "metrics.json"), rows_of(tmp_path / "raw/metrics.json")
    floor = value(rows_of(world[2] / "reference.json"), "fid_classifier", "data")
    for metric in ("fid_classifier", "kid_classifier"):
        wanted = {"draw": 0, "reference": "test"}
        assert value(trained, metric, "prior", **wanted) < value(raw, metric, "prior", **wanted)
    assert floor < value(trained, "fid_classifier", "prior", draw=0, reference="test")
    assert value(trained, "mse", "reconstruction") < 0.5 * value(raw, "mse", "reconstruction")


@pytest.mark.parametrize(("name", "changes"), [("wae_mmd", {"prior": "sphere"}), ("wae_gan", {"prior": "uniform"}),
                                               ("wae_mmd", {"encoder": "implicit"}),
                                               ("wae_mmd", {"encoder": "pixel_noise"})])  # fmt: skip
def test_priors_and_encoders_without_a_density(world, tmp_path, name, changes):
    make_run(tmp_path / "run", name, **changes)
    evaluate(tmp_path / "run", world[0], [world[2]], EVALUATION)
    rows = rows_of(tmp_path / "run/metrics.json")
    assert not find(rows, "mutual_information", "codes")
    assert all(r["value"] is not None for r in rows)


def test_diverged_run_has_no_rows_and_every_file(world, tmp_path):
    make_run(tmp_path / "run")
    weights = load_file(tmp_path / "run/weights.safetensors")
    save_file({k: v.fill_(math.nan) if v.is_floating_point() else v for k, v in weights.items()},
              tmp_path / "run/weights.safetensors")  # fmt: skip
    write_json(tmp_path / "run/run.json", {"status": "diverged", "diverged_step": 17})
    evaluate(tmp_path / "run", world[0], [world[2]], EVALUATION)
    document = json.loads((tmp_path / "run/metrics.json").read_text())
    assert (document["status"], document["diverged_step"], document["rows"]) == ("diverged", 17, [])
    for name in ("samples", "reconstructions", "interpolations"):
        Image.open(tmp_path / f"run/images/{name}.png").verify()
    assert (tmp_path / "run/trajectory.csv").read_text() == "epoch,metric,subject,value\n"
    assert (tmp_path / "run/images/latent.csv").read_text() == "x,y,label\n"
    assert json.loads((tmp_path / "run/explorer.json").read_text())["left_out"] == "the run diverged"


def test_what_does_not_fit_stops_with_one_line(world, tmp_path):
    data, _, reference = world
    make_run(tmp_path / "damaged")
    (tmp_path / "damaged/weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="not the weights of this run"):
        evaluate(tmp_path / "damaged", data, [reference], EVALUATION)
    (tmp_path / "damaged/weights.safetensors").unlink()
    with pytest.raises(UserError, match="train the run first"):
        evaluate(tmp_path / "damaged", data, [reference], EVALUATION)
    make_run(tmp_path / "held", validation_fraction=0.25)
    with pytest.raises(UserError, match="validation fractions"):
        evaluate(tmp_path / "held", data, [reference], EVALUATION)
    make_run(tmp_path / "run")
    with pytest.raises(UserError, match=r"is of test.*asked for train"):
        evaluate(tmp_path / "run", data, [reference], EVALUATION.model_copy(update={"reference": "train"}))


def test_a_loaded_method_is_in_evaluation_mode_and_learns_nothing(world, vae):
    run, _ = read_run(RunFolder(vae))
    for weights in ("weights.safetensors", "snapshots/epoch0002.safetensors"):
        method = load_method(run, vae / weights, torch.device("cpu"))
        assert not any(module.training for module in method.modules())
        assert not any(parameter.requires_grad for parameter in method.parameters())
