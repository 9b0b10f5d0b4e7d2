"""Judge of the claim on mutual information: what the codes of the VAE and of a WAE of equal size tell of an image."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wae.analysis.claims.alike import is_elbo
from wae.analysis.claims.lost import lost_said, lost_seeds
from wae.analysis.claims.rules import larger_everywhere
from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.words import number, sentence, spread


def information(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: a WAE with a Gaussian encoder keeps more mutual information than the VAE."""
    name = "mutual_information"
    if results.metrics()[results.metrics()["metric"] == name].empty:
        return not_tested("No run has an encoder whose mutual information can be computed.")
    cells: dict[str, dict[str, pd.Series[float]]] = {}
    evidence: list[Evidence] = []
    lacking: list[Evidence] = []
    for dataset in results.datasets:
        vae = results.seed_values(dataset, "vae", name, "codes")
        rivals = [m for m in results.methods if base_method(m).startswith("wae_")]
        values = {m: results.seed_values(dataset, m, name, "codes") for m in rivals}
        values = {m: v for m, v in values.items() if len(v) >= parameters["seeds"] and _same_code(results, dataset, m)}
        evidence += _split(results, dataset)
        if len(vae) >= parameters["seeds"] and values and is_elbo(results, dataset):
            cells[dataset] = {**values, "vae": vae}
        lacking += _without_information(results, dataset, rivals, parameters["seeds"])
    verdicts, said = [], []
    for part in larger_everywhere(cells, "vae", parameters["margin"]):
        dataset, c, verdict = part.where, part.comparison, part.verdict
        bound = _mean(results.seed_values(dataset, "vae", "mutual_information_bound", "codes"))
        means = [float(np.mean(cells[dataset][method])) for method in (c.first, c.second)]
        least = [bound is not None and mean > bound - parameters["bound"] for mean in means]
        if all(least):  # two lower bounds tell nothing apart
            verdict = Verdict.NOT_TESTED
        elif any(least) and verdict is not Verdict.SUPPORTED and not c.significant:  # nor is one equal to a number
            verdict = Verdict.INCONCLUSIVE
        verdicts.append(verdict)
        floor = "at least " if least[0] else ""
        more, less = c.higher or verdict is Verdict.SUPPORTED, c.lower
        told = "has more than" if more else "has less than" if less else "is not told apart from"
        numbers = f"{told} the VAE: a difference of {floor}{number(c.estimate, 3)} nats{spread(c.low, c.high, 3)}"
        if verdict is Verdict.NOT_TESTED:
            numbers = "and the VAE both have more than the estimate can show"
        said.append(f"on {dataset} {results.title(c.first)} {numbers}")
        what = f"I(X;Z) in nats: {results.title(c.first)} less VAE"
        equal = f", p = {number(part.p_equal, 2)} for equality within the margin"
        note = f"effect size g = {number(c.effect, 2)}, p = {number(c.p_holm, 2)} for a difference{equal}"
        evidence.append(Evidence(what, c.estimate, dataset, c.low, c.high, verdict=verdict, note=note))
    if not verdicts and not lacking:
        return not_tested(
            "The VAE's split is in the evidence, but no WAE with a Gaussian encoder and the VAE's code size was "
            f"trained with {parameters['seeds']:.0f} seeds.",
            evidence,
        )
    verdicts += [Verdict.INCONCLUSIVE for _ in lacking]
    return Judgement(overall(verdicts), sentence([*said, *lost_said(lacking)]), [*evidence, *lacking])


def _without_information(results: Results, dataset: str, rivals: Sequence[str], seeds: float) -> list[Evidence]:
    """The VAE, and WAEs with its encoder and code, of which so many seeds were planned but not all finished."""
    alike = [m for m in rivals if _same_code(results, dataset, m) and _encoder(results, dataset, m) == "gaussian"]
    if not alike or results.started(dataset, "vae") < seeds or not is_elbo(results, dataset):
        return []
    return lost_seeds(results, dataset, ("vae", *alike), seeds)


def _encoder(results: Results, dataset: str, method: str) -> str:
    return str(results.settings(dataset, method).get("encoder"))


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
