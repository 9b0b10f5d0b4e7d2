"""Do the measures agree? Methods ranked by each measure and subject, and Kendall's tau between the rankings."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from wae.analysis.results import Results
from wae.analysis.rows import Agreement, Condition, Ranking, Score
from wae.analysis.statistics import kendall, mean_tau
from wae.analysis.words import about

SUBJECTS = ("prior", "mixture", "reconstruction")


def agreements(results: Results, scores: Sequence[Score]) -> list[Agreement]:
    """Each dataset's plain methods ranked by every measure of images that has a better direction.

    Sharpness, where neither way is better, ranks by the distance from real images' own. A measure counts where every
    method has it. The primary measure is the ranking distance of prior samples (``results.distance``); rankings by one
    measure at several sample counts are one ranking, as they are no independent witnesses.
    """
    made = []
    for dataset in results.datasets:
        rankings = _rankings(results, dataset, scores)
        primary = next((r for r in rankings if _is_primary(results, r.condition)), None)
        if primary is None or len(primary.ranks) < 2:
            continue
        methods = list(primary.ranks)
        table = [[r.ranks[m] for m in methods] for r in rankings]
        taus = [kendall(row, [primary.ranks[m] for m in methods]) for row in table]
        ranked = [Ranking(dataset, r.condition, r.ranks, tau) for r, tau in zip(rankings, taus, strict=True)]
        mean_ranks = np.mean(table, axis=0)
        order = [methods[i] for i in np.argsort(mean_ranks, kind="stable")]
        opposite = [r.condition for r in ranked if r.tau is not None and r.tau <= -1 + 1e-9]
        made.append(Agreement(dataset, ranked, mean_tau(table), len(set(map(tuple, table))) == 1, order, opposite))
    return made


def _is_primary(results: Results, condition: Condition) -> bool:
    return condition.metric == results.distance and condition.subject == "prior"


def _rankings(results: Results, dataset: str, scores: Sequence[Score]) -> list[Ranking]:
    wanted = [m for m in results.main_methods if results.finished(dataset, m)]
    columns: dict[tuple[str, str], dict[str, float]] = {}
    for score in scores:
        if score.dataset == dataset and score.method in wanted and score.subject in SUBJECTS:
            columns.setdefault((score.metric, score.subject), {})[score.method] = score.mean
    made = []
    for (metric, subject), means in columns.items():
        signed = _signed(results, dataset, metric, means)
        if signed is not None and len(means) == len(wanted):
            ranks = stats.rankdata([signed[m] for m in wanted])
            samples = next(
                (s.samples for s in scores if (s.dataset, s.metric, s.subject) == (dataset, metric, subject)), None
            )
            against = results.rows(dataset, wanted[0], metric, subject)[0]["reference"] or results.reference
            condition = Condition(metric, subject, against, samples)
            made.append(Ranking(dataset, condition, dict(zip(wanted, map(float, ranks), strict=True)), None))
    return sorted(made, key=lambda r: not _is_primary(results, r.condition))


def _signed(results: Results, dataset: str, metric: str, means: dict[str, float]) -> dict[str, float] | None:
    """Means such that smaller is better; None for a measure that ranks nothing."""
    if metric == "sharpness":
        real = results.real_value(dataset, metric)
        return None if real is None else {m: abs(value - real) for m, value in means.items()}
    better = about(metric).better
    if better is None or metric.endswith("_infinity"):
        return None
    return {m: value if better == "lower" else -value for m, value in means.items()}
