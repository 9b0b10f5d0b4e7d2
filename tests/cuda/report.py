"""What `make test-gpu` writes down beside its tests: a slice of config/paper.yaml on the device, and what it is."""

import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from wae.compute.devices import describe
from wae.core.files import load_yaml, write_text
from wae.core.settings import RunSettings
from wae.planning.plan import load_plan
from wae.training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]
REPORT = Path("reports/gpu/REPORT.md")
IMAGES = 1000  # random ones: the numbers of a step do not depend on what is seen
WARM_UP = 5  # steps, in which kernels are chosen, loaded and compiled
VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"mixed_precision": "bfloat16"},
    "compile": {"compile": True},
    "bfloat16, compile": {"mixed_precision": "bfloat16", "compile": True},
}
TRIED_IN_ALL = ("mnist/wae_mmd", "celeba/wae_gan")  # variants; the compiler takes most of a minute per network


@dataclass(frozen=True)
class Row:
    """A run of the slice. ``apart``: largest difference of codes from the processor's, in their standard deviations."""

    cell: str
    variant: str
    steps: int
    images_per_second: float
    peak_bytes: int
    finite: bool
    apart: float


def paper_runs() -> list[RunSettings]:
    """The first seed's runs of config/paper.yaml on MNIST and CelebA; neither has to be on this disk."""
    raw = load_yaml(ROOT / "config/paper.yaml")
    raw["run"] |= {"datasets": ["mnist", "celeba"], "seeds": [0]}
    raw["datasets"] = {name: {"source": "tests.cuda.runs:tiny", "options": {}} for name in raw["run"]["datasets"]}
    return load_plan(raw).runs


def variants_of(runs: Iterable[RunSettings]) -> Iterator[tuple[str, str, RunSettings]]:
    """(cell, variant, run): each run as the config has it first, so that a small budget sees them all."""
    chosen = list(runs)
    for (variant, changes), run in itertools.product(VARIANTS.items(), chosen):
        cell = f"{run.dataset}/{run.method}"
        if not changes or cell in TRIED_IN_ALL:
            training = run.training.model_copy(update=changes)
            yield cell, variant, run.model_copy(update={"training": training})


def measure(cell: str, variant: str, run: RunSettings, device: torch.device, seconds: float) -> Row:
    """Train ``run`` on random images for about ``seconds`` after a warm-up."""
    images = torch.randint(0, 256, (IMAGES, *run.shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    trainer = Trainer(run, images.to(device), device)
    here = trainer.method.encode_images(images[:20]).z.cpu()
    there = trainer.method.to("cpu").encode_images(images[:20]).z
    trainer = Trainer(run, images.to(device), device)
    trainer.method.train()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    steps = _steps(trainer)
    for _ in range(WARM_UP):
        next(steps)
    began, count = _now(device), 0
    while _now(device) - began < seconds:
        for _ in range(5):
            next(steps)
        count += 5
    rate = count * run.training.batch_size / (_now(device) - began)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    finite = bool(torch.stack(trainer.progress.partial).isfinite().all())
    return Row(cell, variant, WARM_UP + count, rate, peak, finite, float((here - there).abs().max() / there.std()))


def _steps(trainer: Trainer) -> Iterator[None]:
    while True:
        yield from trainer._epoch_steps()
        trainer.progress.step, trainer.progress.partial = 0, trainer.progress.partial[-1:]


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def paper_slice(device: torch.device, budget: float, seconds: float, runs: Iterable[RunSettings]) -> list[Row]:
    """Rows of what ``budget`` seconds allow, ``seconds`` for each."""
    rows, began = [], time.perf_counter()
    for cell, variant, run in variants_of(runs):
        if time.perf_counter() - began > budget:
            break
        rows.append(measure(cell, variant, run, device, seconds))
        print(f"{cell}, {variant}: {rows[-1].images_per_second:.0f} images/s", flush=True)
    return rows


def write_report(path: Path, tests: str, rows: Iterable[Row], device: torch.device) -> bool:
    """Write REPORT.md: the device, the tests' last line, the slice; whether every loss was finite and codes agreed."""
    facts = describe(device) | {"torch": torch.__version__, "CUDA": torch.version.cuda}
    lines = [
        "# The GPU tests on this machine",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        f"- tests: {tests}",
        "",
        "## A slice of config/paper.yaml",
        "",
        f"Training steps on random images after {WARM_UP} to warm up. Codes of 20 images beside the processor's: in",
        "float32 at most 0.01 of their standard deviation apart.",
        "",
        "| run | variant | steps | images/s | peak memory, MB | losses | codes apart |",
        "|---|---|---|---|---|---|---|",
    ]
    well = True
    for row in rows:
        well &= row.finite and (row.variant != "float32" or row.apart < 0.01)
        loss = "finite" if row.finite else "NOT FINITE"
        lines.append(
            f"| {row.cell} | {row.variant} | {row.steps} | {row.images_per_second:.0f} | {row.peak_bytes / 1e6:.0f} | "
            f"{loss} | {row.apart:.1e} |"
        )
    write_text(path, "\n".join(lines) + "\n")
    return well
