"""What each metric is: title, unit, which way is better, definition. Tables, figures and the page take it from here."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"] | None


@dataclass(frozen=True)
class Metric:
    """``better``: which way is better, None where neither is. ``positive``: it cannot be zero or less, so that its
    intervals and tests are on the log scale.
    """

    title: str
    unit: str
    better: Better
    definition: str
    positive: bool = False


# Metrics of an extractor's features: the name is PREFIX_EXTRACTOR or PREFIX_EXTRACTOR_SUFFIX.
_FEATURES = {
    "fid": Metric(
        "Fréchet distance, {e}",
        "",
        "lower",
        "Squared Wasserstein-2 distance of two Gaussians fitted to the {f} of generated and of real images (Heusel et "
        "al. 2017). Biased upwards by few images: compare at equal counts only.",
        positive=True,
    ),
    "kid": Metric(
        "Kernel distance, {e}",
        "",
        "lower",
        "Unbiased squared MMD of the {f} with the cubic kernel (x.y / D + 1)^3, mean over random subsets (Binkowski et "
        "al. 2018). Unbiased in the count of images; can be negative.",
    ),
    "precision": Metric(
        "Precision, {e}",
        "",
        "higher",
        "Share of generated images that lie within the {f} neighbourhoods of real ones (Kynkäänniemi et al. 2019): "
        "fidelity.",
    ),
    "recall": Metric(
        "Recall, {e}",
        "",
        "higher",
        "Share of real images that lie within the {f} neighbourhoods of generated ones (Kynkäänniemi et al. 2019): "
        "coverage.",
    ),
}
_SUFFIXES = {
    "_curve": (", by count", "At the stated count of generated images: mean over disjoint subsets of all draws."),
    "_infinity": (
        ", infinite samples",
        "Extrapolated to infinitely many generated images by a straight line in 1 / N (Chong & Forsyth 2020); the "
        "reference's own finite count still biases it.",
    ),
    "_half": (
        ", half the reference",
        "Against a random half of the reference images (for real data: one half against the other).",
    ),
}
_EXTRACTORS = {
    "classifier": ("classifier", "classifier features"),
    "inception": ("Inception", "Inception features"),
}

METRICS: dict[str, Metric] = {
    "mse": Metric(
        "MSE",
        "per pixel, pixels in [0, 1]",
        "lower",
        "Mean squared error of reconstructions of held-out images.",
        positive=True,
    ),
    "l1": Metric(
        "L1",
        "per pixel, pixels in [0, 1]",
        "lower",
        "Mean absolute error of reconstructions of held-out images.",
        positive=True,
    ),
    "psnr": Metric(
        "PSNR", "dB", "higher", "Peak signal-to-noise ratio of each reconstruction, averaged over held-out images."
    ),
    "ssim": Metric(
        "SSIM",
        "",
        "higher",
        "Structural similarity of reconstructions (Wang et al. 2004; Gaussian window of 11 pixels, sigma 1.5, edges "
        "mirrored), averaged over held-out images; torchmetrics' value.",
    ),
    "sharpness": Metric(
        "Sharpness",
        "variance, pixels in [0, 1]",
        None,
        "Variance of the response to the Laplace filter over each grey image, averaged (Tolstikhin et al. 2018). Best "
        "where it is nearest to the real data's: noise is sharp too.",
        positive=True,
    ),
    "latent_mmd2": Metric(
        "Latent MMD²",
        "",
        "lower",
        "Unbiased squared MMD of held-out codes and the prior, with the seven IMQ kernels of the WAE paper. 0 for a "
        "perfect match; can be negative.",
    ),
    "latent_mmd_p": Metric(
        "Latent match, p",
        "",
        "higher",
        "Permutation p-value of the test that held-out codes follow the prior; a small one says that they do not.",
    ),
    "latent_sw2": Metric(
        "Latent SW2",
        "units of z",
        "lower",
        "Sliced 2-Wasserstein distance of held-out codes and the prior. Two samples of the prior itself are given "
        "beside it (subject prior), as it is not 0 for a perfect match.",
        positive=True,
    ),
    "latent_mean_error": Metric(
        "Mean of codes",
        "prior sds",
        "lower",
        "Root mean square, over dimensions, of the codes' mean less the prior's.",
    ),
    "latent_sd_ratio_min": Metric(
        "Smallest sd of codes", "share of the prior's", None, "A share near 0 is a dimension that is not used."
    ),
    "latent_sd_ratio_max": Metric("Largest sd of codes", "share of the prior's", None, "1 for a perfect match."),
    "latent_skewness": Metric(
        "Skewness of codes", "", "lower", "Largest absolute difference from the prior's over dimensions."
    ),
    "latent_kurtosis": Metric(
        "Kurtosis of codes", "", "lower", "Largest absolute difference from the prior's over dimensions."
    ),
    "latent_correlation": Metric(
        "Correlation of codes", "", "lower", "Largest absolute correlation of two dimensions."
    ),
    "mutual_information": Metric(
        "I(X; Z)",
        "nats",
        None,
        "Mutual information of held-out images and their codes under a random encoder (Hoffman & Johnson 2016), by "
        "Monte Carlo. It cannot exceed the logarithm of the count of images; near it, it is a lower bound.",
    ),
    "mutual_information_bound": Metric("log N", "nats", None, "The most that the estimate of I(X; Z) can reach."),
    "kl_total": Metric(
        "KL(q(z|x) ‖ p)", "nats", None, "Mean divergence of the encoder's posteriors from the prior: the VAE's penalty."
    ),
    "kl_aggregate": Metric(
        "KL(Q_Z ‖ p)",
        "nats",
        "lower",
        "Divergence of the aggregate posterior from the prior: KL(q(z|x) ‖ p) less I(X; Z), so an upper bound where "
        "I(X; Z) is a lower one.",
    ),
}


def describe(name: str) -> Metric | None:
    """The metric of a name, extractors' metrics included ("fid_classifier", "kid_inception_half"); None if unknown."""
    if name in METRICS:
        return METRICS[name]
    prefix, _, rest = name.partition("_")
    if prefix not in _FEATURES or not rest:
        return None
    suffix = next((s for s in _SUFFIXES if rest.endswith(s) and rest != s[1:]), "")
    extractor = rest.removesuffix(suffix)
    short, long = _EXTRACTORS.get(extractor, (extractor, f"{extractor} features"))
    metric = _FEATURES[prefix]
    title, definition = metric.title.format(e=short), metric.definition.format(f=long)
    if suffix:
        title, definition = title + _SUFFIXES[suffix][0], f"{definition} {_SUFFIXES[suffix][1]}"
    return Metric(title, metric.unit, metric.better, definition, metric.positive)


METRICS |= {
    f"{prefix}_{extractor}{suffix}": found
    for prefix in _FEATURES
    for extractor in _EXTRACTORS
    for suffix in ("", *(_SUFFIXES if prefix == "fid" else ()))
    if (found := describe(f"{prefix}_{extractor}{suffix}")) is not None
}
