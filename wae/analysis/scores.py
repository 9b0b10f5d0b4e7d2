"""Every score summed up over seeds, with its interval and its mark among the methods."""

import math
from collections import Counter
from dataclasses import replace
from statistics import fmean

from wae.analysis.results import Results
from wae.analysis.rows import Limit, Mark, Score
from wae.analysis.runs import REAL_DATA
from wae.analysis.statistics import SIGNIFICANCE, best_and_ties
from wae.analysis.words import PERFECT, about

# Nats below its bound log N from which an estimate of I(X; Z) falls short by a tenth at most; nearer it is read as "at
# least", and what it leaves of the KL term as "at most". Found by simulation of codes of known information
# (tests/evaluation/test_information.py, docs/measures.md).
INFORMATION_MARGIN = 2.5
LIMITED = {"mutual_information": Limit.LEAST, "kl_aggregate": Limit.MOST}
DRAWN_BY = ("prior", "latent_dim", "sigma_z")  # settings that draws of the prior depend on
NOT_SUMMED = ("_curve", "_half")  # of the bias curve and the error budget, which have files of their own


def summarise(results: Results) -> list[Score]:
    """A row per dataset, method, metric and subject that was measured; real data and the perfect match included."""
    frame = results.metrics()
    found: list[Score] = []
    for dataset in results.datasets:
        own = frame[frame["dataset"] == dataset]
        pairs = dict.fromkeys(zip(own["metric"], own["subject"], strict=True))
        for metric, subject in sorted(pair for pair in pairs if not pair[0].endswith(NOT_SUMMED)):
            found += _column(results, dataset, metric, subject)
    return found


def _column(results: Results, dataset: str, metric: str, subject: str) -> list[Score]:
    scores = [score for method in results.methods if (score := one_score(results, dataset, method, metric, subject))]
    if metric.startswith("latent_") and subject == "prior":  # draws of the prior against other draws of it
        return _perfect(results, scores)
    scores = [replace(score, limit=limit(results, score)) for score in scores]
    best, ties = marks(scores, about(metric).better, about(metric).positive)
    made = [
        replace(s, mark=Mark.BEST if s.method == best else Mark.TIE if s.method in ties else Mark.NONE) for s in scores
    ]
    real = one_score(results, dataset, REAL_DATA, metric, subject)
    return made + ([replace(real, low=None, high=None)] if real else [])


def _perfect(results: Results, scores: list[Score]) -> list[Score]:
    """What draws of the prior score against other draws of it: a row per prior, code size and sigma_z of the methods.

    Where these differ, a row is named by them, as a variant is. Each seed's value is the mean over the methods.
    """
    settings = {score.method: results.settings(score.dataset, score.method) for score in scores}
    differing = [name for name in DRAWN_BY if len({found.get(name) for found in settings.values()}) > 1]
    groups: dict[str, list[Score]] = {}
    for score in scores:
        said = "+".join(f"{name}={settings[score.method].get(name)}" for name in differing)
        groups.setdefault(f"{PERFECT}@{said}" if said else PERFECT, []).append(score)
    made = []
    for method, group in groups.items():
        by_seed = {
            seed: fmean(score.by_seed[seed] for score in group if seed in score.by_seed)
            for seed in sorted({seed for score in group for seed in score.by_seed})
        }
        row = replace(group[0], method=method, subject="codes", low=None, high=None, by_seed=by_seed)
        made.append(replace(row, mean=fmean(by_seed.values())))
    return made


def limit(results: Results, score: Score) -> Limit:
    """Whether a score of information is a limit, as the estimate of I(X; Z) behind it is near its bound."""
    if score.metric not in LIMITED:
        return Limit.NONE
    key = score.dataset, score.method
    found, bound = (
        results.seed_values(*key, name, "codes") for name in ("mutual_information", "mutual_information_bound")
    )
    near = len(found) > 0 and len(bound) > 0 and float(found.mean()) > float(bound.mean()) - INFORMATION_MARGIN
    return LIMITED[score.metric] if near else Limit.NONE


def one_score(results: Results, dataset: str, method: str, metric: str, subject: str) -> Score | None:
    """The score of one cell, without a mark; None when it was not measured."""
    rows = results.rows(dataset, method, metric, subject)
    if not rows:
        return None
    by_seed = results.seed_values(dataset, method, metric, subject)
    found = results.interval(by_seed, metric)
    samples = rows[0]["samples"]
    score = Score(
        dataset=dataset,
        method=method,
        metric=metric,
        subject=subject,
        mean=found.mean,
        low=found.low,
        high=found.high,
        by_seed={int(str(seed)): float(value) for seed, value in by_seed.items()},
        samples=None if math.isnan(samples) else int(samples),
        draws=max(Counter(row["seed"] for row in rows).values()),
        few_images=any(row["label"] == "smoke" for row in rows),
    )
    if not metric.endswith("_p"):
        return score
    rejecting = sum(p <= SIGNIFICANCE for p in score.by_seed.values())
    return replace(score, mean=float(rejecting), low=None, high=None, rejections=True)


def marks(scores: list[Score], better: str | None, positive: bool = False) -> tuple[str, list[str]]:
    """The method of the best mean and those that no test tells from it; ("", []) where nothing can be said.

    Nothing is marked where no direction is better, for counts of rejections and for limits, while a method has fewer
    than 3 seeds, and where no test tells any method from the best.
    """
    if better is None or any(score.rejections or score.limit for score in scores):
        return "", []
    best, ties = best_and_ties({score.method: list(score.by_seed.values()) for score in scores}, better, positive)
    return ("", []) if len(ties) == len(scores) - 1 else (best, ties)
