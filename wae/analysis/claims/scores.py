"""Judges of the claims on scores of the three methods: quality, mutual information, blur."""

from collections.abc import Mapping, Sequence

import pandas as pd

from wae.analysis.claims.verdicts import (
    INCONCLUSIVE,
    NOT_TESTED,
    REFUTED,
    SUPPORTED,
    Evidence,
    Judgement,
    not_tested,
    overall,
)
from wae.analysis.contrasts import Contrast, compare
from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.titles import in_words, method_title

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
        found = compare(values, [("wae_gan", "wae_mmd"), ("wae_mmd", "vae"), ("wae_gan", "vae")], parameters["level"])
        verdicts[dataset] = _order_verdict(found)
        said.append(f"on {dataset} {', '.join(_pair(contrast) for contrast in found)}")
        evidence += [_difference(contrast, dataset, in_words(distance), verdicts[dataset]) for contrast in found]
    if not verdicts:
        return not_tested(f"No dataset has {parameters['seeds']:.0f} finished seeds of all three methods.")
    words = "; ".join(said)
    return Judgement(overall(verdicts.values()), f"In {in_words(distance)}, smaller is better: {words}.", evidence)


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def _order_verdict(found: Sequence[Contrast]) -> str:
    """The claim is that each first of a pair has the smaller value."""
    if any(contrast.significant and contrast.difference > 0 for contrast in found):
        return REFUTED
    neighbours = found[:2]
    if all(contrast.significant and contrast.difference < 0 for contrast in neighbours):
        return SUPPORTED
    return INCONCLUSIVE


def _pair(contrast: Contrast) -> str:
    first, second = method_title(contrast.first), method_title(contrast.second)
    if not contrast.significant:
        return f"{first} and {second} are not told apart ({contrast.difference:+.3g}, p = {contrast.p:.2g})"
    better, worse = (first, second) if contrast.difference < 0 else (second, first)
    return f"{better} is better than {worse} by {abs(contrast.difference):.3g} (p = {contrast.p:.2g})"


def _difference(contrast: Contrast, dataset: str, metric: str, verdict: str) -> Evidence:
    return Evidence(
        what=f"{metric}: {method_title(contrast.first)} minus {method_title(contrast.second)}",
        dataset=dataset,
        value=contrast.difference,
        low=contrast.low,
        high=contrast.high,
        verdict=verdict,
        note=f"p = {contrast.p:.3g} after Holm's correction",
    )


def information(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: a WAE with a Gaussian encoder keeps more mutual information than the VAE."""
    measured = results.metrics[results.metrics["metric"] == "mutual_information"]
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
        for contrast in compare({"vae": vae, **values}, [(m, "vae") for m in values], parameters["level"]):
            means = [float(values[contrast.first].mean()), float(vae.mean())]
            least = [bound is not None and mean > bound - parameters["bound"] for mean in means]
            verdict = INCONCLUSIVE
            if contrast.significant and not all(least):  # two lower bounds tell nothing apart
                verdict = SUPPORTED if contrast.difference > 0 else REFUTED
            verdicts.append(verdict)
            first, second = (
                f"{'at least ' if floor else ''}{mean:.3g}" for mean, floor in zip(means, least, strict=True)
            )
            said.append(
                f"on {dataset} {method_title(contrast.first)} has {first} nats "
                f"against {second} of the VAE (p = {contrast.p:.2g})"
            )
            evidence.append(_difference(contrast, dataset, "I(X;Z) in nats", verdict))
    if not verdicts:
        return Judgement(
            NOT_TESTED,
            "The VAE's split is in the evidence, but no WAE with a Gaussian encoder and the VAE's code size was "
            "trained "
            f"with {parameters['seeds']:.0f} seeds.",
            evidence,
        )
    return Judgement(overall(verdicts), f"{_cap('; '.join(said))}.", evidence)


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
                rows.append(Evidence(f"{method_title(method)}: {title}", _mean(values), dataset, unit="nats"))
    return rows


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
        found = compare(values, [("vae", "wae_mmd"), ("vae", "wae_gan")], parameters["level"])
        mean, low, high = results.interval(values["vae"])
        assert low is not None
        assert high is not None
        verdict = INCONCLUSIVE
        if low > real or any(c.significant and c.difference > 0 for c in found):
            verdict = REFUTED
        elif high < real and all(c.significant and c.difference < 0 for c in found):
            verdict = SUPPORTED
        verdicts.append(verdict)
        shares = {m: float(v.mean()) / real for m, v in values.items()}
        listed = ", ".join(f"{method_title(m)} {share:.0%}" for m, share in shares.items())
        said.append(f"on {dataset} samples have this share of real images' sharpness: {listed}")
        evidence.append(Evidence("sharpness of real images", real, dataset))
        evidence.append(Evidence("sharpness of VAE samples", mean, dataset, low, high, verdict=verdict))
        evidence += [_difference(c, dataset, "sharpness", verdict) for c in found]
    if not verdicts:
        seeds = f"{parameters['seeds']:.0f}"
        return not_tested(
            f"No dataset has the sharpness of real images and {seeds} finished seeds of all three methods."
        )
    return Judgement(overall(verdicts), f"{_cap('; '.join(said))}.", evidence)
