"""Published results beside ours, with the protocol fields in which they differ and what the comparison says."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import stdev
from typing import Any

import pandas as pd
from scipy import stats

from wae.analysis.published import lambda_units
from wae.analysis.published.ledger import SCHEMA, Published, load_ledger, published
from wae.analysis.published.rows import (
    Difference,
    LambdaRow,
    Outcome,
    PublishedDocument,
    PublishedRow,
    Reason,
    Standing,
)
from wae.analysis.results import Results
from wae.analysis.runs import REAL_DATA, base_method, of_lottery
from wae.analysis.statistics import CONFIDENCE, MIN_SEEDS, Interval, interval, score_interval
from wae.analysis.words import about

EPOCH = re.compile(r"_epoch(\d+)$")  # ends a mean over one epoch of training
NO_EXTRACTOR = ("_curve", "_half", "_infinity")  # ends of Frechet distances that are none to the whole reference


def compare_file(results: Results, ledger: Path) -> PublishedDocument:
    """The published results of the file ``ledger`` (config/anchors.yaml) beside an experiment's."""
    config = results.config
    options = {name: settings.get("options", {}) for name, settings in config.get("datasets", {}).items()}
    runs = [run for run in results.planned if not of_lottery(run["method"])]  # the method's own with other streams
    known = {run["method"]: results.facts(run["method"]) for run in runs}
    rows = compare(results.metrics(), runs, load_ledger(ledger, SCHEMA), config.get("evaluation"), options, known)
    return PublishedDocument(rows, lambdas(runs, known))


def lambdas(runs: Iterable[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> list[LambdaRow]:
    """The weight of each dataset's and method's penalty, in the paper's units too.

    ``runs``: RunSettings dumps; ``known``: facts of methods by name (wae.methods.facts), as the plan has them.
    """
    rows: dict[tuple[str, str], LambdaRow] = {}
    for run in runs:
        training = run["training"]
        units = lambda_units.units_of(training, known.get(run["method"], {}))
        paper = None if units is None else lambda_units.paper_lambda(training["lambda_"], units)
        rows[run["dataset"], run["method"]] = LambdaRow(run["dataset"], run["method"], training["lambda_"], paper)
    return list(rows.values())


def our_fields(
    run: Mapping[str, Any] | None,
    dataset: str,
    metric: str,
    row: Mapping[str, Any],
    ledger: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    options: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The protocol of our own number in the ledger's words.

    ``run``: a RunSettings dump (None for real data); ``row``: samples and reference of its metrics;
    ``evaluation``: an EvaluationSettings dump; ``options``: those of the dataset's source; ``facts``:
    of the method (wae.methods.facts), {} where they are not known.
    """
    fields = _data_fields(ledger["datasets"].get(dataset), options)
    fields |= {"samples": row["samples"], "reference": row["reference"], "sampling": "prior"}
    fields["extractor"] = metric.partition("_")[2] if metric.startswith("fid_") else None
    fields |= {key: evaluation.get(key) for key in ("mixture_components", "importance_samples")}
    if run is None:
        return fields
    training = run["training"]
    fields |= {key: training[key] for key in ledger["fields"] if key in training}
    if lambda_units.likelihood_without_factor(training, facts):
        fields["cost_weight"] = "none"
    own = {name: option["default"] for name, option in facts.get("options", {}).items()} | training["options"]
    fields |= {key: own.get(key) for key in ("decoder_decay", "critic_codes", "kl")}
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


def differences(entry: Published, ours: Mapping[str, Any], ledger: Mapping[str, Any]) -> list[Difference]:
    """Fields that matter for ``entry`` and are not shown to be equal.

    A field that the source does not state, or that is only recalled, is listed too: it confirms nothing. The number of
    epochs does not matter for a mean over one of them that both reach at a constant rate.
    """
    found = []
    for name, field in ledger["fields"].items():
        if not _applies(entry, name, field):
            continue
        there, here = entry.fields.get(name), ours.get(name)
        if there is None:
            found.append(Difference(Reason.NOT_STATED, field["title"], None, here))
        elif not (_equal(there, here) or (name == "epochs" and _reached(entry, ours))):
            found.append(Difference(Reason.DIFFERS, field["title"], there, here))
        elif name in entry.recalled:
            found.append(Difference(Reason.RECALLED, field["title"], there, here))
    return found


def _applies(entry: Published, name: str, field: Mapping[str, Any]) -> bool:
    stated = entry.fields
    if name == "extractor" and entry.metric != "fid":
        return False
    if field.get("if_stated") and name not in stated:
        return False
    if name in ("width", "depth") and "hidden" in stated:  # which says it layer by layer
        return False
    if name == "cost_weight" and stated.get("likelihood") == "bernoulli":  # which has no such factor
        return False
    if name in ("decoder_depth", "kernel_size") and stated.get("architecture") == "mlp":  # which has no convolutions
        return False
    if name == "prior_trick" and stated.get("critic_prior_trick") is False:
        return False
    if field["group"] == "model" and (entry.method == REAL_DATA or (entry.calibration and name not in stated)):
        return False  # nothing is trained
    if entry.method not in field.get("methods", [entry.method]):
        return False
    return entry.subject in field.get("subjects", [entry.subject])


def _reached(entry: Published, ours: Mapping[str, Any]) -> bool:
    """Whether ``entry`` is a mean over one epoch that we trained too: at a constant rate no later epoch touches it."""
    epoch = EPOCH.search(entry.metric)
    constant = entry.fields.get("schedule") == ours.get("schedule") == "constant"
    return constant and epoch is not None and int(epoch[1]) <= ours.get("epochs", 0)


def _equal(there: Any, here: Any) -> bool:
    if isinstance(there, list) and isinstance(here, Sequence) and not isinstance(here, str):
        return len(there) == len(here) and all(map(_equal, there, here))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (there, here))
    return math.isclose(there, here, rel_tol=1e-6) if numbers else bool(there == here)


def compare(
    metrics: pd.DataFrame,
    runs: Iterable[Mapping[str, Any]],
    ledger: Mapping[str, Any],
    evaluation: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[PublishedRow]:
    """A row for each published number and method of ours that answers it.

    ``metrics``: rows of metrics.csv; ``runs``: RunSettings dumps; ``evaluation``: an EvaluationSettings dump;
    ``options``: of each dataset's source, by dataset; ``known``: facts of methods by name.

    Outcome where no field differs: reproduced (our interval lies within the tolerance of the published number), not
    reproduced (it lies wholly outside), undecided; else not comparable, or none for a recalled number. The interval of
    fewer than three seeds rests on the spread between the source's own runs, where the ledger has them; without them
    they are too few. Published numbers on datasets that ``runs`` do not have are left out; variants of a method each
    get a row.
    """
    settings: dict[tuple[str, str], Mapping[str, Any]] = {}
    for run in runs:
        settings.setdefault((run["dataset"], run["method"]), run)
    datasets = {dataset for dataset, _ in settings} | set(metrics["dataset"])
    rows = []
    for entry in published(ledger):
        if entry.dataset not in datasets:
            continue
        answers = [m for d, m in settings if d == entry.dataset and base_method(m) == entry.method]
        if entry.method == REAL_DATA:
            answers = [REAL_DATA]
        for method in answers or [entry.method]:
            facts = (known or {}).get(method, {})
            context = (ledger, evaluation or {}, (options or {}).get(entry.dataset, {}), facts)
            rows.append(_row(entry, method, metrics, settings.get((entry.dataset, method)), context))
    return rows


def _row(
    entry: Published,
    method: str,
    metrics: pd.DataFrame,
    run: Mapping[str, Any] | None,
    context: tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]],
) -> PublishedRow:
    ours = _our_rows(entry, method, metrics)
    our_metric, found, below, differs = "", interval([]), None, [Difference(Reason.NOT_MEASURED)]
    if not (ours.empty or (run is None and method != REAL_DATA)):
        first = ours.iloc[0]
        our_metric = str(first["metric"])
        seeds = ours.groupby("seed")["value"].mean().to_numpy(float)
        found = score_interval(seeds, about(our_metric))
        below = int((seeds < entry.value).sum()) if found.n >= MIN_SEEDS else None
        where = {"samples": int(first["samples"]), "reference": first["reference"]}
        differs = differences(entry, our_fields(run, entry.dataset, our_metric, where, *context), context[0])
        if found.n < MIN_SEEDS and entry.runs:
            found = _by_their_spread(found, entry.runs)
        elif found.n < MIN_SEEDS and method != REAL_DATA and not entry.calibration:
            differs.append(Difference(Reason.FEW_SEEDS, "seeds", MIN_SEEDS, found.n))
    return PublishedRow(
        dataset=entry.dataset,
        method=method,
        metric=entry.metric,
        subject=entry.subject,
        protocol=entry.protocol,
        source=entry.source,
        standing=Standing(entry.standing),
        published=entry.value,
        tolerance=entry.tolerance,
        our_metric=our_metric,
        ours=found.mean if found.n else None,
        low=found.low,
        high=found.high,
        seeds=found.n,
        differs=differs,
        outcome=_outcome(entry, found, differs),
        note=entry.note,
        below=below,
    )


def _by_their_spread(ours: Interval, theirs: Sequence[float]) -> Interval:
    """Student's interval of our mean, with the standard deviation between ``theirs`` and its degrees of freedom.

    Our runs are taken to spread as the source's do: few runs know their own spread badly, and one does not at all.
    """
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(theirs) - 1)) * stdev(theirs) / math.sqrt(ours.n)
    return replace(ours, low=ours.mean - half, high=ours.mean + half)


def _our_rows(entry: Published, method: str, metrics: pd.DataFrame) -> pd.DataFrame:
    """Our rows that answer ``entry``: Inception's distance if there is one, the largest sample count."""
    chosen = metrics[
        (metrics["dataset"] == entry.dataset)
        & (metrics["method"] == method)
        & (metrics["subject"] == entry.subject)
        & metrics["value"].notna()
    ]
    if entry.metric == "fid":
        names = [n for n in chosen["metric"].unique() if n.startswith("fid_") and not n.endswith(NO_EXTRACTOR)]
        name = "fid_inception" if "fid_inception" in names else min(names, default="")
    else:
        name = entry.metric
    chosen = chosen[chosen["metric"] == name]
    if chosen.empty:
        return chosen
    chosen = chosen[chosen["samples"] == chosen["samples"].max()]
    return chosen[chosen["reference"] == chosen["reference"].iloc[0]]


def _outcome(entry: Published, ours: Interval, differs: list[Difference]) -> Outcome:
    if entry.standing == Standing.RECALLED:
        return Outcome.NONE
    if differs or not math.isfinite(ours.mean):
        return Outcome.NOT_COMPARABLE
    low = ours.mean if ours.low is None else ours.low
    high = ours.mean if ours.high is None else ours.high
    if entry.value - entry.tolerance <= low and high <= entry.value + entry.tolerance:
        return Outcome.REPRODUCED
    outside = high < entry.value - entry.tolerance or entry.value + entry.tolerance < low
    return Outcome.NOT_REPRODUCED if outside else Outcome.UNDECIDED
