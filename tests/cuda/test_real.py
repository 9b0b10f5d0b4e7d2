"""What only a real device can show; and that a machine without one says so."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cuda.report import measure, paper_runs, variants_of, write_report
from tests.cuda.rules import CUDA
from tests.cuda.runs import EVALUATION, REAL, on_device, run_of
from tests.shared.models import IMPLEMENTATIONS, images
from wae.core.settings import ExecutionSettings
from wae.evaluation.score import score
from wae.methods.base import build
from wae.mmd.estimators import mmd_penalty
from wae.training.loop import train

on_a_device = pytest.mark.skipif(not REAL, reason="needs a CUDA device: make test-gpu")


def test_without_a_device_it_says_so_in_one_line_and_ends_well(root: Path) -> None:
    hidden = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tests.cuda"], cwd=root, env=hidden, capture_output=True, text=True, check=True
    )
    assert done.stdout == "no CUDA device (or a torch without CUDA): the tests of a real device were not run\n"
    assert "python -m tests.cuda\n" in (root / "Makefile").read_text(encoding="utf-8")


@on_a_device
@pytest.mark.parametrize("method", IMPLEMENTATIONS)
def test_two_runs_are_equal_to_the_bit(method: str, made: Path, tmp_path: Path) -> None:
    with on_device():
        for name in ("a", "b"):
            train(run_of(method), made / "data", tmp_path / name, ExecutionSettings(), "code")
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (tmp_path / "b/weights.safetensors").read_bytes()


@on_a_device
@pytest.mark.parametrize("architecture", ["dcgan", "mlp"])
def test_codes_and_images_are_those_of_the_processor(architecture: str) -> None:
    """Codes within 1e-4, images within one grey level."""
    with on_device():
        made = build(run_of("wae_mmd", architecture=architecture))
        data, z = images(50), torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
        codes, pictures = made.encode_images(data).z, made.decode_images(z)
        made.to(CUDA)
        torch.testing.assert_close(made.encode_images(data).z.cpu(), codes, rtol=1e-4, atol=1e-4)
        apart = made.decode_images(z.to(CUDA)).cpu().int() - pictures.int()
    assert apart.abs().max() <= 1


@on_a_device
def test_penalties_are_those_of_the_processor() -> None:
    """Within 1e-5, and their gradients."""
    z, prior = (torch.randn(300, 8, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    found = []
    with on_device():
        for device in ("cpu", CUDA):
            leaf = z.detach().to(device).requires_grad_()
            value = mmd_penalty(leaf, prior.to(device), base=16.0)
            found.append((value.detach().cpu(), torch.autograd.grad(value, leaf)[0].cpu()))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@on_a_device
def test_scores_are_those_of_the_processor(made: Path, tmp_path: Path) -> None:
    """Of the same images: within a thousandth."""
    pictures = np.random.default_rng(1).integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    with on_device():
        tables = [score(pictures, made / "data", [made / "reference"], EVALUATION, device) for device in ("cpu", CUDA)]
    for a, b in zip(*tables, strict=True):
        assert a["metric"] == b["metric"]
        assert b["value"] == pytest.approx(a["value"], rel=1e-3, abs=1e-4), a["metric"]


def test_the_report_has_every_run_of_the_papers_config_and_the_variants(tmp_path: Path) -> None:
    """The slice on the processor, with smaller nets: a run that diverges, or codes that differ, are no success."""
    runs = paper_runs()
    assert len({(cell, variant) for cell, variant, _ in variants_of(runs)}) == 6 + 2 * 3
    small = [
        run.model_copy(
            update={"training": run.training.model_copy(update={"width": 4, "critic_width": 8, "compile": False})}
        )
        for run in runs
    ]
    cpu = torch.device("cpu")
    rows = [measure(cell, variant, run, cpu, 0.0) for cell, variant, run in variants_of(small) if variant == "float32"]
    assert [row.cell for row in rows] == [
        f"{d}/{m}" for d in ("mnist", "celeba") for m in ("vae", "wae_mmd", "wae_gan")
    ]
    assert all(row.steps == 5 for row in rows)
    assert all(row.finite and row.apart == 0.0 for row in rows)
    assert write_report(tmp_path / "REPORT.md", "3 passed", rows, cpu)
    text = (tmp_path / "REPORT.md").read_text()
    assert text.count("| celeba/wae_gan | float32 | 5 |") == 1
    assert "- tests: 3 passed\n" in text
    for changed in ({"finite": False}, {"apart": 0.02}):
        assert not write_report(tmp_path / "REPORT.md", "3 passed", [replace(rows[0], **changed)], cpu)
    assert write_report(tmp_path / "REPORT.md", "", [replace(rows[0], variant="bfloat16", apart=0.02)], cpu)
