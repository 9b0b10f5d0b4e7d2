"""Judges of the claims that need a sweep: the latent match in high dimensions, the size of Z and its prior."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from wae.analysis.claims.rules import no_worse, within
from wae.analysis.claims.verdicts import Evidence, Judgement, not_tested, overall
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.statistics import SIGNIFICANCE
from wae.analysis.words import in_words, number, sentence, spread

MATCHED = ("wae_mmd", "wae_gan", "vae")  # shown; WAE-MMD is judged
SWEPT = ("latent_dim", "prior")


def match(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the codes of WAE-MMD match a standard normal in high dimensions."""
    cells = []
    for dataset in results.datasets:
        for method in results.methods:
            settings = results.settings(dataset, method)
            effect = results.seed_values(dataset, method, "latent_sw2_debiased", "codes")
            if settings.get("prior", "normal") == "normal" and base_method(method) in MATCHED and len(effect):
                cells.append((dataset, method, int(settings["latent_dim"]), effect))
    judged = [
        (d, m, n, e)
        for d, m, n, e in cells
        if base_method(m) == "wae_mmd" and n >= parameters["high"] and len(e) >= parameters["seeds"]
    ]
    evidence, verdicts, said = [], [], []
    for cell in cells:
        dataset, method, dimension, effect = cell
        narrow = results.seed_values(dataset, method, "latent_sd_ratio_min", "codes")
        p = results.seed_values(dataset, method, "latent_mmd_p", "codes")
        found = results.interval(effect, "latent_sw2_debiased")
        rejecting = f"{(p <= SIGNIFICANCE).sum()} of {len(p)} seeds reject"
        tail = f", narrowest dimension {narrow.mean():.2f} of the prior's sd" if len(narrow) else ""
        verdict = None
        if cell in judged:
            collapse = within(-narrow, -parameters["collapsed"], 2 * len(judged)) if len(narrow) else None
            verdict = overall(v for v in (within(effect, parameters["margin"], 2 * len(judged)), collapse) if v)
            verdicts.append(verdict)
            interval = f"{number(found.mean, 2)} sd{spread(found.low, found.high, 2)}"
            said.append(f"on {dataset} at d_z = {dimension} the codes are {interval} from the prior, {rejecting}{tail}")
        what = f"{_named(results, method, dimension)}: debiased sliced W2"
        note = rejecting + tail
        evidence.append(Evidence(what, found.mean, dataset, found.low, found.high, "prior sds", verdict, note))
    evidence += _power(results)
    if not verdicts:
        return not_tested(
            f"No WAE-MMD with latent_dim of {parameters['high']:.0f} or more was trained with "
            f"{parameters['seeds']:.0f} seeds.",
            evidence,
        )
    return Judgement(overall(verdicts), sentence(said) + _power_said(results), evidence)


def _named(results: Results, method: str, dimension: int) -> str:
    title = results.title(method)
    return title if "latent_dim" in varied(method) else f"{title}, d_z = {dimension}"


def _power(results: Results) -> list[Evidence]:
    rows = results.divergences.get("power", [])
    titles = {
        "none": "share of false alarms",
        "narrow": "power against standard deviations of 0.8",
        "collapsed": "power against one collapsed dimension",
        "shifted": "power against a mean moved by 0.5",
    }
    return [
        Evidence(
            what=(
                f"MMD test, n = {row['n']}, d_z = {row['dimension']}: {titles.get(row['departure'], row['departure'])}"
            ),
            value=row["power"],
            low=row["low"],
            high=row["high"],
            note=f"{row['repeats']} simulated tests",
        )
        for row in rows
    ]


def _power_said(results: Results) -> str:
    rows = [row for row in results.divergences.get("power", []) if row["departure"] == "collapsed"]
    if not rows:
        return ""
    first, last = rows[0], rows[-1]
    return (
        f" Beware: at n = {last['n']} the test sees one collapsed dimension with power {first['power']:.2f} at d_z = "
        f"{first['dimension']} and {last['power']:.2f} at d_z = {last['dimension']}."
    )


def latent(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: no more than 100 latent dimensions are needed, and a normal prior does."""
    if not any(results.distance_on(dataset) for dataset in results.datasets):
        return not_tested("No Frechet distance was measured.")
    contests = [
        found
        for dataset in results.datasets
        for base in dict.fromkeys(map(base_method, results.methods))
        for key in SWEPT
        if (found := _contest(results, dataset, base, key, parameters)) is not None
    ]
    evidence, verdicts, said = [], [], []
    for found in contests:
        values, allowed, others = found.values, found.allowed, found.others
        verdict = no_worse(
            [values[v] for v in allowed], [values[v] for v in others], parameters["margin"], len(contests)
        )
        verdicts.append(verdict)
        means = ", ".join(f"{number(float(seeds.mean()), 3)} with {value}" for value, seeds in values.items())
        title, name = results.title(found.base), "d_z" if found.key == "latent_dim" else "prior"
        said.append(f"on {found.dataset} {title} has, by {name}, {means}")
        for value, seeds in values.items():
            shown = results.interval(seeds, found.distance)
            what = f"{title}, {name} = {value}: {in_words(found.distance)}"
            evidence.append(Evidence(what, shown.mean, found.dataset, shown.low, shown.high, verdict=verdict))
    contested = {found.key for found in contests}
    missing = [key for key in SWEPT if key not in contested]
    if missing:
        lacking = {"prior": "other priors than the normal one"}.get(
            missing[-1], f"more than {parameters['dimensions']:.0f} dimensions"
        )
        return not_tested(
            f"This config trains nothing with {lacking} beside the rest (config/latent.yaml does).", evidence
        )
    measures = " or ".join(dict.fromkeys(in_words(found.distance) for found in contests))
    return Judgement(overall(verdicts), f"In {measures}, smaller is better: {'; '.join(said)}.", evidence)


@dataclass(frozen=True)
class Contest:
    """The sweep of one setting of one method: scores by value, the values that the claim allows, and the rivals."""

    dataset: str
    distance: str
    base: str
    key: str
    values: "dict[str, pd.Series[float]]"
    allowed: list[str]
    others: list[str]


def _contest(results: Results, dataset: str, base: str, key: str, parameters: Mapping[str, float]) -> Contest | None:
    """The contest of ``key``, None where it was not swept. A fitted mixture counts as a rival of the normal prior."""
    distance = results.distance_on(dataset)
    if distance is None:
        return None
    values: dict[str, pd.Series[float]] = {}
    for method in results.methods:
        alone = base_method(method) == base and set(varied(method)) <= {key}
        seeds = results.seed_values(dataset, method, distance, "prior")
        if alone and len(seeds) >= parameters["seeds"]:
            values.setdefault(str(results.settings(dataset, method).get(key)), seeds)
    limit = parameters["dimensions"]
    allowed = [v for v in values if (v == "normal" if key == "prior" else float(v) <= limit)]
    others = [v for v in values if v not in allowed]
    if not allowed or not others:
        return None
    mixture = results.seed_values(dataset, base, distance, "mixture")
    if key == "prior" and len(mixture) >= parameters["seeds"]:
        values["mixture"] = mixture
        others.append("mixture")
    return Contest(dataset, distance, base, key, values, allowed, others)
