"""Methods that a claim compares with each other: of one dataset, with equal settings, each at one weight."""

from collections.abc import Sequence
from dataclasses import dataclass

from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.sweeps import but_for_the_weight, one_weight
from wae.analysis.words import settings_said


@dataclass(frozen=True)
class Alike:
    """One cell of a comparison. ``settings``: what its variants set, in words ("d_z = 32"), "" for plain methods;
    ``methods``: by the plain name, the method or variant that stands for it here.
    """

    dataset: str
    settings: str
    methods: dict[str, str]

    @property
    def where(self) -> str:
        """The cell in words, which no other cell shares."""
        return f"{self.dataset} at {self.settings}" if self.settings else self.dataset


def alike(results: Results, names: Sequence[str]) -> list[Alike]:
    """The cells of all datasets that have every one of the methods ``names``, finished or not.

    Each method at one weight: the config's own or, where its variants of the cell name others, the only one; a cell
    with several such is left out (``wae.analysis.sweeps.one_weight``). "vae" is the one of beta = 1.
    """
    found = []
    for dataset in results.datasets:
        groups: dict[tuple[tuple[str, str], ...], dict[str, list[str]]] = {}
        for method in results.methods:
            name = base_method(method)
            if results.started(dataset, method) and (name != "vae" or is_elbo(results, dataset, method)):
                groups.setdefault(but_for_the_weight(method), {}).setdefault(name, []).append(method)
        for settings, group in groups.items():
            chosen = {name: one for name in names if (one := one_weight(group.get(name, []))) is not None}
            if len(chosen) == len(names):
                found.append(Alike(dataset, settings_said(dict(settings)), chosen))
    return found


def is_elbo(results: Results, dataset: str, method: str = "vae") -> bool:
    """Whether what a config calls "vae" has beta = 1, as it must to count as the VAE."""
    return bool(results.settings(dataset, method).get("lambda_", 1.0) == 1.0)
