"""A finished experiment's folder with invented, seeded numbers, to build reports in tests. Never a result."""

import csv
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from wae.analysis.collecting import collect
from wae.core.settings import RunSettings, TrainingSettings
from wae.evaluation.metric import as_document
from wae.evaluation.run import known_metrics

DISTANCE = {"vae": 140.0, "wae_mmd": 72.0, "wae_gan": 53.0}
IMPLEMENTATIONS = {
    "vae": "baselines.vae:VAE",
    "wae_mmd": "wae.methods.wae_mmd:WAEMMD",
    "wae_gan": "wae.methods.wae_gan:WAEGAN",
}


def make(
    root: Path,
    datasets: tuple[str, ...] = ("digits", "glyphs"),
    methods: tuple[str, ...] = ("vae", "wae_mmd", "wae_gan"),
    seeds: tuple[int, ...] = (0, 1, 2),
    samples: int = 10_000,
    diverged: tuple[tuple[str, str, int], ...] = (),
    missing: tuple[tuple[str, str, int], ...] = (),
    experiment: str = "fake",
    clean: bool = True,
) -> Path:
    """Write ``root``/results/EXPERIMENT as a finished DAG would have; returns that folder."""
    folder = root / "results" / experiment
    runs, run_dirs, references = [], [], []
    for d, dataset in enumerate(datasets):
        references.append(_reference(folder.parent / "reference" / f"{d}.json", dataset))
        for method in methods:
            for seed in seeds:
                run = run_settings(dataset, method, seed)
                path = folder / dataset / method / f"seed{seed}"
                runs.append(run)
                run_dirs.append(path)
                if (dataset, method, seed) not in missing:
                    _run(path, run, d, samples, (dataset, method, seed) in diverged)
    collect(runs, run_dirs, references, folder / "metrics.csv", folder / "runs.csv", experiment)
    _timing(folder / "timing.csv", datasets, methods)
    _documents(folder, runs, experiment, clean, samples, seeds)
    return folder


def run_settings(dataset: str, method: str, seed: int) -> RunSettings:
    """Settings of an invented run; a variant's values are taken from its name."""
    base, _, rest = method.partition("@")
    pairs = (part.partition("=") for part in rest.split("+") if part)
    values = {key: json.loads(value) if value[0].isdigit() else value for key, _, value in pairs}
    lambda_ = {"wae_mmd": 10.0}.get(base, 1.0)
    encoder = "gaussian" if base == "vae" else "deterministic"
    base = base if base in IMPLEMENTATIONS else "vae"
    training = {"implementation": IMPLEMENTATIONS[base], "lambda_": lambda_, "encoder": encoder, "epochs": 6}
    settings = TrainingSettings.model_validate(training | values)
    return RunSettings.model_construct(dataset=dataset, method=method, seed=seed, shape=[1, 28, 28], training=settings)


def facts(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """What an evaluation would have written of the metrics in ``rows``."""
    measured = {row["metric"] for row in rows}
    return as_document({name: found for name, found in known_metrics(["classifier"]).items() if name in measured})


def write_json(path: Path, value: object) -> None:
    """``value`` as JSON in a new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def _row(metric, subject, value, reference="", samples=None, draw=None, label=""):
    names = ("metric", "subject", "reference", "samples", "draw", "label", "value")
    return dict(zip(names, (metric, subject, reference, samples, draw, label, float(value)), strict=True))


def _reference(path: Path, dataset: str) -> Path:
    rows = [
        _row("fid_classifier", "data", 4.7, "test", 5000, 0),
        _row("fid_classifier", "data", 5.1, "test", 5000, 1),
        _row("sharpness", "data", 0.021),
    ]
    write_json(path, {"dataset": dataset, "method": "real_data", "seed": -1, "rows": rows, "metrics": facts(rows)})
    return path


def _run(path: Path, run: RunSettings, offset: int, samples: int, diverged: bool) -> None:
    rng = np.random.default_rng([offset, run.seed, *run.method.encode()])
    base = DISTANCE.get(run.method.partition("@")[0], 100.0) * (1 + 0.4 * offset)
    level = base * (1 + 0.04 * rng.standard_normal())
    label = "smoke" if samples < 2048 else ""
    rows = []
    for draw in range(5):
        for subject, factor in (("prior", 1.0), ("mixture", 0.6)):
            noise = 1 + 0.01 * rng.standard_normal()
            for reference, shift in (("test", 1.0), ("train", 0.97)):
                value = level * factor * noise * shift
                rows.append(_row("fid_classifier", subject, value, reference, samples, draw, label))
            rows.append(_row("kid_classifier", subject, value / 5e4, "test", samples, draw, label))
    for n in (500, 1000, 2500, 5000, samples):
        rows.append(_row("fid_classifier_curve", "prior", level * (1 + 300 / n), "test", n, 0, "smoke" * (n < 2048)))
    rows += [
        _row("fid_classifier_infinity", "prior", level * 0.97, "test"),
        _row("fid_classifier", "reconstruction", level * 0.3, "test", samples, 0, label),
        _row("fid_classifier", "interpolation", level * 0.7, "test", samples, 0, label),
        _row("precision_classifier", "prior", 0.6 + 0.02 * rng.standard_normal(), "test", samples, 0, label),
        _row("recall_classifier", "prior", 0.5 + 0.02 * rng.standard_normal(), "test", samples, 0, label),
        _row("mse", "reconstruction", 0.011 + 0.0004 * rng.standard_normal(), "test"),
        _row("psnr", "reconstruction", 20 + rng.standard_normal() / 5, "test"),
        _row("ssim", "reconstruction", 0.88 + rng.standard_normal() / 100, "test"),
        _row("l1", "reconstruction", 0.03 + rng.standard_normal() / 1000, "test"),
        _row("sharpness", "prior", (0.012 if run.method == "vae" else 0.017) + rng.standard_normal() / 2000),
        _row("sharpness", "reconstruction", 0.016 + rng.standard_normal() / 2000),
        _row("latent_mmd2", "codes", 0.002 * (1 + rng.standard_normal() / 5), "test", 1000),
        _row("latent_mmd_p", "codes", rng.uniform(), "test", 1000),
        _row("latent_direction_sd_min", "codes", 0.93 + rng.standard_normal() / 99, "test", 1000),
        _row("latent_sw2", "prior", 0.045 * (1 + rng.standard_normal() / 20), "test", 1000),
        _row("latent_sw2", "codes", 0.05 * (1 + rng.standard_normal() / 9), "test", 1000),
    ]
    if run.training.encoder == "gaussian":
        rows.append(_row("mutual_information", "codes", 6.2 + rng.standard_normal() / 10, "test", 2000))
        rows.append(_row("kl_aggregate", "codes", 1.1 + rng.standard_normal() / 20, "test", 2000))
    status = "diverged" if diverged else "finished"
    document = {"dataset": run.dataset, "method": run.method, "seed": run.seed, "status": status}
    write_json(path / "metrics.json", document | {"rows": [] if diverged else rows, "metrics": facts(rows)})
    fate = {"status": status, "diverged_step": 137 if diverged else None, "epochs": 6, "steps": 900}
    more = {"images_per_epoch": 15_000, "parameters": 123_456, "seconds": 31.5, "device": "cpu", "threads": 1}
    write_json(path / "run.json", fate | more)
    (path / "settings.json").write_text(run.model_dump_json())
    _curves(path, rng, level, diverged)
    if not diverged:
        _images(path / "images", rng)


def _curves(path: Path, rng: np.random.Generator, level: float, diverged: bool) -> None:
    with (path / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "step", "learning_rate", "lambda_", "loss", "reconstruction", "penalty", "seconds"])
        for epoch in range(1, 2 if diverged else 7):
            reconstruction = 3 + 8 / epoch + rng.standard_normal() / 20
            penalty = 0.05 / epoch
            row = [epoch, 150 * epoch, 1e-3, 10.0, reconstruction + 10 * penalty, reconstruction, penalty]
            writer.writerow([*row, 5.25 * epoch])
    with (path / "trajectory.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "metric", "subject", "value"])
        for epoch in () if diverged else (1, 2, 3, 6):
            writer.writerow([epoch, "fid_classifier", "prior", level * (0.9 + 0.6 / epoch)])
            writer.writerow([epoch, "mse", "reconstruction", 0.01 + 0.02 / epoch])
            writer.writerow([epoch, "mutual_information", "codes", 6.2 - 2 / epoch])
            writer.writerow([epoch, "mutual_information_bound", "codes", math.log(360)])


def _images(folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("samples", "reconstructions", "interpolations"):
        tiles = rng.random((4, 4, 4, 4)).repeat(7, 2).repeat(7, 3) * 255  # blobs, not noise, as digits compress
        grid = tiles.transpose(0, 2, 1, 3).reshape(112, 112)
        Image.fromarray(grid.astype(np.uint8)).save(folder / f"{name}.png")
    points = rng.standard_normal((200, 2))
    labels = rng.integers(0, 10, 200)
    lines = [f"{x!r},{y!r},{label}" for (x, y), label in zip(points.tolist(), labels.tolist(), strict=True)]
    (folder / "latent.csv").write_text("x,y,label\n" + "\n".join(lines) + "\n")


def _timing(path: Path, datasets: tuple[str, ...], methods: tuple[str, ...]) -> None:
    names = ["study", "dataset", "subject", "n", "latent_dim", "critic_width", "part", "seconds", "q1", "q3"]
    names += ["low", "high", "rounds", "noisy_rounds", "peak_bytes", "status"]
    rows = []

    def add(study, dataset, subject, n, d_z, width, part, seconds, status="ok"):
        spread = [seconds * f for f in (1, 0.97, 1.04, 0.98, 1.02)]
        rows.append([study, dataset, subject, n, d_z, width, part, *spread, 20, 0, 1000 * n, status])

    for n in (32, 64, 128, 256, 512, 1024, 2048, 4096):
        add("penalty", "", "mmd_fused", n, 8, "", "total", 4e-4 + 1.5e-8 * n**2)
        add("penalty", "", "mmd_official", n, 8, "", "total", 6e-4 + 4e-7 * n**2, "ok" if n < 4096 else "over_cap")
        add("penalty", "", "mmd_random_features", n, 8, "", "total", 3e-4 + 1.2e-5 * n)
        add("penalty", "", "gan", n, 8, 512, "total", 6e-3 + 1.8e-4 * n)
    parts = {"data": 1e-4, "forward": 9e-3, "penalty": 1e-3, "backward": 1.6e-2, "optimiser": 1e-3, "critic": 0.0}
    for dataset in datasets:
        for method in methods:
            critic = 0.018 if method.startswith("wae_gan") else 0.0
            for part, seconds in (parts | {"critic": critic}).items():
                add("step", dataset, method, 100, 8, 512, part, seconds + 1e-9)
            add("step", dataset, method, 100, 8, 512, "total", sum(parts.values()) + critic)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)


def _documents(folder, runs, experiment, clean, samples, seeds) -> None:
    datasets = list(dict.fromkeys(run.dataset for run in runs))
    methods = list(dict.fromkeys(run.method for run in runs))
    config = {
        "experiment": experiment,
        "description": "Invented numbers",
        "run": {"datasets": datasets, "methods": methods, "seeds": list(seeds), "vary": []},
        "datasets": {name: {"source": "wae.data.embedded:glyphs", "shape": [1, 28, 28]} for name in datasets},
        "extractors": {"classifier": {"kind": "classifier", "width": 16, "features": 64, "epochs": 5}},
        "evaluation": {"samples": samples, "draws": 5, "reference": "test", "mixture_components": 10},
        "timing": {"rounds": 20, "warmup": 3, "cap_seconds": 2.0, "seed": 0},
        "execution": {"device": "cpu", "threads": 1},
    }
    plan = [
        {
            "dataset": run.dataset,
            "method": run.method,
            "seed": run.seed,
            "rerun": f"snakemake --cores 2 results/{experiment}/{run.dataset}/{run.method}/seed{run.seed}/metrics.json",
        }
        for run in runs
    ]
    meta = {"counts": {"train": 20000, "test": 5000}, "shape": [1, 28, 28], "classes": 10}
    meta |= {"sha256": {"train_images.npy": "ab" * 32}, "origin": "invented", "licence": "CC0"}
    manifest = {
        "experiment": experiment,
        "config": config,
        "plan": plan,
        "versions": {"python": "3.11.2", "torch": "2.14.1", "wae": "0.1.0"},
        "hardware": {"processor": "Imaginary 9000", "cores": 2, "memory_bytes": 8 * 2**30},
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "clean_tree": clean,
        "data": dict.fromkeys(datasets, meta),
        "result_digest": "cd" * 32,
        "training_seconds": 512.0,
    }
    write_json(folder / "manifest.json", manifest)
    write_json(folder / "plan.json", {"config": config, "runs": [run.model_dump() for run in runs]})
