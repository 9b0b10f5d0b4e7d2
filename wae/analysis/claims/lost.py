"""Seeds that were planned and did not finish: with one of them lost, a cell supports no claim.

Runs do not diverge by chance alone: a verdict on those that survived would say more than was measured.
"""

from collections.abc import Iterable, Sequence

from wae.analysis.claims.verdicts import Evidence, Verdict
from wae.analysis.results import Results


def lost_seeds(results: Results, dataset: str, methods: Iterable[str], seeds: float) -> list[Evidence]:
    """Of ``methods`` those for which ``seeds`` or more were planned and not all finished."""
    found = []
    for method in methods:
        planned, finished = results.started(dataset, method), results.finished(dataset, method)
        if planned >= seeds and finished < planned:
            what, note = f"seeds of {results.title(method)} finished", f"{finished} of {planned}"
            found.append(Evidence(what, finished, dataset, verdict=Verdict.INCONCLUSIVE, note=note))
    return found


def lost_said(lost: Sequence[Evidence]) -> list[str]:
    """A phrase for each."""
    return [f"on {found.dataset} only {found.note} {found.what}" for found in lost]
