"""The runs of the CUDA tests: every method, encoder, prior and architecture, and what they are trained and scored on.

They run on a device that is not there (tests/cuda/pretend.py), or, with WAE_TEST_GPU=1, on a real one.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.cuda.pretend import pretend
from tests.cuda.rules import CUDA, seen
from tests.shared.models import IMPLEMENTATIONS
from wae.compute import devices
from wae.core.errors import UserError
from wae.core.plugins import load_class
from wae.core.settings import EvaluationSettings, ExecutionSettings, RunSettings, TrainingSettings
from wae.data.source import Dataset, Split
from wae.evaluation.run import evaluate
from wae.methods.base import Method
from wae.planning.compatibility import check
from wae.training.loop import train

REAL = os.environ.get("WAE_TEST_GPU") == "1"  # `make test-gpu`


@contextmanager
def on_device() -> Iterator[Any]:
    """CUDA: the device that is not there, or the real one with the switches of a job."""
    if not REAL:
        with pretend() as record:
            yield record
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    devices.deterministic()
    devices.set_tf32(False)
    yield seen


def tiny(root: Path | None) -> Dataset:
    """60 images of noise in three classes."""
    rng = np.random.default_rng(0)
    parts = [Split(rng.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8), np.arange(n) % 3) for n in (40, 20)]
    return Dataset(*parts, "none", "none")


def vars_of(implementation: str) -> dict[str, Any]:
    """What a method's class can be combined with."""
    kind = load_class(implementation, Method)
    return {key: getattr(kind, key) for key in ("encoders", "priors", "likelihoods") if hasattr(kind, key)}


def whole(run: RunSettings, made: Path, out: Path) -> None:
    """Train ``run`` on the device and score it there."""
    with on_device():
        train(run, made / "data", out, ExecutionSettings(), "code")
        evaluate(out, made / "data", [made / "reference"], EVALUATION, CUDA)


ENCODERS, PRIORS, ARCHITECTURES = (
    ("deterministic", "pixel_noise", "gaussian", "implicit"),
    ("normal", "uniform", "sphere"),
    ("dcgan", "mlp"),
)
FURTHER = [  # settings that take another path, each with the methods that they matter to
    (("vae", "beta_vae"), {"encoder": "gaussian", "likelihood": "gaussian"}),
    (("vae",), {"encoder": "gaussian", "likelihood": "learned_gaussian"}),
    (("wae_gan",), {"critic_prior_trick": True}),
    (("wae_gan", "wae_mmd", "vae"), {"authors": True, "critic_prior_trick": True}),
    (("wae_gan",), {"options": {"fresh_codes": True}}),
    (("wae_mmd", "wae_mmd_rff"), {"kernel": "rbf"}),
    (("wae_mmd",), {"cost": "l1"}),
    (("wae_mmd",), {"cost": "l2", "pixel_range": "minus_one_one"}),
    (("wae_mmd", "wae_gan"), {"mixed_precision": "bfloat16"}),
    (("wae_mmd",), {"channels_last": True, "kernel_size": 5}),
    (("wae_mmd",), {"lambda_schedule": "adaptive", "schedule": "plateau"}),
    (("wae_mmd",), {"latent_dim": 20, "initialisation": "truncated_normal", "validation_fraction": 0.2}),
]
EVALUATION = EvaluationSettings(
    samples=16, draws=2, halves=2, curve_points=3, kid_subsets=2, kid_subset_size=8, precision_samples=12, codes=12,
    information_codes=12, permutations=19, mixture_components=2, batch_size=9,
)  # fmt: skip


def run_of(method: str, **changes: object) -> RunSettings:
    base = {
        "implementation": IMPLEMENTATIONS[method],
        "width": 4, "depth": 2, "decoder_depth": 1, "latent_dim": 2 if method == "cwae" else 3, "batch_size": 8,
        "epochs": 2, "pretrain_steps": int(method != "pca"), "pretrain_samples": 10, "snapshots": 1,
        "critic_width": 8, "projections": 8, "random_features": 16,
        "encoder": "gaussian" if "vae" in method else "deterministic",
    }  # fmt: skip
    training = TrainingSettings(**{**base, **changes})
    return RunSettings(dataset="tiny", method=method, seed=0, shape=[1, 8, 8], training=training)


def combinations() -> list[RunSettings]:
    """Every method with each architecture; every encoder, prior and architecture once; what else takes its own path."""
    wanted = [(m, {"architecture": a}) for m in IMPLEMENTATIONS for a in ARCHITECTURES]
    for number, (e, p, a) in enumerate(itertools.product(ENCODERS, PRIORS, ARCHITECTURES)):
        method = ("wae_mmd", "wae_gan", "swae", "aae", "ae", "wae_mmd_rff")[number % 6]
        wanted.append((method, {"encoder": e, "prior": p, "architecture": a}))
    wanted += [(m, changes) for methods, changes in FURTHER for m in methods]
    found = []
    for method, changes in wanted:
        run = run_of(method, **changes)
        try:
            check(run.training, (1, 8, 8), vars_of(run.training.implementation))
        except UserError:
            continue
        if run not in found:
            found.append(run)
    return found


def name_of(run: RunSettings) -> str:
    t = run.training
    own = {k: v for k, v in t.model_dump(exclude_defaults=True).items() if any(k in c for _, c in FURTHER)}
    return "-".join([run.method, t.encoder, t.prior, t.architecture, *(f"{k}={v}" for k, v in own.items())])
