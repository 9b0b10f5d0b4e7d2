"""How methods, metrics, subjects and settings are called in tables, figures and the page."""

from dataclasses import dataclass

from wae.analysis.runs import REAL_DATA, base_method, varied

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


@dataclass(frozen=True)
class Metric:
    """Title, unit, better direction and definition of a metric."""

    title: str
    unit: str = ""
    better: str | None = None
    definition: str = ""


def method_title(method: str) -> str:
    """``WAE-MMD, λ = 10`` for ``wae_mmd@lambda_=10``; a method that is not known here keeps its name."""
    base = base_method(method)
    settings = [f"{SETTINGS.get(key, key)} = {value}" for key, value in varied(method).items()]
    return ", ".join([METHODS.get(base, base), *settings])


def describe(metric: str) -> Metric:
    """What a metric is called; one that is not known keeps its name."""
    return Metric(metric)
