"""The scores of one set of features against the real ones, as rows; and what is known of an extractor's metrics."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from wae.core.settings import EvaluationSettings
from wae.evaluation.classifier import Classifier
from wae.evaluation.features import Extractor
from wae.evaluation.fidelity import bias_curve, extrapolate, frechet_distance, kernel_distance, smoke
from wae.evaluation.manifold import manifold_scores
from wae.evaluation.metric import Metric, facts, metric
from wae.evaluation.rows import row

TITLES = {"inception": "Inception"}


def feature_facts(extractor: str) -> dict[str, Metric]:
    """What is known of the metrics of an extractor, by their names: ``fid_EXTRACTOR``, ``fid_EXTRACTOR_half``, ..."""
    title = TITLES.get(extractor, extractor)
    functions = (frechet_distance, kernel_distance, manifold_scores, class_distance, bias_curve, extrapolate)
    known = {}
    for name, found in facts(*functions).items():
        family, _, suffix = name.partition("_")
        definition = found.definition.format(e=title, f=f"{title} features")
        full = "_".join(part for part in (family, extractor, suffix) if part)
        known[full] = replace(found, title=found.title.format(e=title), definition=definition)
    return known


def feature_rows(
    extractor: Extractor,
    subject: str,
    features: np.ndarray,
    real: np.ndarray,
    split: str,
    draw: int,
    settings: EvaluationSettings,
) -> list[dict[str, Any]]:
    """Rows of ``features`` (N, D) against the ``real`` ones (M, D) of ``split``, but for the Frechet distances.

    Kernel distance, precision, recall, density and coverage; class balance where the extractor is a classifier.
    """
    s = settings
    values = {"kid": kernel_distance(features, real, s.kid_subsets, s.kid_subset_size)}
    values |= manifold_scores(
        features, real, s.precision_samples, s.precision_neighbours, s.density_neighbours
    )._asdict()
    if isinstance(extractor.module, Classifier) and extractor.record["kind"] == "classifier":
        values["classes"] = class_distance(extractor.module, features, real)
    label = smoke(len(features), len(real), dimensions=features.shape[1])
    return [
        row(f"{family}_{extractor.name}", subject, value, split, len(features), draw, label)
        for family, value in values.items()
    ]


@metric(
    "classes",
    title="Class balance, {e}",
    better="lower",
    definition="Total variation distance between the shares of classes among generated and among real images, as the "
    "{e} sees them: 0 where every class comes as often as in the real ones, at most 1.",
    lowest=0,
    highest=1,
)
def class_distance(classifier: Classifier, features: np.ndarray, real: np.ndarray) -> float:
    """Half the sum over classes of |share among ``features`` (N, D) - share among ``real`` (M, D)|, by its own head."""
    shares = []
    for side in (features, real):
        device = classifier.scale.device
        chosen = classifier.classify(torch.from_numpy(side).to(device)).argmax(1).cpu().numpy()
        shares.append(np.bincount(chosen, minlength=classifier.head.out_features) / len(side))
    return float(0.5 * np.abs(shares[0] - shares[1]).sum())
