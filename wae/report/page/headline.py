"""The report in a few sentences, with numbers from the files."""

from collections import Counter

from wae.analysis.claims.verdicts import Verdict
from wae.analysis.costs.rows import Meeting
from wae.analysis.files import AGREEMENT, CLAIMS, SCORES, TIMING_FITS
from wae.analysis.results import Results
from wae.analysis.rows import Mark
from wae.analysis.runs import REAL_DATA
from wae.analysis.words import MEETINGS, counted, in_words, seconds, timed_title
from wae.report.tables.claim_tables import VERDICTS
from wae.report.tables.columns import Column
from wae.report.tables.error_tables import condition_title

MOST_DATASETS = 3
MOST_METHODS = 4  # more are counted, with the best two and the last named


def sentences(results: Results) -> list[str]:
    """Quality, agreement of the measures, cost, verdicts: a sentence each; one says so when it was not measured."""
    return [said for said in (_quality(results), _agreement(results), _cost(results), _verdicts(results)) if said]


def _quality(results: Results) -> str:
    distance = results.distance
    if distance is None:
        return "No distance to real data was measured by this config."
    parts = [part for dataset in results.datasets[:MOST_DATASETS] if (part := _ranking(results, dataset, distance))]
    more = len(results.datasets) - MOST_DATASETS
    rest = f"; {more} more datasets below" if more > 0 else ""
    if not parts:
        return "No run finished, so that no distance to real data could be measured."
    return f"In {in_words(distance)} to real images, smaller is better: {'; '.join(parts)}{rest}."


def _ranking(results: Results, dataset: str, distance: str) -> str:
    found = {
        score.method: score
        for score in results.read(SCORES)
        if (score.dataset, score.metric) == (dataset, distance) and score.subject in ("prior", "data")
    }
    scores = {method: score for method, score in found.items() if method in results.main_methods}
    if not scores:
        return ""
    column = Column(distance, "prior", scores)
    ranked = sorted(scores, key=lambda method: scores[method].mean)
    said = named([f"{results.title(method)} {column.text(scores[method])}" for method in ranked])
    ties = [results.title(method) for method in ranked if scores[method].mark is Mark.TIE]
    seeds = min(len(value.by_seed) for value in scores.values())
    names = " and ".join(ties) if len(ties) < MOST_METHODS else f"{len(ties)} others"
    tied = f", where no test tells {names} from the best" if ties else ""
    floor = f" (real images score {column.number(found[REAL_DATA].mean)})" if REAL_DATA in found else ""
    return f"on {dataset} {said} over {counted(seeds, 'seed')}{tied}{floor}"


def _agreement(results: Results) -> str:
    """Which measures contradict the primary order outright; "" where none does."""
    parts = [
        f"on {found.dataset} {', '.join(map(condition_title, found.reversed_by))}"
        for found in results.read(AGREEMENT)
        if found.reversed_by
    ]
    return f"Measures that rank the methods in exactly the reverse order: {'; '.join(parts)}." if parts else ""


def _cost(results: Results) -> str:
    timing = results.timing()
    steps = timing[(timing["study"] == "step") & (timing["part"] == "total") & (timing["status"] == "ok")]
    if steps.empty:
        return "The wall-clock study was not run by this config."
    dataset = next((d for d in reversed(results.datasets) if (steps["dataset"] == d).any()), steps["dataset"].iloc[0])
    chosen = steps[steps["dataset"] == dataset]
    chosen = chosen[(chosen["n"] == chosen["n"].min()) & chosen["subject"].isin(results.main_methods)]
    if chosen.empty:
        return f"The wall-clock study has no training step of the plain methods on {dataset}."
    rows = sorted(chosen.to_dict("records"), key=lambda row: row["seconds"])
    said = named([f"{seconds(row['seconds'])} with {results.title(row['subject'])}" for row in rows])
    return f"A training step on {dataset} at batch size {chosen['n'].iloc[0]:.0f} takes {said}{_crossover(results)}."


def named(parts: list[str]) -> str:
    """All of a ranked list, or of a long one the first two and the last, with a count of those between."""
    if len(parts) <= MOST_METHODS:
        return ", ".join(parts)
    return f"{', '.join(parts[:2])}, {len(parts) - 3} between, and {parts[-1]}"


def _crossover(results: Results) -> str:
    """Where the default MMD and the latent discriminator cost the same; "" when that was not timed."""
    found = next((c for c in results.read(TIMING_FITS).crossovers if (c.a, c.b) == ("mmd_fused", "gan")), None)
    if found is None:
        return ""
    other = timed_title(found.b, found.critic_width)
    where = f" (d_z = {found.latent_dim})"
    if found.n is not None:
        note = MEETINGS[found.status]
        return f"; the fused MMD penalty costs less than the {other} up to n ≈ {found.n:,.0f}{where}, {note}"
    less = "less" if found.status is Meeting.ABOVE_GRID else "more"
    return f"; the fused MMD penalty costs {less} than the {other} at all measured batch sizes{where}"


def _verdicts(results: Results) -> str:
    claims = results.read(CLAIMS).claims
    if not claims:
        return "The review's claims were not judged by this config."
    counts = Counter(claim.verdict for claim in claims)
    said = [
        f"{counts[verdict]} {'is' if counts[verdict] == 1 else 'are'} {VERDICTS[verdict]}"
        for verdict in Verdict
        if counts[verdict]
    ]
    listed = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return f"Of {len(claims)} claims, {listed}."
