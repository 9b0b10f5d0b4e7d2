"""How methods, metrics, settings, numbers and typed values are said: the one place where results become words."""

import re
from collections.abc import Iterable, Mapping

from wae.analysis import metrics
from wae.analysis.costs.rows import Meeting
from wae.analysis.metrics import Metric
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
    "rae_gp": "RAE-GP",
    "swae": "SWAE",
    "wae_mmd_rff": "WAE-MMD (random features)",
    REAL_DATA: "Real data",
    PERFECT: "Prior against prior",
}
SETTINGS = {
    "lambda_": "λ",
    "latent_dim": "d_z",
    "prior": "prior",
    "encoder": "encoder",
    "batch_size": "n",
    "kernel_scales": "kernel scale",
    "seed_stream": "varied",
}
PENALTIES = {
    "mmd_fused": "MMD, fused",
    "mmd_official": "MMD, official form",
    "mmd_official_kept": "MMD, official form, memory kept",
    "mmd_random_features": "MMD, random features",
    "gan": "GAN, latent discriminator",
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


def method_title(method: str, title: str | None = None) -> str:
    """``WAE-MMD, λ = 10`` for ``wae_mmd@lambda_=10``; ``title``: the method's own, by default its name or METHODS'.

    The title VAE means beta = 1: a variant of ``vae`` with another weight is called β-VAE.
    """
    base, settings = base_method(method), varied(method)
    names = dict(SETTINGS)
    if base in ("vae", "beta_vae"):
        names["lambda_"] = "β"
        if base == "vae" and float(settings.get("lambda_", 1.0)) != 1.0:
            base, title = "beta_vae", None
    said = [title or METHODS.get(base, base), *([settings_said(settings, names)] if settings else [])]
    return ", ".join(said)


def settings_said(settings: Mapping[str, str], names: Mapping[str, str] = SETTINGS) -> str:
    """What a variant sets: ``d_z = 64, λ = 10``; "" for nothing."""
    return ", ".join(f"{names.get(key, key)} = {setting_value(value)}" for key, value in settings.items())


def setting_value(text: str) -> str:
    """A setting's value: 10,000 for 10000.0; what is no number stays as it is."""
    return f"{float(text):,.12g}" if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text) else text


def about(metric: str | None) -> Metric:
    """What a metric is (wae.analysis.metrics); one that is not known keeps its name."""
    return metrics.describe(str(metric)) or Metric(str(metric))


def position(metric: str) -> int:
    """The place of a metric among a table's columns: features' metrics first, then as listed in METRICS."""
    order = list(metrics.METRICS)
    family = metric.partition("_")[0]
    if family in FEATURES:
        return FEATURES.index(family) - len(FEATURES)
    return order.index(metric) if metric in order else len(order)


def in_words(metric: str | None) -> str:
    """A metric inside a sentence: ``Fréchet distance (classifier)``."""
    title, comma, rest = about(metric).title.partition(", ")
    return f"{title} ({rest})" if comma else title


def axis_title(metric: str) -> str:
    """A metric as an axis's title: title, unit and which way is better."""
    found = about(metric)
    direction = {"lower": ", lower is better", "higher": ", higher is better"}.get(found.better or "", "")
    return " ".join(part for part in (in_words(metric), bracketed(found.unit)) if part) + direction


def arrow(metric: str | None) -> str:
    """Which way is better, as a table's heading says it; "" where neither is."""
    return {"lower": "↓", "higher": "↑"}.get(about(metric).better or "", "")


def bracketed(unit: str) -> str:
    """A unit in brackets, in round ones where it has square ones of its own; "" for none."""
    return f"({unit})" if "[" in unit else f"[{unit}]" if unit else ""


def timed_title(subject: str, width: int | None) -> str:
    """The title of a penalty of the wall-clock study: ``latent discriminator 4 × 512``."""
    if subject == "gan":
        return "latent discriminator" if width is None else f"latent discriminator 4 × {width}"
    return {
        "mmd_fused": "fused MMD",
        "mmd_official": "official MMD",
        "mmd_official_kept": "official MMD, memory kept",
    }.get(subject, PENALTIES.get(subject, subject))


def parts_timed(device: str) -> str:
    """How the parts of a step were timed on a device: a part of a sentence."""
    if device.startswith("cuda"):  # wae.timing.clock.Stopwatch
        return "the parts are of a second call that waits for the device after each, and take longer than the step"
    return "the parts are timed inside the same step"


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits, a true minus sign, and thousands set off up to 10^7; "-" for None."""
    if value is None:
        return "-"
    rounded = float(f"{value:.{digits}g}")
    text = f"{rounded:,.0f}" if 10 ** (digits - 1) <= abs(rounded) < 1e7 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def spread(low: float | None, high: float | None, digits: int = 4) -> str:
    """An interval after its estimate, `` [low, high]``; "" where there is none."""
    return "" if low is None or high is None else f" [{number(low, digits)}, {number(high, digits)}]"


def seconds(value: float, _: object = None) -> str:
    """Seconds as 20 µs, 3 ms, 1.5 s, 10 min."""
    if value <= 0:
        return "0"
    length, unit = time_unit(float(f"{value:.3g}"))  # as it will be said: 0.9996 ms is 1 ms, not 1e+03 µs
    return f"{number(value / length, 3)} {unit}"


def time_unit(value: float) -> tuple[float, str]:
    """The unit in which to say ``value`` seconds: its length in seconds, and its name."""
    for limit, length, unit in ((1e-3, 1e-6, "µs"), (1.0, 1e-3, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "min")):
        if value < limit:
            return length, unit
    return 3600.0, "h"


def counted(count: int, word: str) -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def sentence(parts: Iterable[str]) -> str:
    """Parts joined by semicolons, with a capital and a full stop; "" for none."""
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


MEETINGS = {
    Meeting.MEASURED: "between measured sizes",
    Meeting.EXTRAPOLATED: "beyond the measured sizes, by the fits",
    Meeting.BELOW_GRID: "the first costs more at all measured sizes",
    Meeting.ABOVE_GRID: "the first costs less at all measured sizes",
    Meeting.NO_COMMON_SIZE: "no common size was measured",
}
