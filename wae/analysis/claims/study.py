"""Judges of the claims on wall-clock cost and on divergences."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wae.analysis.claims.rules import arrived, cheaper, share_above
from wae.analysis.claims.verdicts import Evidence, Judgement, Verdict, not_tested, overall
from wae.analysis.costs.growth import share_interval
from wae.analysis.costs.rows import Crossover, Meeting
from wae.analysis.files import TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.words import MEETINGS, counted, number, sentence, spread, timed_title

EXACT_MMD = ("mmd_fused", "mmd_official", "mmd_official_kept")
POWERS = {"gan": 1} | dict.fromkeys(EXACT_MMD, 2)  # of n, as claimed
TERMS = {1: "n", 2: "n²"}


def cost(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the latent discriminator's penalty is linear in n, the exact MMD's quadratic."""
    grown = results.read(TIMING_FITS).growth
    if not grown:
        return not_tested("The cost of the penalties was not measured at 5 sizes or more.")
    judged = [g for g in grown if g.n_max >= parameters["largest_n"] and g.subject in POWERS]
    if not judged:
        return not_tested(f"The penalties were timed up to n = {max(g.n_max for g in grown):.0f}; growth needs more.")
    evidence, verdicts, said = [], [], []
    several = _several([g.latent_dim for g in grown])
    for g in grown:
        title = timed_title(g.subject, g.critic_width) + (f" at d_z = {g.latent_dim}" if several else "")
        power, verdict = POWERS.get(g.subject, 1), None
        low, high = share_interval(g, power)
        if g in judged:
            verdict = share_above(g, power, parameters["share"], parameters["misfit"], len(judged))
            verdicts.append(verdict)
            said.append((timed_title(g.subject, g.critic_width), power, g.shares[power]))
        shares = ", ".join(f"{100 * share:.1f}%" for share in g.shares)
        note = f"shares of 1, n, n²: {shares}; n from {g.n_min} to {g.n_max}; points {100 * g.misfit:.0f}% off the fit"
        what = f"{title}: share of the term in {TERMS[power]}"
        evidence.append(Evidence(what, g.shares[power], g.dataset, low, high, verdict=verdict, note=note))
    if {g.subject for g in judged}.isdisjoint(EXACT_MMD) or all(g.subject != "gan" for g in judged):
        return not_tested("Only one of the two penalties was timed.", evidence)
    summary = f"At the largest n measured {'; '.join(_shares_said(said))}."
    loose = sum(g.misfit > parameters["misfit"] for g in judged)
    if loose:
        summary += f" {loose} of {len(judged)} costs follow no such law: their points lie too far from the fit."
    return Judgement(overall(verdicts), summary, evidence)


def _shares_said(said: Sequence[tuple[str, int, float]]) -> list[str]:
    """(title, power, share) as one text per title, with the smallest and the largest share."""
    found: dict[tuple[str, int], list[float]] = {}
    for title, power, share in said:
        found.setdefault((title, power), []).append(100 * share)
    return [
        f"the term in {TERMS[power]} has {min(values):.0f}% to {max(values):.0f}% of the cost of {title}"
        if len(values) > 1
        else f"the term in {TERMS[power]} has {values[0]:.0f}% of the cost of {title}"
        for (title, power), values in found.items()
    ]


def _several(dimensions: Sequence[int]) -> bool:
    """Whether the study has several latent dimensions, so that each number must name its own."""
    return len(set(dimensions)) > 1


def _by_title(said: Sequence[tuple[str, int, str]], several: bool) -> list[str]:
    """(title, latent dimension, words) as one text per title, its words with their d_z where there are several."""
    texts: dict[str, list[str]] = {}
    for title, dimension, words in said:
        equals = "" if title in texts else "d_z = "
        texts.setdefault(title, []).append(f"{words} at {equals}{dimension}" if several else words)
    return [f"{title} {', '.join(words)}" for title, words in texts.items()]


def _pair_title(crossing: Crossover) -> str:
    return f"{timed_title(crossing.a, None)} and {timed_title(crossing.b, crossing.critic_width)}"


def _crossings(crossovers: Sequence[Crossover]) -> list[str]:
    """Where two penalties cost the same, a text per pair; where there are many, a star instead of each one's note."""
    found = [c for c in crossovers if c.n is not None]
    if not _several([c.latent_dim for c in crossovers]):
        return [f"{_pair_title(c)} cost the same near n = {c.n:,.0f} ({MEETINGS[c.status]})" for c in found]
    far = [c.status is Meeting.EXTRAPOLATED for c in found]
    said = [
        (f"{_pair_title(c)} cost the same near n =", c.latent_dim, f"{c.n:,.0f}{'*' if star else ''}")
        for c, star in zip(found, far, strict=True)
    ]
    notes = [f"*: {MEETINGS[Meeting.EXTRAPOLATED]}"] if any(far) else []
    return [*_by_title(said, several=True), *notes]


def faster(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: a step of WAE-GAN takes less time than one of WAE-MMD."""
    timing = results.timing()
    steps = timing[(timing["study"] == "step") & (timing["part"] == "total") & (timing["status"] == "ok")]
    evidence, verdicts, said = [], [], []
    for dataset in dict.fromkeys(steps["dataset"]):
        for n in sorted(set(steps[steps["dataset"] == dataset]["n"])):
            gan, mmd = (_step(steps, dataset, method, n) for method in ("wae_gan", "wae_mmd"))
            if gan is None or mmd is None:
                continue
            verdict = cheaper((gan["low"], gan["high"]), (mmd["low"], mmd["high"]))
            verdicts.append(verdict)
            ratio = gan["seconds"] / mmd["seconds"]
            said.append(f"on {dataset} at n = {n:.0f} a step of WAE-GAN takes {ratio:.2f} times that of WAE-MMD")
            for title, row in (("WAE-GAN", gan), ("WAE-MMD", mmd)):
                what = f"training step of {title}, n = {n:.0f}"
                note = conditions(results, str(dataset))
                evidence.append(Evidence(what, row["seconds"], dataset, row["low"], row["high"], "s", verdict, note))
    if not verdicts:
        return not_tested("Training steps of WAE-GAN and WAE-MMD were not timed.")
    crossovers = [c for c in results.read(TIMING_FITS).crossovers if c.study == "penalty"]
    several = _several([c.latent_dim for c in crossovers])
    for crossing in crossovers:
        where = f" at d_z = {crossing.latent_dim}" if several else ""
        evidence.append(
            Evidence(
                what=f"batch size at which {_pair_title(crossing)} cost the same{where}",
                value=crossing.n,
                dataset=crossing.dataset,
                low=crossing.low,
                high=crossing.high,
                note=MEETINGS[crossing.status],
            )
        )
    return Judgement(overall(verdicts), sentence([*said, *_crossings(crossovers)]), evidence)


def conditions(results: Results, dataset: str) -> str:
    """What a step's time is of: device, threads and networks."""
    home, own = results.origin(dataset)
    machine, settings = home.timing_machine, home.settings(own, "wae_gan")
    device = machine.get("device_name") or machine.get("hardware", {}).get("processor") or machine.get("device")
    threads = machine.get("threads", {}).get("intra_op")
    said = [str(device)] if device else []
    said += [counted(int(threads), "thread")] if threads else []
    if "width" in settings:
        said.append(f"{settings.get('architecture')} of width {settings['width']}")
        said.append(f"discriminator {settings.get('critic_depth')} × {settings.get('critic_width')}")
    return ", ".join(said)


def _step(steps: pd.DataFrame, dataset: str, method: str, n: float) -> dict[str, float] | None:
    rows = steps[(steps["dataset"] == dataset) & (steps["subject"] == method) & (steps["n"] == n)]
    if rows.empty:
        return None
    return {key: float(rows[key].iloc[0]) for key in ("seconds", "low", "high")}


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
    """Codes that start far from the prior (``sigma_z`` of ``far`` or more): how far they still are after training.

    The discriminator's penalty stands for an f-divergence, the sliced one for optimal transport.
    """
    cells = []
    for dataset in results.datasets:
        for method in results.methods:
            values = results.seed_values(dataset, method, "latent_sw2_debiased", "codes")
            known = base_method(method) in (*FAR_STARTS, *ALSO_SHOWN)
            scale = results.settings(dataset, method).get("sigma_z", 1.0)
            if known and scale >= parameters["far"] and len(values) >= parameters["seeds"]:
                cells.append((dataset, method, values))
    judged = [cell for cell in cells if base_method(cell[1]) in FAR_STARTS]
    evidence, verdicts, said = [], [], []
    for dataset, method, values in cells:
        verdict, arrives = None, FAR_STARTS.get(base_method(method))
        if arrives is not None:
            verdict = arrived(values, parameters["arrived"], arrives, len(judged))
            verdicts.append(verdict)
        found = results.interval(values, "latent_sw2_debiased")
        title, distance = results.title(method), f"{number(found.mean, 2)}{spread(found.low, found.high, 2)}"
        said.append(f"on {dataset} those of {title} end {distance} away")
        what = f"{title}: distance of codes that started far away"
        evidence.append(Evidence(what, found.mean, dataset, found.low, found.high, "prior sds", verdict))
    if {base_method(method) for _, method, _ in judged} != set(FAR_STARTS):
        verdicts = []
    start = " Of codes that start about 1 standard deviation of the prior away, in sliced W2, "
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
