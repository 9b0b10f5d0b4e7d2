"""How methods, metrics, subjects and settings are called in tables, figures and the page."""

from dataclasses import dataclass

from wae.analysis import metrics
from wae.analysis.runs import REAL_DATA, base_method, varied

PERFECT = "perfect_match"  # the row of what draws of the prior score against other draws of it
METHODS = {
    "vae": "VAE",
    "wae_mmd": "WAE-MMD",
    "wae_gan": "WAE-GAN",
    "beta_vae": "β-VAE",
    "ae": "AE",
    "aae": "AAE",
    "rae_l2": "RAE-L2",
    "swae": "SWAE",
    "wae_mmd_rff": "WAE-MMD (random features)",
    REAL_DATA: "Real data",
    PERFECT: "Prior against prior",
}
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
SETTINGS = {"lambda_": "λ", "latent_dim": "d_z", "prior": "prior", "encoder": "encoder", "batch_size": "n"}
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
    """``WAE-MMD, λ = 10`` for ``wae_mmd@lambda_=10``; a method that is not known here keeps its name."""
    base = base_method(method)
    settings = [f"{SETTINGS.get(key, key)} = {value}" for key, value in varied(method).items()]
    return ", ".join([METHODS.get(base, base), *settings])


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


def in_words(metric: str | None) -> str:
    """A metric inside a sentence: ``Fréchet distance (classifier)``."""
    title, comma, rest = describe(str(metric)).title.partition(", ")
    return f"{title} ({rest})" if comma else title


def axis_title(metric: str) -> str:
    """A metric as an axis's title: title, unit and which way is better."""
    about = describe(metric)
    direction = {"lower": ", lower is better", "higher": ", higher is better"}.get(about.better or "", "")
    return f"{in_words(metric)}{f' [{about.unit}]' if about.unit else ''}{direction}"
