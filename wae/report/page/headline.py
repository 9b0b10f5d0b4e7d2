"""The first screen in words: which method is closest to real images, what the numbers rest on, what a step costs."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wae.analysis.costs.power_laws import LEAST_ROUNDS, measured
from wae.analysis.costs.rows import Crossover, Meeting
from wae.analysis.files import CONTRASTS, SCORES, TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.rows import Mark, Score
from wae.analysis.statistics import MIN_SEEDS
from wae.analysis.words import MEETINGS, about, counted, in_words, number, seconds, spread, timed_title
from wae.core.reserved import FAMILIES
from wae.report.figures.style import look
from wae.report.page.protocol import setting_said

MOST_DATASETS = 3
MOST_BEYOND = 2  # times the largest size measured: nothing farther out is said in a headline
MOST_METHODS = 4  # more are counted, with the best two and the last named
MARKERS = dict(zip("os^DvPX<>ph_", "●■▲◆▼✚✖◀▶⬟⬢▬", strict=True))


@dataclass(frozen=True)
class Entry:
    """A method in the page's legend."""

    method: str
    title: str
    colour: str
    marker: str


def legend(results: Results) -> list[Entry]:
    """The plain methods as the figures draw them."""
    looks = [look(results, method) for method in results.main_methods]
    return [Entry(found.method, found.title, found.colour, MARKERS.get(found.marker, "●")) for found in looks]


def sentence(results: Results) -> str:
    """The method closest to real images on each dataset, with those that no test tells from it."""
    if results.distance is None:
        return "No distance to real data was measured by this config."
    parts = [part for dataset in results.datasets if (part := _closest(results, dataset))]
    if not parts:
        if (results.runs()["status"] == "finished").any():
            return f"Samples are not ranked: no finished run has a value of the measure, {in_words(results.distance)}."
        return "No run finished, so that no distance to real data could be measured."
    more = len(parts) - MOST_DATASETS
    rest = f"; {counted(more, 'more dataset')} below" if more > 0 else ""
    return f"Samples closest to real images, by {in_words(results.distance)}: {'; '.join(parts[:MOST_DATASETS])}{rest}."


def _closest(results: Results, dataset: str) -> str:
    measured = [
        score
        for score in results.read(SCORES)
        if (score.dataset, score.metric, score.subject) == (dataset, results.distance, "prior")
    ]
    scores = [score for score in measured if score.method in results.main_methods]
    if not scores:
        return ""
    if len(scores) == 1:
        (alone,) = scores
        at = number(alone.mean, 3) + spread(alone.low, alone.high, 3)
        variants = len(measured) - 1
        beside = f", beside {counted(variants, 'variant')} below" if variants else ""
        return f"{results.title(alone.method)} on {dataset}, at {at}, the only method measured there{beside}"
    if min(len(score.by_seed) for score in scores) < MIN_SEEDS:
        return f"not tested on {dataset}, with fewer than {MIN_SEEDS} seeds"
    closest = _not_told_from_the_best(results, dataset, scores)
    if not closest:
        return f"on {dataset} no test tells the methods apart"
    best, *rest = map(results.title, closest)
    if len(closest) == len(scores):
        return f"on {dataset} no test tells another method from the best mean, {best}"
    apart = f", not told from {' and '.join(rest)}" if rest else ""
    return f"{best} on {dataset}{apart}"


def _not_told_from_the_best(results: Results, dataset: str, scores: Sequence[Score]) -> list[str]:
    """The best mean and those that no test tells from it, by the tests of pairs; [] where no pair is told apart.

    Without such tests, by the table's marks, which are corrected for every variant in it too.
    """
    sign = -1.0 if about(results.distance).better == "higher" else 1.0
    pairs = [found.comparison for found in results.read(CONTRASTS) if found.primary and found.dataset == dataset]
    if not pairs:
        ranked = sorted(scores, key=lambda score: (score.mark is not Mark.BEST, sign * score.mean))
        return [score.method for score in ranked if score.mark in (Mark.BEST, Mark.TIE)]
    ranked = sorted(scores, key=lambda score: sign * score.mean)
    best = ranked[0].method
    told = [{pair.first, pair.second} for pair in pairs if pair.significant]
    apart = {name for pair in told if best in pair for name in pair} - {best}
    return [score.method for score in ranked if score.method not in apart] if told else []


def basis(results: Results) -> list[str]:
    """What the numbers rest on, a phrase each: networks, training, runs, features, machine, commit."""
    runs, manifest = results.runs(), results.manifest
    said = []
    if results.cells:
        keys = (("architecture", "{}"), ("width", "width {}"), ("latent_dim", "d_z = {}"), ("epochs", "{} epochs"))
        said.append(", ".join(setting_said(results, key, template) for key, template in keys))
    finished = int((runs["status"] == "finished").sum())
    said.append(f"{counted(runs['seed'].nunique(), 'seed')}, {finished} of {len(runs)} runs finished")
    said += [f"{name} features" for name in results.config.get("extractors", {}) if _ranks(results, name)]
    hardware = manifest.get("hardware", {})
    on_gpu = runs["device"].astype(str).str.startswith("cuda").any()
    names = hardware.get("cuda_devices", []) if on_gpu else [f"CPU {hardware.get('processor') or ''}".strip()]
    said += [", ".join(dict.fromkeys(map(str, names)))] if names else []
    return [*said, f"commit {manifest['commit'][:12]}"] if manifest.get("commit") else said


def _ranks(results: Results, extractor: str) -> bool:
    """Whether the primary measure is in the features of ``extractor``."""
    names = {f"{family}_{extractor}" for family in FAMILIES} | {f"fid_{extractor}_infinity"}
    return results.distance in names


def step_cost(results: Results) -> str:
    """What a training step takes with each method, and where the two penalties cost the same; "" if not measured."""
    timing = results.timing()
    steps = timing[(timing["study"] == "step") & (timing["part"] == "total") & (timing["status"] == "ok")]
    steps = steps[steps["subject"].isin(results.main_methods)]
    if steps.empty:
        return ""
    dataset = next((d for d in reversed(results.datasets) if (steps["dataset"] == d).any()), steps["dataset"].iloc[0])
    chosen = steps[steps["dataset"] == dataset]
    chosen = chosen[chosen["n"] == chosen["n"].min()]
    rows = sorted(chosen.to_dict("records"), key=lambda row: row["seconds"])
    said = named([f"{_time(row)} with {results.title(row['subject'])}" for row in rows])
    rests_on = ", ".join([setting_said(results, "width", "width {}"), *_machine(results)])
    size = f"{chosen['n'].iloc[0]:.0f}"
    return f"A training step on {dataset} at batch size {size} ({rests_on}) takes {said}{_crossover(results)}."


def _time(row: Mapping[Hashable, Any]) -> str:
    """A median with its 95% interval; fewer rounds than LEAST_ROUNDS give none."""
    within = f" [{seconds(row['low'])}, {seconds(row['high'])}]" if row["rounds"] >= LEAST_ROUNDS else ""
    return f"{seconds(row['seconds'])}{within}"


def _machine(results: Results) -> list[str]:
    """Device and threads of the wall-clock study."""
    machine = results.timing_machine
    threads = machine.get("threads", {}).get("asked")
    return [str(machine.get("device") or "device not recorded")] + ([counted(threads, "thread")] if threads else [])


def named(parts: list[str]) -> str:
    """All of a ranked list, or of a long one the first two and the last, with a count of those between."""
    if len(parts) <= MOST_METHODS:
        return ", ".join(parts)
    return f"{', '.join(parts[:2])}, {len(parts) - 3} between, and {parts[-1]}"


def _crossover(results: Results) -> str:
    """Where the default MMD and the latent discriminator cost the same; "" when that was not timed at common sizes."""
    found = next((c for c in results.read(TIMING_FITS).crossovers if (c.a, c.b) == ("mmd_fused", "gan")), None)
    if found is None or found.status is Meeting.NO_COMMON_SIZE:
        return ""
    other = timed_title(found.b, found.critic_width)
    where = f" (d_z = {found.latent_dim})"
    largest = _largest(results, found)
    if found.n is not None and found.n <= MOST_BEYOND * largest:
        limits = (found.low, found.high)
        within = "" if None in limits else f" [{', '.join(f'{limit:,.0f}' for limit in limits)}]"
        n, note = f"{found.n:,.0f}{within}", MEETINGS[found.status]
        return f"; the fused MMD penalty costs less than the {other} up to n ≈ {n}{where}, {note}"
    less = "more" if found.n is None and found.status is not Meeting.ABOVE_GRID else "less"
    sizes = f"at all measured batch sizes, up to {largest:,}"
    return f"; the fused MMD penalty costs {less} than the {other} {sizes}{where}"


def _largest(results: Results, found: Crossover) -> int:
    """The largest batch size at which both penalties were timed in so many rounds that the fits use it."""
    timing = results.timing()
    timing = timing[(timing["study"] == "penalty") & (timing["latent_dim"] == found.latent_dim) & measured(timing)]
    gan = timing[(timing["subject"] == found.b) & (timing["critic_width"] == found.critic_width)]
    return int(max(set(timing[timing["subject"] == found.a]["n"]) & set(gan["n"])))
