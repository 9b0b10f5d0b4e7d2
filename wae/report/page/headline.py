"""The report in three sentences, with numbers from the files."""

from collections import Counter

from wae.analysis.results import Results
from wae.report.figures.style import seconds_label
from wae.report.tables.scores import Column, marks, score
from wae.report.wording import describe, in_words, method_title

MOST_DATASETS = 3
MOST_METHODS = 4  # more are counted, with the best two and the last named


def sentences(results: Results) -> list[str]:
    """Quality, cost, verdicts: a sentence each; one says so when its part was not measured."""
    return [_quality(results), _cost(results), _verdicts(results)]


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
    found = {m: score(results, dataset, m, distance, "prior") for m in results.main_methods}
    scores = {method: value for method, value in found.items() if value is not None}
    if not scores:
        return ""
    column = Column(distance, "prior", describe(distance), scores)
    ranked = sorted(scores, key=lambda method: scores[method].mean)
    said = named([f"{method_title(method)} {column.text(scores[method])}" for method in ranked])
    marked = marks(scores, "lower")
    ties = [method_title(method) for method in ranked if marked.get(method) == "tie"]
    seeds = min(len(value.by_seed) for value in scores.values())
    names = " and ".join(ties) if len(ties) < MOST_METHODS else f"{len(ties)} others"
    tied = f", where no test tells {names} from the best" if ties else ""
    real = results.real_value(dataset, distance)
    floor = "" if real is None else f" (real images score {column.number(real)})"
    return f"on {dataset} {said} over {seeds} {'seed' if seeds == 1 else 'seeds'}{tied}{floor}"


def _cost(results: Results) -> str:
    timing = results.timing
    steps = timing[(timing["study"] == "step") & (timing["part"] == "total") & (timing["status"] == "ok")]
    if steps.empty:
        return "The wall-clock study was not run by this config."
    dataset = next((d for d in reversed(results.datasets) if (steps["dataset"] == d).any()), steps["dataset"].iloc[0])
    chosen = steps[steps["dataset"] == dataset]
    chosen = chosen[(chosen["n"] == chosen["n"].min()) & chosen["subject"].isin(results.main_methods)]
    if chosen.empty:
        return f"The wall-clock study has no training step of the plain methods on {dataset}."
    median = chosen.groupby("subject")["seconds"].median().sort_values()
    said = named([f"{seconds_label(value)} with {method_title(str(method))}" for method, value in median.items()])
    return f"A training step on {dataset} at batch size {chosen['n'].iloc[0]:.0f} takes {said}{_crossover(results)}."


def named(parts: list[str]) -> str:
    """All of a ranked list, or of a long one the first two and the last, with a count of those between."""
    if len(parts) <= MOST_METHODS:
        return ", ".join(parts)
    return f"{', '.join(parts[:2])}, {len(parts) - 3} between, and {parts[-1]}"


def _crossover(results: Results) -> str:
    """Where the default MMD and the critic cost the same, as the study says; empty when that was not timed."""
    pairs = [c for c in results.crossovers if c["title"].startswith("fused MMD and critic")]
    if not pairs:
        return ""
    found = pairs[0]
    where = f" (d_z = {found['latent_dim']})"
    if found["n"] is not None:
        return f"; the fused MMD penalty is cheaper than the critic up to n ≈ {found['n']:,.0f}{where}, {found['note']}"
    cheaper = "cheaper" if found["status"] == "above grid" else "dearer"
    return f"; the fused MMD penalty is {cheaper} than the critic at all measured batch sizes{where}"


def _verdicts(results: Results) -> str:
    claims = results.claims
    if not claims:
        return "The review's claims were not judged by this config."
    counts = Counter(claim["verdict"] for claim in claims)
    order = ("supported", "refuted", "inconclusive", "not tested by this config")
    said = [
        f"{counts[verdict]} {'is' if counts[verdict] == 1 else 'are'} {verdict}" for verdict in order if counts[verdict]
    ]
    listed = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return f"Of the review's {len(claims)} claims, {listed}."
