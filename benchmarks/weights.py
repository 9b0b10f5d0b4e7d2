"""Which weights the study takes: the winners of a sweep, and whether the full length agrees.

python -m benchmarks.weights FOLDER        # of weights_DATASET: the table, the winners and their neighbours
python -m benchmarks.weights FOLDER FULL   # FULL: of weights_DATASET_full, which tries those at the full length

The rules and the margin are those of config/study/README.md, 2.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence

from benchmarks import marked
from wae.analysis.results import Results
from wae.analysis.rows import TriedWeight
from wae.analysis.tuning import tune
from wae.analysis.words import number
from wae.core.exits import in_words

MARGIN = 0.05
EXTENSION = 2  # values on the side at whose edge the winner is


def winner(tried: Iterable[TriedWeight], short: float | None = None, grid: Sequence[float] = ()) -> TriedWeight | None:
    """The weight taken: the sweep's winner; at the full length the ``short`` runs' winner unless a neighbour is better.

    A neighbour is where its score is less by more than MARGIN; it is taken then, and compared with its own neighbours
    in the same way. ``grid``: all weights of the short runs. None where nothing can be chosen.
    """
    rows = list(tried)
    scores = {row.weight: row.validation for row in rows if row.validation is not None and not row.unfinished}
    if short is None or short not in scores:
        return next((row for row in rows if row.chosen), None)
    taken, weights = short, {*grid, *(row.weight for row in rows)}
    while True:
        best = min((weight for weight in neighbours(weights, taken) if weight in scores), key=scores.__getitem__)
        if scores[best] >= (1.0 - MARGIN) * scores[taken]:
            return next(row for row in rows if row.weight == taken)
        taken = best


def neighbours(weights: Iterable[float], taken: float) -> list[float]:
    """``taken`` and the tried weights next to it."""
    ordered = sorted(weights)
    place = ordered.index(taken)
    return ordered[max(place - 1, 0) : place + 2]


def further(weights: Iterable[float], taken: float) -> list[float]:
    """The weights to try besides where ``taken`` is at an edge: each ten times, or a tenth of, the last but one.

    None where a single weight was tried, which tells no direction.
    """
    ordered = sorted(weights)
    if len(ordered) < 2:
        return []
    for values, factor in ((ordered, 10.0), (ordered[::-1], 0.1)):
        if taken == values[-1]:
            grown = list(values)
            for _ in range(EXTENSION):
                grown.append(float(f"{factor * grown[-2]:.6g}"))
            return sorted(grown[-EXTENSION:])
    return []


def chosen(tried: Sequence[TriedWeight], short: Sequence[TriedWeight] = ()) -> dict[str, float]:
    """By method: the weight taken of those ``tried`` on one dataset.

    ``short``: the short runs, where ``tried`` had the full length.
    """
    won, found = chosen(short) if short else {}, {}
    for method in dict.fromkeys(row.method for row in tried):
        own = [row for row in tried if row.method == method]
        taken = winner(own, won.get(method), grid(short, method))
        if taken is not None:
            found[method] = taken.weight
    return found


def grid(tried: Sequence[TriedWeight], method: str) -> list[float]:
    """The weights that were tried of one method."""
    return [row.weight for row in tried if row.method == method]


def table(results: Results, tried: Sequence[TriedWeight]) -> str:
    """Scores of all weights in Markdown."""
    return marked.table(
        ("method", "weight", "distance on validation images", "seeds"),
        [(results.title(row.method), f"{row.weight:g}", number(row.validation), f"{row.seeds}") for row in tried],
    )


def wide(results: Results) -> str:
    """The same in Markdown with a column for each weight; what is taken is bold."""
    tried = tune(results).tried
    taken, columns = chosen(tried), sorted({row.weight for row in tried})
    rows = []
    for method in taken:
        scores = {row.weight: number(row.validation) for row in tried if row.method == method}
        scores[taken[method]] = f"**{scores[taken[method]]}**"
        rows.append((results.title(method), *(scores.get(weight, "-") for weight in columns)))
    return marked.table(("weight", *(f"{weight:g}" for weight in columns)), rows)


def main(folder: str, full: str | None) -> str:
    """What the command prints: scores, then what is taken of each method and what to try next."""
    results = Results(folder)
    short = tune(results).tried
    last = tune(Results(full)).tried if full else short
    lines = [table(results, last), ""]
    for method, weight in chosen(last, short if full else ()).items():
        tried = grid(last, method) if full else []
        weights = {*grid(short, method), *tried}
        more, where = further(weights, weight), ""
        if full or not more:
            more = [w for w in (*more, *neighbours(weights, weight)) if w not in tried]
            where = " at the full length"
        said = f"; try {', '.join(f'{w:g}' for w in more)}{where}" if more else ""
        lines.append(f"{results.title(method)}: {weight:g}{said}")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="results of weights_DATASET")
    parser.add_argument("full", nargs="?", help="results of weights_DATASET_full")
    arguments = vars(parser.parse_args())
    sys.exit(in_words("weights", lambda: print(main(**arguments))))
