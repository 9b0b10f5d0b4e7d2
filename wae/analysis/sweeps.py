"""Which variants of a method belong to the sweep of a setting: one at each value, with a weight tuned for it or not."""

from collections.abc import Iterable, Sequence

from wae.analysis.experiment import Experiment
from wae.analysis.runs import varied

WEIGHT = "lambda_"  # may be another at each value: tuned for it


def one_weight(candidates: Sequence[str]) -> str | None:
    """Of variants of a method that differ in nothing but the weight: the one of the config's own, or the only one.

    None where there are several others: to choose by their scores would be to tune on what is judged.
    """
    own = [method for method in candidates if WEIGHT not in varied(method)]
    return (own or candidates)[0] if own or len(candidates) == 1 else None


def but_for_the_weight(method: str) -> tuple[tuple[str, str], ...]:
    """What a variant's name sets beside the weight, in order of the names: the same for variants that are alike."""
    return tuple(sorted((key, value) for key, value in varied(method).items() if key != WEIGHT))


def one_of_each(methods: Iterable[str]) -> list[str]:
    """Of variants of one method, one weight of each combination of other settings, by ``one_weight``."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for method in methods:
        groups.setdefault(but_for_the_weight(method), []).append(method)
    return [chosen for group in groups.values() if (chosen := one_weight(group)) is not None]


def one_per_value(results: Experiment, dataset: str, key: str, methods: Sequence[str]) -> dict[str, str]:
    """By value of ``key``: its method, of those that differ in nothing else but the weight, by ``one_weight``.

    A value without such a method is left out.
    """
    found: dict[str, list[str]] = {}
    for method in methods:
        found.setdefault(str(results.settings(dataset, method).get(key)), []).append(method)
    return {value: chosen for value, group in found.items() if (chosen := one_weight(group)) is not None}
