"""Judges of the claims on wall-clock cost."""

from collections.abc import Mapping, Sequence

import pandas as pd

from wae.analysis.claims.rules import cheaper, share_above
from wae.analysis.claims.verdicts import Evidence, Judgement, not_tested, overall
from wae.analysis.costs.fits import pairs
from wae.analysis.costs.growth import share_interval
from wae.analysis.costs.power_laws import Curve, curves, measured
from wae.analysis.costs.rows import Crossover, Meeting
from wae.analysis.files import TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.words import MEETINGS, counted, method_title, sentence, timed_title

EXACT_MMD = ("mmd_fused", "mmd_official", "mmd_official_kept")
POWERS = {"gan": 1} | dict.fromkeys(EXACT_MMD, 2)  # of n, as claimed
TERMS = {1: "n", 2: "n²"}


def cost(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: the latent discriminator's penalty is linear in n, the exact MMD's quadratic."""
    grown = results.read(TIMING_FITS).growth
    if not grown:
        return not_tested("The cost of the penalties was not measured at 5 sizes or more.")
    judged = [g for g in grown if g.n_max >= parameters["largest_n"] and g.subject in POWERS]
    kept = {g.latent_dim for g in judged if g.subject == "mmd_official_kept"}
    # The claim is of computations: the same ones without the pages that the system makes anew for each call.
    judged = [g for g in judged if not (g.subject == "mmd_official" and g.latent_dim in kept)]
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
        if g.subject == "mmd_official" and g.latent_dim in kept:
            note += "; judged with its memory kept"
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
    values: dict[tuple[str, int], list[tuple[float, str]]] = {}
    for c, star in zip(found, far, strict=True):
        text = f"{c.n:,.0f}{'*' if star else ''}"
        values.setdefault((_pair_title(c), c.latent_dim), []).append((float(c.n or 0.0), text))
    said = [
        (f"{title} cost the same near n =", dimension, " to ".join(text for _, text in _ends(sorted(several))))
        for (title, dimension), several in values.items()
    ]
    notes = [f"*: {MEETINGS[Meeting.EXTRAPOLATED]}"] if any(far) else []
    return [*_by_title(said, several=True), *notes]


def _ends(values: Sequence[tuple[float, str]]) -> Sequence[tuple[float, str]]:
    """The least and the largest of what several studies found, or the only one."""
    return values if len(values) == 1 else (values[0], values[-1])


def faster(results: Results, parameters: Mapping[str, float]) -> Judgement:
    """Claim: a step of WAE-GAN takes less time than one of WAE-MMD."""
    timing = results.timing()
    steps = timing[(timing["study"] == "step") & (timing["part"] == "total") & measured(timing)]
    cases = [
        (b, n, gan, mmd)
        for a, b in pairs(curves(timing))
        if b.study == "step" and base_method(a.subject) == "wae_mmd"
        for n in b.n.tolist()
        if (gan := _step(steps, b, n)) and (mmd := _step(steps, a, n))
    ]
    evidence, verdicts, said = [], [], []
    for timed, n, gan, mmd in cases:
        dataset = timed.dataset
        variant = method_title(timed.subject).removeprefix(method_title("wae_gan"))  # ", d_z = 64"; "" for the plain
        verdict = cheaper((gan["low"], gan["high"]), (mmd["low"], mmd["high"]), len(cases))
        verdicts.append(verdict)
        ratio = gan["seconds"] / mmd["seconds"]
        said.append(f"on {dataset} at n = {n:.0f}{variant} a step of WAE-GAN takes {ratio:.2f} times that of WAE-MMD")
        for title, row in (("WAE-GAN", gan), ("WAE-MMD", mmd)):
            what = f"training step of {title}{variant}, n = {n:.0f}"
            note = conditions(results, dataset, timed.subject)
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


def conditions(results: Results, dataset: str, method: str) -> str:
    """What the time of a step of ``method`` (a WAE-GAN) is of: device, threads and networks."""
    home, own = results.origin(dataset)
    machine, settings = home.timing_machine, home.settings(own, method)
    device = machine.get("device_name") or machine.get("hardware", {}).get("processor") or machine.get("device")
    threads = machine.get("threads", {}).get("intra_op")
    said = [str(device)] if device else []
    said += [counted(int(threads), "thread")] if threads else []
    if "width" in settings:
        said.append(f"{settings.get('architecture')} of width {settings['width']}")
        said.append(f"discriminator {settings.get('critic_depth')} × {settings.get('critic_width')}")
    return ", ".join(said)


def _step(steps: pd.DataFrame, curve: Curve, n: float) -> dict[str, float] | None:
    rows = steps[(steps["dataset"] == curve.dataset) & (steps["subject"] == curve.subject) & (steps["n"] == n)]
    if rows.empty:
        return None
    return {key: float(rows[key].iloc[0]) for key in ("seconds", "low", "high")}
