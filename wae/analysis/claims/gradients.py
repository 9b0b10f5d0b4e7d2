"""Judge of the claim on divergences: the identity, and what training does where codes start far from the prior."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from wae.analysis.claims.rules import arrived
from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.statistics import interval
from wae.analysis.words import number, spread


def divergences(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: f-divergences are flat where supports part, transport distances are not."""
    study = results.divergences
    if not study:
        return not_tested("The divergences were not computed.")
    rows = pd.DataFrame(study["rows"])
    apart = rows[(rows["family"] == "lower-dimensional") & (rows["parameter"] >= parameters["distance"])]
    checks: dict[str, bool] = {}
    evidence = []
    for (dimension, name), part in apart.groupby(["dimension", "divergence"]):
        holds = _as_claimed(str(name), part, parameters)
        if holds is not None:
            checks[str(name)] = checks.get(str(name), True) and holds
        least = part["gradient"].min()
        evidence.append(
            Evidence(
                what=f"{_TITLES[str(name)]}, d = {dimension}: smallest gradient without common support",
                value=None if pd.isna(least) else float(least),
                verdict=None if holds is None else Verdict.CALCULATED if holds else Verdict.REFUTED,
                note="infinite, no gradient" if pd.isna(least) else f"value up to {part['value'].max():.4g}",
            )
        )
    if not checks:
        return not_tested("The lower-dimensional versions were not computed.")
    said = [f"{_TITLES[name]} {(_HOLDS if holds else _FAILS)[name]}" for name, holds in sorted(checks.items())]
    js = rows[(rows["family"] == "shifted") & (rows["divergence"] == "js") & (rows["parameter"] == 8.0)]["gradient"]
    mmd = apart[apart["divergence"] == "mmd2"]["gradient"].min()
    summary = (
        f"Without common support {', '.join(said)}; the smallest gradient of MMD, which is bounded too, is {mmd:.2g}. "
        f"With common support, 8 standard deviations apart, JS has a gradient of {js.max():.1e}."
    )
    trained, verdicts, told = far_starts(results, parameters)
    verdict = Verdict.CALCULATED if all(checks.values()) else Verdict.REFUTED
    if verdict is Verdict.CALCULATED and verdicts:  # the identity is no evidence: what was trained decides
        verdict = overall(verdicts)
    evidence = [*trained, *evidence, *_far(rows), *_penalty_gradient(results)]
    return Judgement(verdict, summary + told, evidence)


FAR_STARTS = {"wae_gan": False, "swae": True}  # whether the claim says that codes get there
ALSO_SHOWN = ("wae_mmd",)  # MMD is neither: bounded like JS, but with a gradient


def far_starts(results: Results, parameters: Mapping[str, float]) -> tuple[list[Evidence], list[Verdict], str]:
    """Codes that start far from the prior (``sigma_z`` of ``far`` or more): how much farther they end than those of the
    same method and seed that start near.

    The discriminator's penalty stands for an f-divergence, the sliced one for optimal transport.
    """
    cells = []
    for dataset in results.datasets:
        for method in results.methods:
            far = results.seed_values(dataset, method, "latent_sw2_debiased", "codes")
            near = results.seed_values(dataset, base_method(method), "latent_sw2_debiased", "codes")
            values = (far - near).dropna()
            known = base_method(method) in (*FAR_STARTS, *ALSO_SHOWN)
            scale = results.settings(dataset, method).get("sigma_z", 1.0)
            alone = set(varied(method)) == {"sigma_z"}
            if known and alone and scale >= parameters["far"] and len(values) >= parameters["seeds"]:
                cells.append((dataset, method, values))
    judged = [cell for cell in cells if base_method(cell[1]) in FAR_STARTS]
    evidence, verdicts, said = [], [], []
    for dataset, method, values in cells:
        verdict, arrives = None, FAR_STARTS.get(base_method(method))
        if arrives is not None:
            verdict = arrived(values, parameters["arrived"], arrives, len(judged))
            verdicts.append(verdict)
        found = interval(values)
        title, distance = results.title(method), f"{number(found.mean, 2)}{spread(found.low, found.high, 2)}"
        said.append(f"on {dataset} {distance} with {title}")
        what = f"{title}: excess distance of codes that started far away"
        evidence.append(Evidence(what, found.mean, dataset, found.low, found.high, "prior sds", verdict))
    if {base_method(method) for _, method, _ in judged} != set(FAR_STARTS):
        verdicts = []
    start = (
        " Codes that start about 1 standard deviation of the prior away, in sliced W2, end farther than near starts by "
    )
    return evidence, verdicts, f"{start}{'; '.join(said)}." if said else ""


_TITLES = {"kl": "KL", "js": "JS", "mmd2": "MMD²", "sw2": "sliced W2", "w2": "W2"}
_HOLDS = {
    "kl": "is infinite",
    "js": "stays at log 2 with gradient 0",
    "w2": "keeps its gradient",
    "sw2": "keeps its gradient",
}
_FAILS = {
    "kl": "is not infinite everywhere",
    "js": "does not stay at log 2 with gradient 0",
    "w2": "loses its gradient",
    "sw2": "loses its gradient",
}


def _as_claimed(name: str, part: pd.DataFrame, parameters: Mapping[str, float]) -> bool | None:
    """Whether a divergence behaves as claimed where supports part; None for MMD, of which nothing is claimed."""
    if name == "kl":
        return bool(part["value"].isna().all())
    if name == "js":
        flat = part["gradient"].max() < parameters["flat"]
        return bool(flat and (part["value"] - math.log(2.0)).abs().max() <= parameters["saturated"])
    if name in ("w2", "sw2"):
        last = part.sort_values("parameter")["gradient"].iloc[-1]
        return bool(part["value"].notna().all() and part["gradient"].min() >= parameters["useful"] * last)
    return None


def _far(rows: pd.DataFrame) -> list[Evidence]:
    """Gradients of all divergences at the far end of the families that keep full support."""
    found = []
    for family, parameter in (("shifted", 8.0), ("shrunk", 0.0625)):
        part = rows[(rows["family"] == family) & (rows["parameter"] == parameter) & (rows["dimension"] == 8)]
        for row in part.to_dict("records"):
            what = f"{_TITLES[row['divergence']]}, d = 8: gradient when {family} to {parameter:g}"
            found.append(Evidence(what, row["gradient"], note=f"value {row['value']:.4g}"))
    return found


def _penalty_gradient(results: Results) -> list[Evidence]:
    """The penalty's gradient at the codes in the first and the last epoch, where history.csv has it."""
    history = results.histories()
    if "penalty_gradient" not in history.columns:
        return []
    found = []
    for (dataset, method), runs in history.dropna(subset=["penalty_gradient"]).groupby(["dataset", "method"]):
        for title, epoch in (("first", runs["epoch"].min()), ("last", runs["epoch"].max())):
            values: Any = runs[runs["epoch"] == epoch]["penalty_gradient"]
            what = f"{results.title(str(method))}: gradient norm of the penalty at the codes, {title} epoch"
            found.append(Evidence(what, float(values.mean()), str(dataset)))
    return found
