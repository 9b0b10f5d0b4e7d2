"""Scores by code size and prior, a row for each method with its prior, a column for each size: for docs/results.md."""

from collections.abc import Sequence

from benchmarks import marked
from benchmarks.scores import Score, cell
from wae.analysis.results import Results
from wae.analysis.runs import base_method
from wae.analysis.words import SUBJECTS, in_words


def tables(results: Results, scores: Sequence[Score]) -> str:
    """A table in Markdown for each score of an experiment on one dataset: means over seeds, 95% intervals."""
    (dataset,) = results.datasets
    settings = {method: results.settings(dataset, method) for method in results.methods}
    sizes = sorted({int(found["latent_dim"]) for found in settings.values()})
    cells = {
        (base_method(method), str(found["prior"]), int(found["latent_dim"])): method
        for method, found in settings.items()
    }
    rows = dict.fromkeys((base, prior) for base, prior, _ in sorted(cells, key=lambda cell: cell[1] != "normal"))
    order = list(dict.fromkeys(map(base_method, results.methods)))
    parts = []
    for metric, subject in scores:
        lines = [
            (
                results.title(base) if prior == "normal" else f"{results.title(base)}, {prior} prior",
                *(
                    cell(results, dataset, cells[base, prior, size], metric, subject)
                    if (base, prior, size) in cells
                    else "-"
                    for size in sizes
                ),
            )
            for base, prior in sorted(rows, key=lambda row: order.index(row[0]))
        ]
        head = f"{in_words(metric)} of {SUBJECTS[subject]}"
        parts.append(marked.table((head, *(f"d_z = {size}" for size in sizes)), lines))
    return "\n\n".join(parts)
