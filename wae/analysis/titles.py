"""How methods and metrics are called in sentences."""

from wae.analysis import metrics
from wae.analysis.runs import REAL_DATA, base_method, varied

METHODS = {
    "vae": "VAE",
    "wae_mmd": "WAE-MMD",
    "wae_gan": "WAE-GAN",
    "beta_vae": "β-VAE",
    "ae": "AE",
    "aae": "AAE",
    "rae_l2": "RAE-L2",
    "rae_gp": "RAE-GP",
    "swae": "SWAE",
    "wae_mmd_rff": "WAE-MMD (random features)",
    REAL_DATA: "Real data",
}
SETTINGS = {"lambda_": "λ", "latent_dim": "d_z", "prior": "prior", "encoder": "encoder", "batch_size": "n"}


def method_title(method: str) -> str:
    """``WAE-MMD, λ = 10`` for ``wae_mmd@lambda_=10``; a method that is not known here keeps its name."""
    base = base_method(method)
    settings = [f"{SETTINGS.get(key, key)} = {value}" for key, value in varied(method).items()]
    return ", ".join([METHODS.get(base, base), *settings])


def in_words(metric: str | None) -> str:
    """A metric inside a sentence: ``Fréchet distance (classifier)``; one that is not known keeps its name."""
    found = metrics.describe(str(metric))
    title, comma, rest = (str(metric) if found is None else found.title).partition(", ")
    return f"{title} ({rest})" if comma else title
