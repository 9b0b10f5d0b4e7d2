"""timing_fits.json in readers' words: what grows how, and where two penalties cost the same."""

from collections.abc import Mapping
from typing import Any

TIMED = {"mmd_fused": "fused MMD", "mmd_official": "official MMD", "mmd_random_features": "MMD, random features"}


def timed_title(subject: str, critic_width: int | None) -> str:
    """The title of a penalty of the wall-clock study: ``critic 4 × 512``."""
    if subject == "gan":
        return "critic" if critic_width is None else f"critic 4 × {critic_width}"
    return TIMED.get(subject, subject)


NOTES = {
    "measured": "between measured sizes",
    "extrapolated": "beyond the measured sizes, by the fits",
    "below grid": "the first is the dearer one at all measured sizes",
    "above grid": "the first is the cheaper one at all measured sizes",
    "no common size": "no common size was measured",
}


def exponents(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Fitted cost of each penalty: subject, title, latent_dim, exponent, low, high, n_low, n_high, coefficient."""
    return [
        {
            "subject": fit["subject"],
            "title": timed_title(fit["subject"], fit["critic_width"]),
            "latent_dim": fit["latent_dim"],
            "exponent": fit["p"],
            "low": fit["p_low"],
            "high": fit["p_high"],
            "n_low": fit["n_min"],
            "n_high": fit["n_max"],
            "coefficient": fit["c"],
        }
        for fit in document.get("fits", [])
        if fit["study"] == "penalty"
    ]


def crossovers(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where two penalties cost the same: title, latent_dim, n (None for nowhere), low, high, status, note."""
    return [
        {
            "title": f"{timed_title(c['a'], None)} and {timed_title(c['b'], c['critic_width'])}",
            **{name: c[name] for name in ("latent_dim", "n", "low", "high", "status")},
            "note": NOTES[c["status"]],
        }
        for c in document.get("crossovers", [])
        if c["study"] == "penalty"
    ]
