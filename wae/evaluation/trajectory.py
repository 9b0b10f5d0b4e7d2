"""Scores along training, from the weights kept at a few epochs: light ones, as they repeat for each."""

import numpy as np
import torch

from wae.compute.seeds import stream
from wae.core.files import csv_text
from wae.core.layout import RunFolder
from wae.core.settings import BUILT_HERE, EvaluationSettings, RunSettings
from wae.evaluation.codes import has_density, information_rows
from wae.evaluation.draws import subset
from wae.evaluation.features import extract
from wae.evaluation.fidelity import SMOKE, frechet_distance, moments
from wae.evaluation.reconstruction import reconstruction_scores
from wae.evaluation.reference import RealData
from wae.evaluation.subjects import decode, encode, load_method

COLUMNS = ("epoch", "metric", "subject", "value")
IMAGES = 1000  # held-out images, at most


def trajectory(
    run: RunSettings,
    folder: RunFolder,
    images: np.ndarray,
    split: str,
    reals: list[RealData],
    settings: EvaluationSettings,
    device: torch.device,
) -> str:
    """trajectory.csv as text, from RUN/snapshots/epochNNNN.safetensors; only its header where there are none.

    Frechet distance of min(samples, 2,048) prior samples, the same z at each epoch (the classifier's features where
    there are any, else those of another network that is built here, else the first extractor's); MSE of 1,000 held-out
    ``images``, at most, drawn at random; their mutual information where the encoder has a density.
    """
    rows: list[tuple[int, str, str, float]] = []
    order = {kind: place for place, kind in enumerate(BUILT_HERE)}  # the classifier first
    scored = sorted(reals, key=lambda real: order.get(real.record["extractor"]["kind"], len(order)))[:1]
    shown = images[subset(len(images), IMAGES, "trajectory")]
    for file in sorted(folder.snapshots.glob("epoch*.safetensors")):
        epoch = int(file.stem.removeprefix("epoch"))
        method = load_method(run, file, device)
        generator = stream(run.seed_for("samples"), "samples", device)
        z = method.prior.sample(min(settings.samples, SMOKE), generator)
        samples = decode(method, z, settings.batch_size)
        for real in scored:
            found = moments(extract(real.extractor, samples, settings.batch_size))
            value = frechet_distance(found, real.statistics["main"])
            rows.append((epoch, f"fid_{real.name}", "prior", value))
        codes = encode(method, shown, settings.batch_size)
        scores = reconstruction_scores(torch.from_numpy(shown), decode(method, codes.z, settings.batch_size))
        rows.append((epoch, "mse", "reconstruction", scores["mse"]))
        if has_density(method, codes):
            noisy = encode(method, shown, settings.batch_size, generator)
            for found_row in information_rows(method, noisy, split, IMAGES):
                rows.append((epoch, found_row["metric"], "codes", found_row["value"]))
    return csv_text(COLUMNS, rows)
