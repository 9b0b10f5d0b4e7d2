"""Judges of the claims that need a sweep: the latent match in high dimensions, the size of Z and its prior."""

from collections.abc import Mapping

import pandas as pd

from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.statistics import compare
from wae.analysis.words import in_words, sentence

SWEPT = ("latent_dim", "prior")


def match(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the codes of WAE-MMD match a standard normal in high dimensions."""
    evidence, verdicts, said = [], [], []
    for dataset in results.datasets:
        for method in results.methods:
            settings = results.settings(dataset, method)
            if settings.get("prior", "normal") != "normal" or base_method(method) not in ("wae_mmd", "wae_gan", "vae"):
                continue
            found = _latent_match(results, dataset, method, parameters["level"])
            if found is None:
                continue
            dimension = settings["latent_dim"]
            verdict = None
            if base_method(method) == "wae_mmd" and dimension >= parameters["high"]:
                verdict = _match_verdict(found, parameters)
                verdicts.append(verdict)
                said.append(
                    f"on {dataset} at d_z = {dimension} {found['rejecting']} of {found['seeds']} seeds reject, "
                    "the codes "
                    f"are {found['ratio']:.2f} times as far from the prior as a perfect match, and the narrowest "
                    "dimension "
                    f"has {found['spread']:.2f} of the prior's standard deviation"
                )
            note = (
                f"{found['rejecting']} of {found['seeds']} seeds reject, median p {found['p']:.2g}; narrowest "
                "dimension "
                f"{found['spread']:.2f}"
            )
            what = f"{_named(results, method, dimension)}: sliced W2 over that of a perfect match"
            evidence.append(
                Evidence(what, found["ratio"], dataset, found["low"], found["high"], verdict=verdict, note=note)
            )
    evidence += _power(results)
    if not verdicts:
        return not_tested(f"No WAE-MMD with latent_dim of {parameters['high']:.0f} or more was trained.")
    return Judgement(overall(verdicts), sentence(said) + _power_said(results), evidence)


def _named(results: Results, method: str, dimension: int) -> str:
    title = results.title(method)
    return title if "latent_dim" in varied(method) else f"{title}, d_z = {dimension}"


def _latent_match(results: Results, dataset: str, method: str, level: float) -> "dict[str, float] | None":
    p = results.seed_values(dataset, method, "latent_mmd_p", "codes")
    codes = results.seed_values(dataset, method, "latent_sw2", "codes")
    perfect = results.seed_values(dataset, method, "latent_sw2", "prior")
    spread = results.seed_values(dataset, method, "latent_sd_ratio_min", "codes")
    if p.empty or codes.empty or perfect.empty or spread.empty:
        return None
    ratio = results.interval(codes / perfect, "latent_sw2")
    return {
        "seeds": len(p),
        "rejecting": int((p <= level).sum()),
        "p": float(p.median()),
        "ratio": ratio.mean,
        "spread": float(spread.mean()),
        "low": float("nan") if ratio.low is None else ratio.low,
        "high": float("nan") if ratio.high is None else ratio.high,
    }


def _match_verdict(found: Mapping[str, float], parameters: Mapping[str, float]) -> Verdict:
    share = found["rejecting"] / found["seeds"]
    if share > 0.5 or found["ratio"] > parameters["far"] or found["spread"] < parameters["collapsed"]:
        return Verdict.REFUTED
    if share <= 1 / 3 and found["ratio"] <= parameters["near"] and found["spread"] >= parameters["spread"]:
        return Verdict.SUPPORTED
    return Verdict.INCONCLUSIVE


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
    distance = results.distance
    if distance is None:
        return not_tested("No Frechet distance was measured.")
    evidence, verdicts, said, contested = [], [], [], set()
    for dataset in results.datasets:
        for base in dict.fromkeys(map(base_method, results.methods)):
            for key in SWEPT:
                found = _contest(results, dataset, base, key, distance, parameters)
                if found is not None:
                    verdict, words, rows = found
                    verdicts.append(verdict)
                    said.append(words)
                    contested.add(key)
                    evidence += rows
    missing = [key for key in SWEPT if key not in contested]
    if missing:
        lacking = {"prior": "other priors than the normal one"}.get(
            missing[-1], f"more than {parameters['dimensions']:.0f} dimensions"
        )
        return not_tested(
            f"This config trains nothing with {lacking} beside the rest (config/latent.yaml does).", evidence
        )
    return Judgement(overall(verdicts), f"In {in_words(distance)}, smaller is better: {'; '.join(said)}.", evidence)


def _contest(
    results: Results, dataset: str, base: str, key: str, distance: str, parameters: Mapping[str, float]
) -> tuple[Verdict, str, list[Evidence]] | None:
    """The sweep of one setting of one method: (verdict, words, evidence), or None where it was not swept."""
    values: dict[str, pd.Series[float]] = {}
    for method in results.methods:
        alone = base_method(method) == base and set(varied(method)) <= {key}
        seeds = results.seed_values(dataset, method, distance, "prior")
        if alone and len(seeds) >= parameters["seeds"]:
            values.setdefault(str(results.settings(dataset, method).get(key)), seeds)
    limit = parameters["dimensions"]
    allowed = {v for v in values if (v == "normal" if key == "prior" else float(v) <= limit)}
    others = [v for v in values if v not in allowed]
    if not allowed or not others:
        return None
    best = min(allowed, key=lambda v: float(values[v].mean()))
    found = compare(values, [(other, best) for other in others])
    better = [c for c in found if c.lower]
    unclear = [c for c in found if not c.significant and c.estimate < 0]
    verdict = Verdict.REFUTED if better else Verdict.INCONCLUSIVE if unclear else Verdict.SUPPORTED
    name = "d_z" if key == "latent_dim" else "prior"
    evidence = [
        Evidence(
            f"{results.title(base)}, {name} = {v}: {in_words(distance)}",
            *_mean_first(results, distance, seeds, dataset),
            verdict=verdict,
        )
        for v, seeds in values.items()
    ]
    rivals = ", ".join(f"{values[v].mean():.3g} with {v}" for v in others)
    words = f"on {dataset} {results.title(base)} has {values[best].mean():.3g} with {name} = {best}, {rivals}"
    return verdict, words, evidence


def _mean_first(
    results: Results, distance: str, seeds: "pd.Series[float]", dataset: str
) -> tuple[float, str, float | None, float | None]:
    found = results.interval(seeds, distance)
    return found.mean, dataset, found.low, found.high
