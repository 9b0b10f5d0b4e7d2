"""Do the measures agree? Methods ranked by each measure and subject, and Kendall's tau between the rankings."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from wae.analysis.results import Results
from wae.analysis.rows import Agreement, Condition, Ranking, Score, SubjectAgreement
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
        first = [primary.ranks[m] for m in methods]
        ranked = [replace(r, tau=kendall([r.ranks[m] for m in methods], first)) for r in rankings]
        opposite = [r.condition for r in ranked if r.tau is not None and r.tau <= -1 + 1e-9]
        by_subject = {name: [r for r in ranked if r.condition.subject == name] for name in SUBJECTS}
        subjects = [_of_subject(name, found, methods) for name, found in by_subject.items() if found]
        made.append(Agreement(dataset, ranked, opposite, subjects))
    return made


def _of_subject(subject: str, rankings: Sequence[Ranking], methods: Sequence[str]) -> SubjectAgreement:
    """The agreement of ``rankings``; the primary one, where it is among them, is the first."""
    table = [[r.ranks[m] for m in methods] for r in rankings]
    others = rankings[1:] if subject == "prior" else rankings
    taus = [r.tau for r in others if r.tau is not None]
    primary_tau = float(np.mean(taus)) if taus else None
    return SubjectAgreement(subject, len(table), mean_tau(table), primary_tau, len(set(map(tuple, table))) == 1)


def _is_primary(results: Results, condition: Condition) -> bool:
    return condition.metric == results.distance and condition.subject == "prior"


def _rankings(results: Results, dataset: str, scores: Sequence[Score]) -> list[Ranking]:
    wanted = [m for m in results.main_methods if results.rows(dataset, m, str(results.distance), "prior")]
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
