"""Which variants of a method belong to the sweep of a setting: one at each value, with a weight tuned for it or not."""

from collections.abc import Sequence

from wae.analysis.experiment import Experiment
from wae.analysis.runs import varied

WEIGHT = "lambda_"  # may be another at each value: tuned for it


def one_per_value(results: Experiment, dataset: str, key: str, methods: Sequence[str]) -> dict[str, str]:
    """By value of ``key``: its method, of those that differ in nothing else but the weight.

    Where several weights were trained at a value, it is the one whose weight is the config's own; without that one
    the value is left out, as choosing by these scores would be tuning on what is judged.
    """
    found: dict[str, list[str]] = {}
    for method in methods:
        found.setdefault(str(results.settings(dataset, method).get(key)), []).append(method)
    tuned = {}
    for value, candidates in found.items():
        own = [method for method in candidates if WEIGHT not in varied(method)]
        if own or len(candidates) == 1:
            tuned[value] = (own or candidates)[0]
    return tuned
