"""How long is long enough: what each doubling of the training moves, and the length that the study's plan takes.

python -m benchmarks.lengths FOLDER  # of a pilot: results/pilot_mnist or reports/recorded/pilot_mnist

The rule, its margin and its candidates are those of config/study/README.md, 1.
"""

import argparse
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks import marked
from wae.analysis.results import Results
from wae.core.errors import UserError
from wae.core.exits import in_words

MARGIN = 0.05
CANDIDATES = (4, 8, 16)


@dataclass(frozen=True)
class Change:
    """By what share a score moves from ``epochs`` to twice as many, mean over seeds."""

    method: str
    measure: str
    epochs: int
    share: float


def changes(results: Results, dataset: str) -> list[Change]:
    """Of the ranking distance of prior samples and of the reconstruction error, of each method and kept epoch.

    NaN at a candidate where one of its two scores is missing.
    """
    frame = results.trajectories()
    frame = frame[frame["dataset"] == dataset]
    found = []
    for method in results.methods:
        for measure, subject in ((str(results.distance), "prior"), ("mse", "reconstruction")):
            rows = frame[(frame["method"] == method) & (frame["metric"] == measure) & (frame["subject"] == subject)]
            means = {int(str(epoch)): float(mean) for epoch, mean in rows.groupby("epoch")["value"].mean().items()}
            for epochs in sorted({*CANDIDATES, *(epochs for epochs in means if 2 * epochs in means)}):
                share = means.get(2 * epochs, math.nan) / means.get(epochs, math.nan) - 1.0
                found.append(Change(method, measure, epochs, share))
    return found


def length(found: Iterable[Change]) -> tuple[int, bool]:
    """The smallest candidate from which on no doubling moves a score by more than MARGIN, and whether there is one.

    UserError where a change is not finite: what was not measured may have moved.
    """
    found = list(found)
    for change in found:
        if not math.isfinite(change.share):
            raise UserError(
                f"{change.method} has no finite {change.measure} at {change.epochs} and {2 * change.epochs} epochs, "
                "which the rule needs; let the pilot keep them"
            )
    too_short = max((change.epochs for change in found if abs(change.share) > MARGIN), default=0)
    fitting = [candidate for candidate in CANDIDATES if candidate > too_short]
    return (fitting[0], True) if fitting else (CANDIDATES[-1], False)


def table(results: Results, dataset: str) -> str:
    """The changes of one dataset in Markdown, and the length taken."""
    found = changes(results, dataset)
    epochs = sorted({change.epochs for change in found})
    rows = []
    for method, measure in dict.fromkeys((change.method, change.measure) for change in found):
        shares = {
            change.epochs: change.share for change in found if (change.method, change.measure) == (method, measure)
        }
        cells = [f"{100 * shares[e]:+.1f}%".replace("-", "−") if e in shares else "-" for e in epochs]
        rows.append((results.title(method), measure, *cells))
    taken, met = length(found)
    moved = f"moves a score by more than {100 * MARGIN:.0f}%"
    reason = f"from there on no doubling {moved}" if met else f"at every candidate a doubling {moved}"
    head = (dataset, "measure", *(f"{e} to {2 * e}" for e in epochs))
    return f"{marked.table(head, rows)}\n\nTaken: {taken} epochs ({reason})."


def tables(results: Results) -> str:
    """``table`` of each dataset."""
    return "\n\n".join(table(results, dataset) for dataset in results.datasets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="an experiment's results with trajectories.csv")
    folder = parser.parse_args().folder
    sys.exit(in_words("lengths", lambda: print(tables(Results(folder)))))
