"""Judges of the claims that need a sweep: the latent match in high dimensions, the size of Z and its prior."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import pandas as pd

from wae.analysis.claims.lost import lost_said, lost_seeds
from wae.analysis.claims.rules import no_worse, within
from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.statistics import SIGNIFICANCE
from wae.analysis.sweeps import WEIGHT, one_of_each, one_per_value
from wae.analysis.words import in_words, number, sentence, spread
from wae.core.errors import UserError, plain

MATCHED = ("wae_mmd", "wae_gan", "vae")  # shown; WAE-MMD is judged
SWEPT = {"latent_dim": "prior", "prior": "latent_dim"}  # and what is held while the first is swept
NAMES = {"latent_dim": "d_z", "prior": "prior"}


def match(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the codes of WAE-MMD match a standard normal in high dimensions."""
    cells = []
    for dataset in results.datasets:
        for method in results.methods:
            settings = results.settings(dataset, method)
            effect = results.seed_values(dataset, method, "latent_sw2_debiased", "codes")
            if settings.get("prior", "normal") == "normal" and base_method(method) in MATCHED and len(effect):
                cells.append((dataset, method, _latent_dim(results, dataset, method), effect))
    high = {dataset: _high(results, dataset, parameters["high"]) for dataset in results.datasets}
    judged = [cell for cell in cells if cell[1] in high[cell[0]] and len(cell[3]) >= parameters["seeds"]]
    evidence, verdicts, said = [], [], []
    for cell in cells:
        dataset, method, dimension, effect = cell
        narrow = results.seed_values(dataset, method, "latent_direction_sd_min", "codes")
        p = results.seed_values(dataset, method, "latent_mmd_p", "codes")
        found = results.interval(effect, "latent_sw2_debiased")
        rejecting = f"{(p <= SIGNIFICANCE).sum()} of {len(p)} seeds reject"
        tail = f", narrowest direction {narrow.mean():.2f} of the prior's sd" if len(narrow) else ""
        told = results.seed_values(dataset, method, "latent_c2st", "codes")
        tail += f", a classifier tells {told.mean():.0%} of codes and draws right" if len(told) else ""
        verdict = None
        if cell in judged:
            collapse = within(-narrow, -parameters["collapsed"], 2 * len(judged))  # inconclusive where not measured
            verdict = overall([within(effect, parameters["margin"], 2 * len(judged)), collapse])
            verdicts.append(verdict)
            interval = f"{number(found.mean, 2)} sd{spread(found.low, found.high, 2)}"
            said.append(f"on {dataset} at d_z = {dimension} the codes are {interval} from the prior, {rejecting}{tail}")
        what = f"{_named(results, method, dimension)}: debiased sliced W2"
        note = rejecting + tail
        evidence.append(Evidence(what, found.mean, dataset, found.low, found.high, "prior sds", verdict, note))
    lost = [
        found
        for dataset in results.datasets
        for found in lost_seeds(results, dataset, high[dataset], parameters["seeds"])
    ]
    evidence += [*lost, *_power(results)]
    verdicts += [Verdict.INCONCLUSIVE for _ in lost]
    if not verdicts:
        return not_tested(
            f"No WAE-MMD with latent_dim of {parameters['high']:.0f} or more was measured with "
            f"{parameters['seeds']:.0f} seeds.",
            evidence,
        )
    return Judgement(overall(verdicts), sentence([*said, *lost_said(lost)]) + _power_said(results), evidence)


def _high(results: Results, dataset: str, dimensions: float) -> list[str]:
    """WAE-MMD and its variants with a normal prior and a code of ``dimensions`` or more, each at one weight."""
    found = []
    for method in results.methods:
        settings = results.settings(dataset, method)
        normal = base_method(method) == "wae_mmd" and settings.get("prior", "normal") == "normal"
        if normal and int(settings.get("latent_dim", 0)) >= dimensions:
            found.append(method)
    return one_of_each(found)


def _latent_dim(results: Results, dataset: str, method: str) -> int:
    """The code size of a cell that was measured; UserError where no plan tells it."""
    settings = results.settings(dataset, method)
    if "latent_dim" not in settings:
        home, own = results.origin(dataset)
        what = f"{plain(method)} on {plain(own)}"
        raise UserError(f"{home.folder}: its plan has no latent_dim of {what}, but metrics.csv has scores; plan again")
    return int(settings["latent_dim"])


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
        for found in _contests(results, dataset, base, key, parameters)
    ]
    evidence, verdicts, said = [], [], []
    for found in contests:
        values, allowed, others = found.values, found.allowed, found.others
        kept, rivals = ([values[v] for v in names if v in values] for names in (allowed, others))
        verdict = no_worse(kept, rivals, parameters["margin"], len(contests)) if kept and rivals else None
        # A rival that was lost might have been better, and a lost value that the claim allows the one that suffices.
        open_to = {Verdict.SUPPORTED: others, Verdict.REFUTED: allowed}.get(verdict, []) if verdict else []
        if verdict is None or any(value in found.lost for value in open_to):
            verdict = Verdict.INCONCLUSIVE
        verdicts.append(verdict)
        means = ", ".join(f"{number(float(seeds.mean()), 3)} with {value}" for value, seeds in values.items())
        said.append(f"on {found.dataset} {found.title} has, by {found.name}, {means}")
        lost = list(chain.from_iterable(found.lost.values()))
        said += lost_said(lost)
        evidence += lost
        for value, seeds in values.items():
            shown = results.interval(seeds, found.distance)
            what = f"{found.title}, {found.name} = {value}: {in_words(found.distance)}"
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
    """The sweep of one setting of one method: scores by value, the values that the claim allows, and the rivals.

    ``lost``: values of which too few seeds finished.
    """

    dataset: str
    distance: str
    title: str
    key: str
    values: "dict[str, pd.Series[float]]"
    allowed: list[str]
    others: list[str]
    lost: dict[str, list[Evidence]]

    @property
    def name(self) -> str:
        """What is swept, in words."""
        return NAMES[self.key]


def _contests(
    results: Results, dataset: str, base: str, key: str, parameters: Mapping[str, float]
) -> Iterator[Contest]:
    """The contests of ``key``, one at each value of what is held, without those where it was not swept."""
    distance, held, least = results.distance_on(dataset), SWEPT[key], parameters["seeds"]
    if distance is None:
        return
    groups: dict[str, list[str]] = {}
    for method in results.methods:
        if base_method(method) == base and set(varied(method)) <= {*SWEPT, WEIGHT}:
            groups.setdefault(str(results.settings(dataset, method).get(held)), []).append(method)
    for at, methods in groups.items():
        values: dict[str, pd.Series[float]] = {}
        mixture: pd.Series[float] | None = None
        tuned = one_per_value(results, dataset, key, methods)
        for value, method in tuned.items():
            seeds = results.seed_values(dataset, method, distance, "prior")
            if len(seeds) >= least:
                _latent_dim(results, dataset, method)
                values[value] = seeds
                if key == "prior" and value == "normal":
                    mixture = results.seed_values(dataset, method, distance, "mixture")
        lost = {v: found for v, method in tuned.items() if (found := lost_seeds(results, dataset, [method], least))}
        entered = [v for v in tuned if v in values or v in lost]
        allowed = [v for v in entered if (v == "normal" if key == "prior" else float(v) <= parameters["dimensions"])]
        others = [v for v in entered if v not in allowed]
        if not allowed or not others:
            continue
        if mixture is not None and len(mixture) >= least:  # fitted to the codes: a rival of the normal
            values["mixture"] = mixture
            others.append("mixture")
        title = results.title(base)
        if base not in methods:
            title += f" at {NAMES[held]} = {at}"
        yield Contest(dataset, distance, title, key, values, allowed, others, lost)
