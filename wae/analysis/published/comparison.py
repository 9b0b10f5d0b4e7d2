"""Published numbers beside ours, with the protocol fields in which they differ and a verdict.

Reads the ledger (wae/analysis/published/ledger.py), tables and settings; imports no torch.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from wae.analysis.published.ledger import Published, published
from wae.analysis.runs import REAL_DATA, base_method

REPRODUCED, NOT_REPRODUCED, NOT_COMPARABLE = "reproduced", "not reproduced", "not comparable"
NO_VERDICT = ""  # of a recalled number
VAES = ("vae", "beta_vae")
MIN_SEEDS = 3  # fewer finished seeds carry no verdict
COLUMNS = (
    *("dataset", "method", "metric", "subject", "protocol", "source", "standing", "published"),
    *("our_metric", "ours", "low", "high", "seeds", "differs", "verdict", "note"),
)


def our_fields(
    run: Mapping[str, Any] | None,
    dataset: str,
    metric: str,
    row: Mapping[str, Any],
    ledger: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """The protocol of our own number in the ledger's words.

    ``run``: a RunSettings dump (None for real data); ``row``: samples and reference of its metrics;
    ``evaluation``: an EvaluationSettings dump; ``options``: those of the dataset's source.
    """
    fields = _data_fields(ledger["datasets"].get(dataset), options)
    fields |= {"samples": row["samples"], "reference": row["reference"], "sampling": "prior"}
    fields["extractor"] = metric.partition("_")[2] if metric.startswith("fid_") else None
    fields["mixture_components"] = evaluation.get("mixture_components")
    if run is None:
        return fields
    training = run["training"]
    fields |= {key: training[key] for key in ledger["fields"] if key in training}
    if base_method(run["method"]) in VAES and training["likelihood"] != "gaussian":
        fields["cost_weight"] = None  # neither likelihood has such a factor
    fields["decoder_decay"] = training["options"].get("decoder_decay")
    fields["kernel_base"] = {"normal": 2.0, "uniform": 1.0}.get(training["prior"])  # a sphere's does not grow with d_z
    if training["validation_fraction"]:
        fields["split"] = f"{fields.get('split')}, {training['validation_fraction']:g} of train held back"
    return fields


def _data_fields(facts: Mapping[str, Any] | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Image and split of a dataset under its source's options; an option that the ledger does not know spoils both."""
    if facts is None:
        return {}
    fields = {"image": facts["image"], "split": facts["split"]}
    for key, value in options.items():
        known = facts.get("options", {}).get(key, {})
        unknown = {name: f"{text} with {key} = {value}" for name, text in fields.items()}
        fields |= known.get(str(value), known.get("*", unknown))
    return fields


def differences(entry: Published, ours: Mapping[str, Any], ledger: Mapping[str, Any]) -> list[str]:
    """Fields that matter for ``entry`` and are not shown to be equal, each as one readable phrase.

    A field that the source does not state, or that is only recalled, is listed too: it confirms nothing.
    """
    found = []
    for name, field in ledger["fields"].items():
        if not _applies(entry, field, ours) or (name == "extractor" and entry.metric != "fid"):
            continue
        there, here = entry.fields.get(name), ours.get(name)
        if there is None:
            found.append(f"{field['title']}: not stated there, {_text(here)} here")
        elif not _equal(there, here):
            found.append(f"{field['title']}: {_text(there)} there, {_text(here)} here")
        elif name in entry.recalled:
            found.append(f"{field['title']}: {_text(there)} there is recalled, not read")
    return found


def _applies(entry: Published, field: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    if field["group"] == "model" and entry.method == REAL_DATA:
        return False
    if entry.method not in field.get("methods", [entry.method]):
        return False
    return entry.subject in field.get("subjects", [entry.subject])


def _equal(there: Any, here: Any) -> bool:
    if isinstance(there, list) and isinstance(here, Sequence) and not isinstance(here, str):
        return len(there) == len(here) and all(map(_equal, there, here))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (there, here))
    return math.isclose(there, here, rel_tol=1e-6) if numbers else bool(there == here)


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def compare(
    metrics: pd.DataFrame,
    runs: Iterable[Mapping[str, Any]],
    ledger: Mapping[str, Any],
    evaluation: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    everything: bool = False,
) -> pd.DataFrame:
    """A row for each published number and method of ours that answers it (columns: COLUMNS).

    ``metrics``: rows of metrics.csv; ``runs``: RunSettings dumps; ``evaluation``: an EvaluationSettings dump;
    ``options``: of each dataset's source, by dataset. ``ours``, ``low``, ``high``: mean over seeds
    of each seed's mean over draws, and its 95 % t interval (none for fewer than two seeds). ``differs``: list
    of phrases. ``verdict``: reproduced (mean within the tolerance, no field differs), not reproduced, not
    comparable, or empty for a recalled number. Published numbers on datasets that ``runs`` do not
    have are left out unless ``everything``; variants of a method each get a row.
    """
    settings: dict[tuple[str, str], Mapping[str, Any]] = {}
    for run in runs:
        settings.setdefault((run["dataset"], run["method"]), run)
    datasets = {dataset for dataset, _ in settings} | set(metrics["dataset"])
    rows = []
    for entry in published(ledger):
        if entry.dataset not in datasets and not everything:
            continue
        answers = [m for d, m in settings if d == entry.dataset and base_method(m) == entry.method]
        if entry.method == REAL_DATA:
            answers = [REAL_DATA]
        for method in answers or [entry.method]:
            context = (ledger, evaluation or {}, (options or {}).get(entry.dataset, {}))
            rows.append(_row(entry, method, metrics, settings.get((entry.dataset, method)), context))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(
    entry: Published,
    method: str,
    metrics: pd.DataFrame,
    run: Mapping[str, Any] | None,
    context: tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "dataset": entry.dataset,
        "method": method,
        "metric": entry.metric,
        "subject": entry.subject,
        "protocol": entry.protocol,
        "source": entry.source,
        "standing": entry.standing,
        "published": entry.value,
        "our_metric": "",
        **dict.fromkeys(("ours", "low", "high"), math.nan),
        "seeds": 0,
        "note": entry.note,
    }
    ours = _our_rows(entry, method, metrics)
    if ours.empty or (run is None and method != REAL_DATA):
        row["differs"] = ["not measured here"]
    else:
        first = ours.iloc[0]
        seeds = ours.groupby("seed")["value"].mean().to_numpy(float)
        low, high = _interval(seeds)
        row |= {"our_metric": first["metric"], "ours": float(seeds.mean()), "low": low, "high": high}
        row["seeds"] = len(seeds)
        where = {"samples": int(first["samples"]), "reference": first["reference"]}
        fields = our_fields(run, entry.dataset, first["metric"], where, *context)
        row["differs"] = differences(entry, fields, context[0])
        if len(seeds) < MIN_SEEDS and method != REAL_DATA:
            row["differs"].append(f"seeds: {len(seeds)} finished here, {MIN_SEEDS} needed")
    row["verdict"] = _verdict(entry, row["ours"], row["differs"])
    return row


def _our_rows(entry: Published, method: str, metrics: pd.DataFrame) -> pd.DataFrame:
    """Our rows that answer ``entry``: Inception's distance if there is one, the largest sample count."""
    chosen = metrics[
        (metrics["dataset"] == entry.dataset)
        & (metrics["method"] == method)
        & (metrics["subject"] == entry.subject)
        & metrics["value"].notna()
    ]
    if entry.metric == "fid":
        names = [n for n in chosen["metric"].unique() if n.startswith("fid_") and n.count("_") == 1]
        name = "fid_inception" if "fid_inception" in names else min(names, default="")
    else:
        name = entry.metric
    chosen = chosen[chosen["metric"] == name]
    if chosen.empty:
        return chosen
    chosen = chosen[chosen["samples"] == chosen["samples"].max()]
    return chosen[chosen["reference"] == chosen["reference"].iloc[0]]


def _interval(values: np.ndarray) -> tuple[float, float]:
    if len(values) < 2:
        return math.nan, math.nan
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _verdict(entry: Published, ours: float, differs: list[str]) -> str:
    if entry.standing == "recalled":
        return NO_VERDICT
    if differs or not math.isfinite(ours):
        return NOT_COMPARABLE
    return REPRODUCED if abs(ours - entry.value) <= entry.tolerance * abs(entry.value) else NOT_REPRODUCED


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of ``compare`` as plain JSON values, NaN as None."""
    return [
        {str(key): None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]
