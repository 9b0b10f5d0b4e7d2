"""The public API: what it offers, and the same bits by hand, from Python and through the workflow."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import wae
from wae.cli import main
from wae.planning.config import merge, read_config

CELL = "digits/wae_mmd/seed0"
FILES = ("weights.safetensors", "metrics.json", "settings.json", "trajectory.csv")


def test_everything_offered_is_there_and_documented() -> None:
    for name in wae.__all__:
        found = getattr(wae, name)
        if name != "__version__":
            assert len(found.__doc__) > 60, name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        wae.trian  # noqa: B018
    code = "import sys, wae; print(sorted({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_python_the_command_and_the_workflow_give_the_same_bits(smoke_project: Path, tmp_path: Path) -> None:
    config = smoke_project / "config/smoke.yaml"
    method = wae.train(config, CELL, results=tmp_path / "python")
    rows = wae.evaluate(config, CELL, results=tmp_path / "python")
    command = [sys.executable, "-m", "wae"]
    named = ["--plan", str(config), "--results", str(tmp_path / "hand")]
    for stage in (
        ("prepare", "--dataset", "digits"),
        ("extractor", "--dataset", "digits", "--extractor", "classifier"),
        ("reference", "--dataset", "digits", "--extractor", "classifier"),
        ("train", "--cell", CELL),
        ("evaluate", "--cell", CELL),
    ):
        subprocess.run([*command, *stage, *named], check=True, capture_output=True)
    for name in FILES:
        recorded = (smoke_project / "results/smoke" / CELL / name).read_bytes()
        assert (tmp_path / "python/smoke" / CELL / name).read_bytes() == recorded, name
        assert (tmp_path / "hand/smoke" / CELL / name).read_bytes() == recorded, name
    weights = load_file(smoke_project / "results/smoke" / CELL / "weights.safetensors")
    state = method.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in weights.items())
    assert {"prior", "mixture", "reconstruction", "codes"} <= set(rows["subject"])


@pytest.mark.slow
def test_a_trained_method_samples_encodes_decodes_and_reconstructs(smoke_project: Path) -> None:
    method = wae.load(smoke_project / "results/smoke" / CELL)
    samples = method.sample(5, seed=1)
    assert samples.shape == (5, 1, 8, 8)
    assert samples.dtype == torch.uint8
    assert torch.equal(samples, method.sample(5, seed=1))
    assert not torch.equal(samples, method.sample(5, seed=2))
    codes = method.encode_images(samples).z
    assert torch.equal(method.decode_images(codes), method.reconstruct(samples))


@pytest.mark.slow
def test_images_of_any_model_are_scored(smoke_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(smoke_project)
    method = wae.load(smoke_project / "results/smoke" / CELL)
    images = method.sample(40, seed=0).numpy()
    np.save(tmp_path / "images.npy", images)
    plan = wae.load_plan(smoke_project / "config/smoke.yaml")
    found = wae.score(images, "digits", plan)
    again = wae.score(tmp_path / "images.npy", "digits", plan)
    assert found["value"].tolist() == again["value"].tolist()
    assert "fid_classifier" in set(found["metric"])
    with pytest.raises(wae.UserError, match="did you mean 'digits'"):
        wae.score(images, "digit", plan)


@pytest.mark.parametrize(("device", "says"), [("gpu", "gpu"), ("cuda:99", "CUDA|NVIDIA"), ("", "empty")])
def test_a_device_that_is_not_there_is_refused(device: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(wae.UserError, match=rf"device is '{device}' \(.*({says}).*\); set it to cpu") as caught:
        wae.load(tmp_path, device=device)
    assert "\n" not in str(caught.value)


def test_images_that_do_not_fit_are_refused_before_anything_is_made(tmp_path: Path, root: Path) -> None:
    plan, results = wae.load_plan(root / "config/smoke.yaml"), tmp_path / "results"
    for images, says in (
        (tmp_path / "none.npy", "no such file"),
        (tmp_path / "none", "neither a folder nor"),
        (np.zeros((3, 1, 9, 9), np.uint8), r"images are \(1, 9, 9\)"),
    ):
        with pytest.raises(wae.UserError, match=says):
            wae.score(images, "digits", plan, results)
    assert not results.exists()


def test_a_cell_that_is_not_planned_is_refused(tmp_path: Path, root: Path) -> None:
    with pytest.raises(wae.UserError, match=r"unknown method of this plan 'wae_mdm': .*did you mean 'wae_mmd'"):
        wae.train(root / "config/smoke.yaml", "digits/wae_mdm/seed0", results=tmp_path)
    with pytest.raises(wae.UserError, match="unknown method of this plan 'wae_mdm'"):
        wae.evaluate(root / "config/smoke.yaml", "digits/wae_mdm/seed0", results=tmp_path)
    with pytest.raises(wae.UserError, match="write DATASET/METHOD/seedN"):
        wae.train(root / "config/smoke.yaml", "digits/wae_mmd/0", results=tmp_path)


def test_what_no_run_could_use_is_refused_before_anything_is_made(tmp_path: Path, root: Path) -> None:
    config = root / "config/smoke.yaml"
    with pytest.raises(wae.UserError, match="no such file; train the run first: wae train --plan FILE --cell digits"):
        wae.evaluate(config, "digits/wae_mmd/seed0", results=tmp_path / "untrained")
    wrong = merge(read_config(config), {"training": {"methods": {"wae_gan": {"options": {"fresh_code": True}}}}})
    with pytest.raises(wae.UserError, match=r"unknown option 'fresh_code': known are .*did you mean 'fresh_codes'"):
        wae.train(wrong, "digits/wae_gan/seed0", results=tmp_path / "misspelt")
    assert list(tmp_path.iterdir()) == []


def test_a_page_without_its_tables_is_refused(root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page/summary.html"
    assert main(["page", "--plan", str(root / "config/smoke.yaml"), "--out", str(out)]) == 1
    said = capfd.readouterr().err
    assert f"{out.parent}/tables: not there, a page shows what lies beside it; first run: wae tables --plan" in said


def test_an_analysis_by_hand_without_a_plan_names_the_command(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = ("--claims", str(root / "config/claims.yaml"), "--anchors", str(root / "config/anchors.yaml"))
    command = ("analyse", "--plan", str(root / "config/smoke.yaml"), *files, "--results", str(tmp_path))
    assert main([*command]) == 1
    plan = tmp_path / "smoke/plan.json"
    assert f"{plan}: not there; write it first: wae plan --plan FILE --out {plan}" in capfd.readouterr().err
