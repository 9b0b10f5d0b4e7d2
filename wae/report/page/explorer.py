"""The latent explorer: decoders and codes of each method's first seed, as many as the page's budget allows."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from wae.analysis.results import Results
from wae.core.files import canonical_json, read_json

TEMPLATES = Path(__file__).parent / "templates"
BUDGET = 1_000_000  # bytes of packed decoders and codes in the page


def explorer(results: Results, budget: int = BUDGET) -> dict[str, Any] | None:
    """What the section shows: "runs" (what evaluation packed, with names), "left_out" (sentences) and the "script".

    None where no run of the experiment was evaluated with an explorer.json. A method's first finished seed is shown,
    dataset by dataset; further methods that are kinds of VAE come last, and what does not fit is named.
    """
    runs, left_out, spent, seen = [], [], 0, False
    for method in _ordered(results):
        for dataset in results.datasets:
            seed = next(iter(results.finished_seeds(dataset, method)), None)
            path = None if seed is None else results.run_folder(dataset, method, seed).explorer
            if path is None or not path.exists():
                continue
            seen = True
            packed = read_json(path, "left_out")
            name = f"{results.title(method)} on {dataset}"
            if packed["left_out"] is not None:
                left_out.append(f"{name}: {packed['left_out']}")
                continue
            size = len(canonical_json(packed))
            if spent + size > budget:
                left_out.append(f"{name}: the page has room for {budget:,} bytes of decoders")
                continue
            spent += size
            runs.append(packed | {"dataset": dataset, "title": results.title(method), "seed": seed})
    if not seen:
        return None
    datasets = [d for d in results.datasets if any(run["dataset"] == d for run in runs)]
    script = Markup((TEMPLATES / "explorer.js").read_text(encoding="utf-8"))
    return {"runs": runs, "datasets": datasets, "left_out": left_out, "script": script}


def _ordered(results: Results) -> list[str]:
    """Main methods in the config's order, but for kinds of VAE after the first, which come last."""
    vaes = [method for method in results.main_methods if results.facts(method).get("vae_like")]
    return sorted(results.main_methods, key=lambda method: method in vaes[1:])
