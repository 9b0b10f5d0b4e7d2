"""Judges of the claims on scores of the three methods: quality, mutual information, blur."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from wae.analysis.claims.rules import Part, larger_everywhere, lower_everywhere
from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.files import GAP
from wae.analysis.results import Results
from wae.analysis.runs import base_method
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
    summary = f"In {_named(judged)}, smaller is better: {'; '.join([*said, *_lacking_said(lacking)])}."
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
        if min(map(len, scores.values())) >= seeds and _is_elbo(results, dataset):
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
        if metric is None or min(planned.values()) < seeds or not _is_elbo(results, dataset):
            continue
        for method, count in planned.items():
            finished = results.finished(dataset, method)
            if finished < seeds:
                what, note = f"finished seeds of {results.title(method)}", f"{finished} of {count} seeds"
                found.append(Evidence(what, finished, dataset, verdict=Verdict.INCONCLUSIVE, note=note))
    return found


def _lacking_said(lacking: Sequence[Evidence]) -> list[str]:
    return [f"on {found.dataset} too few {found.what} ({found.note})" for found in lacking]


def _is_elbo(results: Results, dataset: str) -> bool:
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


def information(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: a WAE with a Gaussian encoder keeps more mutual information than the VAE."""
    name = "mutual_information"
    if results.metrics()[results.metrics()["metric"] == name].empty:
        return not_tested("No run has an encoder whose mutual information can be computed.")
    cells: dict[str, dict[str, pd.Series[float]]] = {}
    evidence: list[Evidence] = []
    for dataset in results.datasets:
        vae = results.seed_values(dataset, "vae", name, "codes")
        rivals = [m for m in results.methods if base_method(m).startswith("wae_")]
        values = {m: results.seed_values(dataset, m, name, "codes") for m in rivals}
        values = {m: v for m, v in values.items() if len(v) >= parameters["seeds"] and _same_code(results, dataset, m)}
        evidence += _split(results, dataset)
        if len(vae) >= parameters["seeds"] and values and _is_elbo(results, dataset):
            cells[dataset] = {**values, "vae": vae}
    verdicts, said = [], []
    for part in larger_everywhere(cells, "vae", parameters["margin"]):
        dataset, c, verdict = part.where, part.comparison, part.verdict
        bound = _mean(results.seed_values(dataset, "vae", "mutual_information_bound", "codes"))
        means = [float(np.mean(cells[dataset][method])) for method in (c.first, c.second)]
        least = [bound is not None and mean > bound - parameters["bound"] for mean in means]
        if all(least):  # two lower bounds tell nothing apart
            verdict = Verdict.NOT_TESTED
        elif any(least) and not c.significant:  # nor does one look equal to a number
            verdict = Verdict.INCONCLUSIVE
        verdicts.append(verdict)
        floor = "at least " if least[0] else ""
        told = "has more than" if c.higher else "has less than" if c.lower else "is not told apart from"
        numbers = f"{told} the VAE: a difference of {floor}{number(c.estimate, 3)} nats{spread(c.low, c.high, 3)}"
        if verdict is Verdict.NOT_TESTED:
            numbers = "and the VAE both have more than the estimate can show"
        said.append(f"on {dataset} {results.title(c.first)} {numbers}")
        what = f"I(X;Z) in nats: {results.title(c.first)} less VAE"
        equal = f", p = {number(part.p_equal, 2)} for equality within the margin"
        note = f"effect size g = {number(c.effect, 2)}, p = {number(c.p_holm, 2)} for a difference{equal}"
        evidence.append(Evidence(what, c.estimate, dataset, c.low, c.high, verdict=verdict, note=note))
    if not verdicts:
        return not_tested(
            "The VAE's split is in the evidence, but no WAE with a Gaussian encoder and the VAE's code size was "
            f"trained with {parameters['seeds']:.0f} seeds.",
            evidence,
        )
    return Judgement(overall(verdicts), sentence(said), evidence)


def _same_code(results: Results, dataset: str, method: str) -> bool:
    ours, vae = results.settings(dataset, method), results.settings(dataset, "vae")
    return ours.get("latent_dim") == vae.get("latent_dim") and ours.get("prior") == vae.get("prior")


def _split(results: Results, dataset: str) -> list[Evidence]:
    """The two parts of the KL term of each method whose encoder has a density."""
    rows = []
    titles = {"kl_total": "KL of the encoder from the prior", "mutual_information": "of it I(X;Z)"}
    titles |= {
        "kl_aggregate": "of it KL of the aggregate posterior",
        "mutual_information_bound": "bound log N of I(X;Z)",
    }
    for method in results.methods:
        for metric, title in titles.items():
            values = results.seed_values(dataset, method, metric, "codes")
            if len(values):
                rows.append(Evidence(f"{results.title(method)}: {title}", _mean(values), dataset, unit="nats"))
    return rows


def _mean(values: "pd.Series[float]") -> float | None:
    return float(values.mean()) if len(values) else None


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
    return Judgement(overall(verdicts), sentence([*said, *_lacking_said(lacking)]), evidence)
