"""Judges of the claims on scores of the three methods: quality and blur."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from wae.analysis.claims.lost import lost_said, lost_seeds
from wae.analysis.claims.rules import Part, lower_everywhere
from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.files import GAP
from wae.analysis.results import Results
from wae.analysis.statistics import SIGNIFICANCE
from wae.analysis.words import in_words, number, sentence, spread

ORDER = ("wae_gan", "wae_mmd", "vae")  # as claimed, from the best
PAIRS = (("wae_gan", "wae_mmd"), ("wae_mmd", "vae"), ("wae_gan", "vae"))


def quality(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: WAE-GAN before WAE-MMD before VAE (beta = 1), in the primary measure."""
    measures = {dataset: results.distance_on(dataset) for dataset in results.datasets}
    if not any(measures.values()):
        return not_tested("No Frechet distance was measured.")
    cells = _complete(results, measures, ORDER, parameters["seeds"])
    lacking = _lacking(results, measures, ORDER, parameters["seeds"])
    if not cells and not lacking:
        return not_tested(f"No dataset has {parameters['seeds']:.0f} finished seeds of all three methods.")
    parts = lower_everywhere(cells, PAIRS, parameters["margin"])
    verdicts = [
        overall(
            part.verdict for part in parts if part.where == dataset and (part.verdict is Verdict.REFUTED or _next(part))
        )
        for dataset in cells
    ]
    said = [f"on {dataset} {', '.join(_said(results, p) for p in parts if p.where == dataset)}" for dataset in cells]
    evidence = [_evidence(results, part, in_words(measures[part.where])) for part in parts]
    evidence += lacking + _beside(results, list(cells)) + _hole(results)
    verdicts += [Verdict.INCONCLUSIVE for _ in lacking]
    judged = [measures[dataset] for dataset in dict.fromkeys([*cells, *(found.dataset for found in lacking)])]
    summary = f"In {_named(judged)}, smaller is better: {'; '.join([*said, *lost_said(lacking)])}."
    return Judgement(overall(verdicts), summary, evidence)


def _named(measures: Iterable[str | None]) -> str:
    """The measures by which datasets are judged, each once."""
    return " or ".join(dict.fromkeys(map(in_words, measures)))


def _next(part: Part) -> bool:
    """Whether the pair are neighbours in the claimed order, on which support rests."""
    return (part.comparison.first, part.comparison.second) in PAIRS[:2]


def _complete(
    results: Results, measures: Mapping[str, str | None], methods: Sequence[str], seeds: float
) -> dict[str, dict[str, "pd.Series[float]"]]:
    """Scores of prior samples in each dataset's measure, by dataset and method, where every method has so many seeds
    and "vae" is beta = 1.
    """
    found = {}
    for dataset, metric in measures.items():
        if metric is None:
            continue
        scores = {method: results.seed_values(dataset, method, metric, "prior") for method in methods}
        if min(map(len, scores.values())) >= seeds and is_elbo(results, dataset):
            found[dataset] = scores
    return found


def _lacking(
    results: Results, measures: Mapping[str, str | None], methods: Sequence[str], seeds: float
) -> list[Evidence]:
    """Cells for which so many seeds were planned but fewer finished, on datasets that would be judged.

    They leave a claim about every dataset open: one judged on those that survived would say more than was measured.
    """
    found = []
    for dataset, metric in measures.items():
        planned = {method: results.started(dataset, method) for method in methods}
        if metric is None or min(planned.values()) < seeds or not is_elbo(results, dataset):
            continue
        found += lost_seeds(results, dataset, methods, seeds)
    return found


def is_elbo(results: Results, dataset: str) -> bool:
    """Whether what a config calls "vae" has beta = 1, as it must to count as the VAE."""
    return bool(results.settings(dataset, "vae").get("lambda_", 1.0) == 1.0)


def _said(results: Results, part: Part) -> str:
    c = part.comparison
    first, second = results.title(c.first), results.title(c.second) if c.second else "real images"
    numbers = f"{number(c.estimate, 3)} times{spread(c.low, c.high, 3)}"
    if part.p_equal is not None and part.p_equal <= SIGNIFICANCE:
        return f"{first} and {second} are equal within the margin ({numbers})"
    if not c.significant:
        return f"{first} and {second} are not told apart ({numbers})"
    return f"{first} has {'less' if c.lower else 'more'} than {second} ({numbers})"


def _evidence(results: Results, part: Part, metric: str) -> Evidence:
    c = part.comparison
    second = results.title(c.second) if c.second else "real images"
    equal = "" if part.p_equal is None else f", p = {number(part.p_equal, 2)} for equality within the margin"
    counts = {m: (results.finished(part.where, m), results.started(part.where, m)) for m in (c.first, c.second) if m}
    lost = "".join(
        f", {n} of {planned} seeds of {results.title(m)}" for m, (n, planned) in counts.items() if n < planned
    )
    return Evidence(
        what=f"{metric}: {results.title(c.first)} over {second}",
        dataset=part.where,
        value=c.estimate,
        low=c.low,
        high=c.high,
        verdict=part.verdict,
        note=f"effect size g = {number(c.effect, 2)}, p = {number(c.p_holm, 2)} for a difference{equal}{lost}",
    )


def _beside(results: Results, datasets: Sequence[str]) -> list[Evidence]:
    """Precision and coverage of prior samples, which the primary measure mixes: shown, not judged."""
    found = []
    for dataset in datasets:
        for method in ORDER:
            for metric in sorted({m for m in results.metrics()["metric"] if m.startswith(("precision_", "coverage_"))}):
                values = results.seed_values(dataset, method, metric, "prior")
                if len(values):
                    shown = results.interval(values, metric)
                    what = f"{in_words(metric)}: {results.title(method)}"
                    found.append(Evidence(what, shown.mean, dataset, shown.low, shown.high))
    return found


def _hole(results: Results) -> list[Evidence]:
    """What share of the VAE's deficit against each WAE is the prior's hole (prior less mixture)."""
    rows = {(row.dataset, row.method): row for row in results.read(GAP)}
    found = []
    for dataset in results.datasets:
        vae = rows.get((dataset, "vae"))
        for method in ("wae_mmd", "wae_gan"):
            wae = rows.get((dataset, method))
            if vae is None or wae is None or None in (vae.hole, wae.hole, vae.prior, wae.prior):
                continue
            deficit = (vae.prior or 0.0) - (wae.prior or 0.0)
            if deficit > 0:
                share = ((vae.hole or 0.0) - (wae.hole or 0.0)) / deficit
                what = f"share of the VAE's deficit against {results.title(method)} that is the hole in the prior"
                found.append(Evidence(what, share, dataset))
    return found


def blur(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the samples of the VAE (beta = 1) are less sharp than real images and than the WAEs' samples."""
    real = {dataset: results.real_value(dataset, "sharpness") for dataset in results.datasets}
    measures = dict.fromkeys(results.datasets, "sharpness")
    cells = _complete(results, measures, ("vae", "wae_mmd", "wae_gan"), parameters["seeds"])
    targets = {dataset: value for dataset in cells if (value := real[dataset]) is not None}
    cells = {dataset: cells[dataset] for dataset in targets}
    lacking = _lacking(results, {d: "sharpness" for d in real if real[d] is not None}, ORDER, parameters["seeds"])
    if not cells and not lacking:
        seeds = f"{parameters['seeds']:.0f}"
        return not_tested(
            f"No dataset has the sharpness of real images and {seeds} finished seeds of all three methods."
        )
    parts = lower_everywhere(cells, [("vae", "wae_mmd"), ("vae", "wae_gan")], parameters["margin"], targets)
    said = [
        f"in sharpness on {dataset} {', '.join(_said(results, part) for part in parts if part.where == dataset)}"
        for dataset in cells
    ]
    evidence = [Evidence("sharpness of real images", value, dataset) for dataset, value in targets.items()]
    evidence += [*(_evidence(results, part, "sharpness") for part in parts), *lacking]
    verdicts = [part.verdict for part in parts] + [Verdict.INCONCLUSIVE for _ in lacking]
    return Judgement(overall(verdicts), sentence([*said, *lost_said(lacking)]), evidence)
