"""The latent explorer: decoders and codes of each method's first seed, as many as the page's budget allows."""

import itertools
from pathlib import Path
from typing import Any

from markupsafe import Markup

from wae.analysis.results import Results
from wae.core.files import canonical_json, read_json

TEMPLATES = Path(__file__).parent / "templates"
BUDGET = 1_030_000  # bytes of packed decoders and codes: with script and text below 1 MB (2**20)


def explorer(results: Results, budget: int = BUDGET) -> dict[str, Any] | None:
    """What the section shows: "runs" (what evaluation packed, with names), "left_out" (sentences) and the "script".

    None where no run of the experiment was evaluated with an explorer.json. A method's first finished seed is shown,
    dataset by dataset; kinds of VAE after the first come last, and what does not fit is named.
    """
    runs: list[dict[str, Any]] = []
    left_out: dict[str, list[str]] = {}  # names by reason
    for dataset, method in _ordered(results):
        seed = next(iter(results.finished_seeds(dataset, method)), None)
        path = None if seed is None else results.run_folder(dataset, method, seed).explorer
        if path is None or not path.exists():
            continue
        packed = read_json(path, "left_out")
        reason, size = packed["left_out"], len(canonical_json(packed))
        if reason is None and size > budget:
            reason = "no room is left on the page"
        if reason is not None:
            left_out.setdefault(reason, []).append(f"{results.title(method)} on {dataset}")
            continue
        budget -= size
        runs.append(packed | {"dataset": dataset, "title": results.title(method), "seed": seed})
    if not runs and not left_out:
        return None
    return {
        "runs": runs,
        "datasets": [dataset for dataset in results.datasets if any(run["dataset"] == dataset for run in runs)],
        "left_out": [f"{', '.join(names)}: {reason}" for reason, names in left_out.items()],
        "script": Markup((TEMPLATES / "explorer.js").read_text(encoding="utf-8")),
    }


def _ordered(results: Results) -> list[tuple[str, str]]:
    """Datasets and main methods in the config's order, but for kinds of VAE after the first, which come last."""
    vaes = [method for method in results.main_methods if results.facts(method).get("vae_like")]
    pairs = itertools.product(results.datasets, results.main_methods)
    return sorted(pairs, key=lambda pair: pair[1] in vaes[1:])
