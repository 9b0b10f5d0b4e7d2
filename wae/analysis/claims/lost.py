"""Seeds that were planned and did not finish: they leave open a claim about all cells.

One judged on those that survived would say more than was measured.
"""

from collections.abc import Iterable, Sequence

from wae.analysis.claims.verdicts import Evidence, Verdict
from wae.analysis.results import Results


def lost_seeds(results: Results, dataset: str, methods: Iterable[str], seeds: float) -> list[Evidence]:
    """Of ``methods`` those for which ``seeds`` or more were planned and fewer finished."""
    found = []
    for method in methods:
        planned, finished = results.started(dataset, method), results.finished(dataset, method)
        if planned >= seeds > finished:
            what, note = f"finished seeds of {results.title(method)}", f"{finished} of {planned} seeds"
            found.append(Evidence(what, finished, dataset, verdict=Verdict.INCONCLUSIVE, note=note))
    return found


def lost_said(lost: Sequence[Evidence]) -> list[str]:
    """A phrase for each."""
    return [f"on {found.dataset} too few {found.what} ({found.note})" for found in lost]
