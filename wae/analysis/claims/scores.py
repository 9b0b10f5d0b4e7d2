"""Judges of the claims on scores of the three methods: quality, mutual information, blur."""

from collections.abc import Mapping, Sequence

import pandas as pd

from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.statistics import Comparison, compare
from wae.analysis.words import in_words, number, sentence

ORDER = ("wae_gan", "wae_mmd", "vae")  # as claimed, from the best


def quality(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: WAE-GAN before WAE-MMD before VAE, in Frechet distance."""
    distance = results.distance
    if distance is None:
        return not_tested("No Frechet distance was measured.")
    evidence, verdicts, said = [], {}, []
    for dataset in results.datasets:
        values = {m: results.seed_values(dataset, m, distance, "prior") for m in ORDER}
        if min(map(len, values.values())) < parameters["seeds"]:
            continue
        found = compare(values, [("wae_gan", "wae_mmd"), ("wae_mmd", "vae"), ("wae_gan", "vae")])
        verdicts[dataset] = _order_verdict(found)
        said.append(f"on {dataset} {', '.join(_pair(results, contrast) for contrast in found)}")
        evidence += [
            _difference(results, contrast, dataset, in_words(distance), verdicts[dataset]) for contrast in found
        ]
    if not verdicts:
        return not_tested(f"No dataset has {parameters['seeds']:.0f} finished seeds of all three methods.")
    summary = f"In {in_words(distance)}, smaller is better: {'; '.join(said)}."
    return Judgement(overall(verdicts.values()), summary, evidence)


def _order_verdict(found: Sequence[Comparison]) -> Verdict:
    """The claim is that each first of a pair has the smaller value."""
    if any(contrast.higher for contrast in found):
        return Verdict.REFUTED
    neighbours = found[:2]
    if all(contrast.lower for contrast in neighbours):
        return Verdict.SUPPORTED
    return Verdict.INCONCLUSIVE


def _pair(results: Results, contrast: Comparison) -> str:
    first, second = results.title(contrast.first), results.title(contrast.second)
    if not contrast.significant:
        return f"{first} and {second} are not told apart ({contrast.estimate:+.3g}, p = {contrast.p_holm:.2g})"
    better, worse = (first, second) if contrast.lower else (second, first)
    return f"{better} is better than {worse} by {abs(contrast.estimate):.3g} (p = {contrast.p_holm:.2g})"


def _difference(results: Results, contrast: Comparison, dataset: str, metric: str, verdict: Verdict) -> Evidence:
    return Evidence(
        what=f"{metric}: {results.title(contrast.first)} minus {results.title(contrast.second)}",
        dataset=dataset,
        value=contrast.estimate,
        low=contrast.low,
        high=contrast.high,
        verdict=verdict,
        note=f"Hedges' g = {number(contrast.effect, 2)}, p = {number(contrast.p_holm, 3)} after Holm's correction",
    )


def information(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: a WAE with a Gaussian encoder keeps more mutual information than the VAE."""
    measured = results.metrics()[results.metrics()["metric"] == "mutual_information"]
    if measured.empty:
        return not_tested("No run has an encoder whose mutual information can be computed.")
    evidence, verdicts, said = [], [], []
    for dataset in results.datasets:
        vae = results.seed_values(dataset, "vae", "mutual_information", "codes")
        rivals = [m for m in results.methods if base_method(m).startswith("wae_")]
        values = {m: results.seed_values(dataset, m, "mutual_information", "codes") for m in rivals}
        values = {m: v for m, v in values.items() if len(v) >= parameters["seeds"]}
        values = {m: v for m, v in values.items() if _same_code(results, dataset, m)}
        evidence += _split(results, dataset)
        if len(vae) < parameters["seeds"] or not values:
            continue
        bound = _mean(results.seed_values(dataset, "vae", "mutual_information_bound", "codes"))
        for contrast in compare({"vae": vae, **values}, [(m, "vae") for m in values]):
            means = [float(values[contrast.first].mean()), float(vae.mean())]
            least = [bound is not None and mean > bound - parameters["bound"] for mean in means]
            verdict = Verdict.INCONCLUSIVE
            if contrast.significant and not all(least):  # two lower bounds tell nothing apart
                verdict = Verdict.SUPPORTED if contrast.higher else Verdict.REFUTED
            verdicts.append(verdict)
            first, second = (
                f"{'at least ' if floor else ''}{mean:.3g}" for mean, floor in zip(means, least, strict=True)
            )
            said.append(
                f"on {dataset} {results.title(contrast.first)} has {first} nats "
                f"against {second} of the VAE (p = {contrast.p_holm:.2g})"
            )
            evidence.append(_difference(results, contrast, dataset, "I(X;Z) in nats", verdict))
    if not verdicts:
        return not_tested(
            "The VAE's split is in the evidence, but no WAE with a Gaussian encoder and the VAE's code size was "
            "trained "
            f"with {parameters['seeds']:.0f} seeds.",
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


def _interval(results: Results, values: "pd.Series[float]", metric: str) -> tuple[float, float, float]:
    """Mean and 95% interval of three seeds or more."""
    found = results.interval(values, metric)
    assert found.low is not None
    assert found.high is not None
    return found.mean, found.low, found.high


def _mean(values: "pd.Series[float]") -> float | None:
    return float(values.mean()) if len(values) else None


def blur(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the VAE's samples are less sharp than real images and than the WAEs' samples."""
    evidence, verdicts, said = [], [], []
    for dataset in results.datasets:
        real = results.real_value(dataset, "sharpness")
        values = {m: results.seed_values(dataset, m, "sharpness", "prior") for m in ("vae", "wae_mmd", "wae_gan")}
        if real is None or min(map(len, values.values())) < parameters["seeds"]:
            continue
        found = compare(values, [("vae", "wae_mmd"), ("vae", "wae_gan")])
        mean, low, high = _interval(results, values["vae"], "sharpness")
        verdict = Verdict.INCONCLUSIVE
        if low > real or any(c.higher for c in found):
            verdict = Verdict.REFUTED
        elif high < real and all(c.lower for c in found):
            verdict = Verdict.SUPPORTED
        verdicts.append(verdict)
        shares = {m: float(v.mean()) / real for m, v in values.items()}
        listed = ", ".join(f"{results.title(m)} {share:.0%}" for m, share in shares.items())
        said.append(f"on {dataset} samples have this share of real images' sharpness: {listed}")
        evidence.append(Evidence("sharpness of real images", real, dataset))
        evidence.append(Evidence("sharpness of VAE samples", mean, dataset, low, high, verdict=verdict))
        evidence += [_difference(results, c, dataset, "sharpness", verdict) for c in found]
    if not verdicts:
        seeds = f"{parameters['seeds']:.0f}"
        return not_tested(
            f"No dataset has the sharpness of real images and {seeds} finished seeds of all three methods."
        )
    return Judgement(overall(verdicts), sentence(said), evidence)
