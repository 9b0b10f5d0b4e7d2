"""The page's sections in their order, and the tables that each one shows, by name."""

from dataclasses import dataclass

from wae.analysis.results import Results
from wae.report.names import slug
from wae.report.tables.grids import Grid


@dataclass(frozen=True)
class Section:
    """A section of the page. ``short``: its name among the contents. ``tables``: names, with {dataset} and {claim}."""

    id: str
    short: str
    title: str
    tables: tuple[str, ...] = ()


SECTIONS = (
    Section(
        "scores",
        "Scores",
        "Scores by dataset",
        (
            *("{dataset}_generation", "{dataset}_other_samples", "{dataset}_reconstruction", "{dataset}_latent"),
            *("aggregate", "contrasts", "lambda_sweep", "lambda_comparisons"),
        ),
    ),
    Section("images", "Images", "Images"),
    Section("explorer", "Explore", "Explore the codes"),
    Section("claims", "Claims", "Claims", ("claim_{claim}",)),
    Section(
        "timing",
        "Cost",
        "What the penalties cost",
        (
            "timing_steps",
            "timing_penalties",
            "timing_exponents",
            "timing_crossovers",
            "time_to_distance",
            "training_cost",
        ),
    ),
    Section(
        "budget",
        "Error",
        "Where the error comes from",
        ("agreement", "error_budget", "seeds_to_decide", "seed_streams", "seed_cross", "gap_decomposition"),
    ),
    Section("own", "More", "Figures of this config"),
    Section("published", "Published", "Published results", ("published",)),
    Section("failures", "Failures", "Failures", ("failures",)),
    Section("protocol", "Protocol", "Method and protocol", ("settings", "lambdas", "metric_definitions")),
    Section("provenance", "Provenance", "Provenance"),
    Section("cite", "Cite", "How to cite"),
)


def shown(results: Results, claims: list[str], grids: dict[str, Grid]) -> dict[str, list[Grid]]:
    """The tables that exist of those each section declares, by section."""
    names = {"dataset": list(map(slug, results.datasets)), "claim": list(map(slug, claims))}
    found: dict[str, list[Grid]] = {}
    for section in SECTIONS:
        found[section.id] = []
        for template in section.tables:
            key = next((key for key in names if f"{{{key}}}" in template), None)
            wanted = [template] if key is None else [template.format(**{key: name}) for name in names[key]]
            found[section.id] += [grids[name] for name in wanted if name in grids]
    return found
