"""Every score of one trained run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from wae.compute.seeds import stream
from wae.core.files import sha256_file, write_atomic, write_json, write_text
from wae.core.layout import Cell, RunFolder
from wae.core.progress import Progress
from wae.core.settings import EvaluationSettings, RunSettings
from wae.evaluation import match
from wae.evaluation.codes import code_scores, write_scatter
from wae.evaluation.distances import Distances
from wae.evaluation.draws import part_generator
from wae.evaluation.explorer import explorer
from wae.evaluation.feature_rows import feature_facts
from wae.evaluation.held_out import HeldOut, splits
from wae.evaluation.history import history_facts, history_rows
from wae.evaluation.latent import information_split, moment_scores
from wae.evaluation.likelihood import active_units, likelihood_scores
from wae.evaluation.likelihood_rows import importance_rows, prior_parzen_rows
from wae.evaluation.linear import sse_of_pca
from wae.evaluation.metric import Metric, as_document, facts
from wae.evaluation.own import OwnMetrics
from wae.evaluation.parzen import parzen_scores
from wae.evaluation.pictures import GRID_SEED, save_pictures
from wae.evaluation.reconstruction import reconstruction_scores
from wae.evaluation.reference import RealData, load_reference
from wae.evaluation.rows import row
from wae.evaluation.sharpness import sharpness
from wae.evaluation.subjects import (
    MIXTURE_CODES,
    Mixture,
    as_tensor,
    decode,
    encode,
    load_method,
    middles,
    prior_draws,
    read_run,
    reconstruct,
)
from wae.evaluation.trajectory import COLUMNS, trajectory
from wae.methods.base import Method

PICTURES = ("samples", "reconstructions", "interpolations")
MEASURES = (  # in the order of a table's columns
    *(sse_of_pca, reconstruction_scores, likelihood_scores, sharpness, match.debiased_sw2, match.energy_distance),
    *(match.classifier_accuracy, match.radius_distance, information_split, active_units, code_scores, match.mardia),
    moment_scores,
    parzen_scores,
)


@dataclass(frozen=True)
class Codes:
    """Codes (n, d_z) of the held-out images with encoder noise off and as Q_Z draws them, and draws of the mixture."""

    plain: torch.Tensor
    drawn: torch.Tensor
    mixture: torch.Tensor


def evaluate(
    run_dir: str | Path,
    data: str | Path,
    references: Sequence[str | Path],
    settings: EvaluationSettings,
    device: torch.device | str = "cpu",
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Write metrics.json, trajectory.csv, explorer.json, images/*.png and images/latent.csv of a run's folder.

    ``data``: its prepared dataset; ``references``: folders of ``build_reference`` for that dataset, one an
    extractor. ``made_from``: digests, recorded as given. A diverged run gets no rows, an empty trajectory and blank
    pictures. UserError where run, data and references do not fit together.
    """
    folder, device = RunFolder(Path(run_dir)), torch.device(device)
    run, fate = read_run(folder)
    document: dict[str, Any] = {
        "dataset": run.dataset,
        "method": run.method,
        "seed": run.seed,
        "status": fate["status"],
        "diverged_step": fate["diverged_step"],
        "made_from": dict(made_from or {}),
        "weights": fate.get("sha256", {}).get(folder.weights.name),
        "rows": [],
    }
    if fate["status"] == "diverged":
        _write_blank(folder)
        write_json(folder.metrics, document, sealed=True)
        return
    progress = Progress(f"scores of {Cell(run.dataset, run.method, run.seed)}")
    own = OwnMetrics(settings.metrics)
    method = load_method(run, folder.weights, device)
    reals = [load_reference(folder, device) for folder in references]
    train, held_out = splits(run, Path(data), settings, reals)
    rows, moments, codes = _scores(method, run, train, held_out, reals, own, settings, device, progress)
    images = np.asarray(held_out.split.images)
    if settings.training_epochs:
        rows += history_rows(folder, settings.training_epochs, run, fate["images_per_epoch"])
    progress("pictures")
    save_pictures(method, images, folder, device)
    write_scatter(folder.codes, codes.plain.cpu().numpy(), held_out.split.labels)
    _write_explorer(folder, method, codes, held_out.split.labels, run.seed_for("evaluation"), device)
    progress("scores along training")
    write_text(folder.trajectory, trajectory(run, folder, images, held_out.name, reals, settings, device))
    order = ("metric", "subject", "reference", "samples", "draw")
    rows.sort(key=lambda r: tuple("" if r[k] is None else f"{r[k]:>12}" for k in order))
    known = known_metrics(real.name for real in reals) | history_facts(settings.training_epochs) | own.facts()
    measured = {r["metric"] for r in rows}
    document |= {
        "rows": rows,
        "metrics": as_document({name: found for name, found in known.items() if name in measured}),
        "moments": moments,
        "protocol": _protocol(method, run, held_out, reals, settings),
    }
    document["sha256"] = {folder.trajectory.name: sha256_file(folder.trajectory)}
    write_json(folder.metrics, document, sealed=True)


def known_metrics(extractors: Iterable[str]) -> dict[str, Metric]:
    """What is known of the suite's metrics, by name, in the order of a table's columns."""
    known: dict[str, Metric] = {}
    for name in extractors:
        known |= feature_facts(name)
    return known | facts(*MEASURES)


def _scores(
    method: Method,
    run: RunSettings,
    train: np.ndarray,
    held_out: HeldOut,
    reals: list[RealData],
    own: OwnMetrics,
    settings: EvaluationSettings,
    device: torch.device,
    progress: Progress,
) -> tuple[list[dict[str, Any]], dict[str, Any], Codes]:
    """All rows, the codes' moments per dimension, and codes."""
    distances = [Distances(real, settings) for real in reals]
    batch = settings.batch_size
    rows: list[dict[str, Any]] = []
    real_images = np.asarray(held_out.split.images)

    def score(subject: str, images: torch.Tensor, draw: int = 0) -> None:
        for distance in distances:
            rows.extend(distance.score(subject, images, draw, full=draw == 0))
        if draw == 0:
            rows.append(row("sharpness", subject, sharpness(images, batch), samples=len(images), draw=0))
            rows.extend(own.rows(subject, images, real_images, held_out.name))

    for draw, z in enumerate(
        prior_draws(method, settings.samples, settings.draws, stream(run.seed_for("samples"), "samples", device))
    ):
        progress(f"samples, draw {draw + 1} of {settings.draws}")
        score("prior", decode(method, z, batch), draw)

    rows += prior_parzen_rows(method, run, held_out, settings, device)
    progress("the mixture of the codes")
    seed = run.seed_for("evaluation")
    noise = stream(seed, "evaluation", device)
    chosen = part_generator(seed, "mixture codes").permutation(len(train))[:MIXTURE_CODES]
    codes = encode(method, train[np.sort(chosen)], batch, noise).z.cpu().numpy()
    mixture = Mixture(codes, settings.mixture_components, seed)
    drawn = as_tensor(mixture.sample(settings.samples, part_generator(seed, "mixture samples")), device)
    drawn = method.prior.project(drawn) if method.prior.projects else drawn
    score("mixture", decode(method, drawn, batch))

    progress("reconstructions")
    plain = encode(method, real_images, batch)  # encoder noise off
    back, sse = reconstruct(method, plain.z, real_images, batch)
    score("reconstruction", back)
    errors = {"sse": sse} | sse_of_pca(sse, reals[0].record.get("pca_errors", []), method.settings.latent_dim)
    errors |= reconstruction_scores(torch.from_numpy(real_images), back, batch)
    for name, value in errors.items():
        rows.append(row(name, "reconstruction", value, held_out.name, len(back), 0))
    if settings.interpolations and len(plain.z) > 1:
        progress("interpolations")
        count = min(settings.samples, settings.interpolation_samples)
        score(
            "interpolation",
            decode(method, middles(method, plain.z, count, part_generator(seed, "interpolation")), batch),
        )

    for distance in distances:
        rows += distance.curve(part_generator(seed, "curve"))
    progress("the likelihood")
    rows += importance_rows(method, run, held_out, settings, device)
    random = method.settings.encoder in ("gaussian", "implicit")
    noisy = encode(method, real_images, batch, noise) if random else plain
    progress("the codes")
    rng = part_generator(seed, "codes")
    found, moments = code_scores(method, noisy, plain.z, held_out.name, settings, noise, rng)
    return rows + found, moments, Codes(plain.z, noisy.z, drawn)


def _protocol(
    method: Method, run: RunSettings, held_out: HeldOut, reals: list[RealData], settings: EvaluationSettings
) -> dict[str, Any]:
    """What the numbers rest on; what the metrics are stands beside it, in "metrics"."""
    t = run.training
    keys = ("pixel_range", "cost", "cost_weight", "lambda_", "encoder", "prior", "sigma_z", "latent_dim", "kernel",
            "kernel_scales", "likelihood", "validation_fraction")  # fmt: skip
    return {
        "evaluation": settings.model_dump(),
        "training": {key: getattr(t, key) for key in keys} | {"kernel_base": method.prior.kernel_base},
        "held_out": held_out.name,
        "references": {
            real.name: {
                "split": real.main,
                "counts": real.record["counts"],
                "sha256": real.record["extractor"]["sha256"],
                "kind": real.record["extractor"]["kind"],
                "full_rank": real.record["full_rank"] and settings.samples > real.record["dimensions"],
            }
            for real in reals
        },
    }


def _write_explorer(
    folder: RunFolder, method: Method, codes: Codes, labels: np.ndarray | None, seed: int, device: torch.device
) -> None:
    order = part_generator(seed, "explorer").permutation(
        len(codes.drawn)
    )  # files are often sorted, and the first are shown
    z, mixture = (part.cpu().double().numpy() for part in (codes.drawn, codes.mixture))
    generator = stream(GRID_SEED, "samples", device)  # the same draws of the prior for every run
    document = explorer(method, z[order], None if labels is None else np.asarray(labels)[order], mixture, generator)
    write_json(folder.explorer, document, sealed=True)


def _write_blank(folder: RunFolder) -> None:
    for kind in PICTURES:
        write_atomic(folder.picture(kind), lambda temporary: Image.new("L", (1, 1)).save(temporary, format="PNG"))
    write_scatter(folder.codes, np.empty((0, 2)), None)
    write_json(folder.explorer, {"left_out": "the run diverged"}, sealed=True)
    write_text(folder.trajectory, ",".join(COLUMNS) + "\n")
