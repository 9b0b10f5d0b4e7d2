"""Equal tuning: each method's own best weight, chosen on validation images, compared on test images."""

import numpy as np

from wae.analysis.results import Results
from wae.analysis.rows import TriedWeight, Tuning, WeightScore
from wae.analysis.runs import base_method, varied
from wae.analysis.words import about

KEY = "lambda_"
PAPER = {"vae": 1.0, "beta_vae": 1.0, "wae_mmd": 10.0, "wae_gan": 10.0}  # MNIST, the authors' code (Tolstikhin 2018)


def tune(results: Results) -> Tuning:
    """The sweep of each method over ``lambda_`` (run.vary in the config), where the reference is "validation".

    What is varied beside the weight makes another method here: the weight of each code size is chosen by itself.
    The best weight has the best mean of the primary measure on validation images. One of which any seed diverged or
    is missing cannot be chosen, as what is left of it would be picked by luck. The comparisons are on test images,
    which chose nothing: each method at the paper's weight, where that was swept, and at its own best.
    """
    if results.distance is None or results.reference != "validation":
        return Tuning()
    tuning = Tuning()
    swept = [method for method in results.methods if KEY in varied(method)]
    for dataset in results.datasets:
        for base in dict.fromkeys(map(weighed, swept)):
            variants = [method for method in swept if weighed(method) == base and results.started(dataset, method)]
            tried = _sweep(results, dataset, variants)
            tuning.tried.extend(tried)
            chosen = [weight for weight in tried if weight.chosen]
            if chosen:
                tuning.compared.extend(_compared(results, dataset, tried, chosen[0].weight, base))
    tuning.compared.sort(key=lambda row: (results.datasets.index(row.dataset), row.best))
    return tuning


def weighed(variant: str) -> str:
    """The method whose weight a variant sets: ``wae_mmd@latent_dim=2`` for ``wae_mmd@latent_dim=2+lambda_=10``."""
    rest = "+".join(f"{key}={value}" for key, value in varied(variant).items() if key != KEY)
    return base_method(variant) + (f"@{rest}" if rest else "")


def _sweep(results: Results, dataset: str, variants: list[str]) -> list[TriedWeight]:
    """The weights of one method, ascending, the best one marked; none is where all have an unfinished seed."""
    tried = []
    for variant in variants:
        scores = results.seed_values(dataset, variant, str(results.distance), "prior", "validation")
        finished = set(results.finished_seeds(dataset, variant))
        unfinished = results.started(dataset, variant) - len(finished & set(scores.index))
        mean = float(scores.mean()) if len(scores) else None
        weight = float(varied(variant)[KEY])
        base = weighed(variant)
        tried.append(TriedWeight(dataset, base, weight, variant, mean, len(scores), unfinished, False, False))
    tried.sort(key=lambda row: row.weight)
    sign = -1.0 if about(results.distance).better == "higher" else 1.0
    eligible = [(sign * row.validation, row) for row in tried if not row.unfinished and row.validation is not None]
    if not eligible:
        return tried
    _, best = min(eligible, key=lambda pair: pair[0])
    edge = len(tried) > 1 and best.weight in (tried[0].weight, tried[-1].weight)
    return [
        TriedWeight(
            dataset, r.method, r.weight, r.variant, r.validation, r.seeds, r.unfinished, r is best, edge and r is best
        )
        for r in tried
    ]


def _compared(results: Results, dataset: str, tried: list[TriedWeight], best: float, base: str) -> list[WeightScore]:
    made = []
    for is_best, weight in ((False, PAPER.get(base)), (True, best)):
        for row in tried:
            scores = results.seed_values(dataset, row.variant, str(results.distance), "prior", "test")
            if weight is not None and np.isclose(row.weight, weight) and len(scores):
                found = results.interval(scores, str(results.distance))
                by_seed = {int(str(seed)): float(value) for seed, value in scores.items()}
                interval = (found.mean, found.low, found.high)
                made.append(WeightScore(dataset, is_best, base, row.weight, row.variant, *interval, by_seed))
    return made
