"""How methods, metrics, subjects and settings are called in tables, figures and the page."""

from dataclasses import dataclass

from wae.analysis import metrics, titles
from wae.analysis.titles import SETTINGS, in_words

__all__ = ["SETTINGS", "in_words"]

PERFECT = "perfect_match"  # the row of what draws of the prior score against other draws of it
PENALTIES = {
    "mmd_fused": "MMD, fused",
    "mmd_official": "MMD, official form",
    "mmd_random_features": "MMD, random features",
    "gan": "GAN critic",
}
SUBJECTS = {
    "prior": "samples from the prior",
    "mixture": "samples from a mixture fitted to the codes",
    "reconstruction": "reconstructions",
    "interpolation": "interpolations",
    "data": "real images",
    "codes": "codes",
}
SHORT_SUBJECTS = {"prior": "prior", "mixture": "mixture", "reconstruction": "rec.", "interpolation": "interp."}
FEATURES = ("fid", "kid", "precision", "recall")  # families of an extractor's metrics, shown first
HIDDEN = ("_curve", "_half", "_bound")  # metrics of figures and of the error budget, not of a table


@dataclass(frozen=True)
class Wording:
    """How a metric is called. ``better``: "lower", "higher" or None; ``position``: its place among columns."""

    title: str
    unit: str = ""
    better: str | None = None
    definition: str = ""
    position: int = 10**6
    shown: bool = True


def method_title(method: str) -> str:
    """A method's title; the row of the prior against itself has one too."""
    return "Prior against prior" if method == PERFECT else titles.method_title(method)


def describe(metric: str) -> Wording:
    """What a metric is called; one that is not known keeps its name."""
    found = metrics.describe(metric)
    if found is None:
        return Wording(metric, shown=not metric.endswith(HIDDEN))
    order = list(metrics.METRICS)
    family = metric.partition("_")[0]
    position = order.index(metric) if metric in order else len(order)
    if family in FEATURES:
        position = FEATURES.index(family) - len(FEATURES)
    return Wording(found.title, found.unit, found.better, found.definition, position, shown=not metric.endswith(HIDDEN))


def axis_title(metric: str) -> str:
    """A metric as an axis's title: title, unit and which way is better."""
    about = describe(metric)
    direction = {"lower": ", lower is better", "higher": ", higher is better"}.get(about.better or "", "")
    return " ".join(part for part in (in_words(metric), bracketed(about.unit)) if part) + direction


def bracketed(unit: str) -> str:
    """A unit in brackets, in round ones where it has square ones of its own; "" for none."""
    return f"({unit})" if "[" in unit else f"[{unit}]" if unit else ""
