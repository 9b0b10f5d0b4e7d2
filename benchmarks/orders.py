"""The order of an experiment's methods by each measure that it compares them in, for docs/results.md."""

import math

from benchmarks import marked
from wae.analysis.files import CONTRASTS
from wae.analysis.results import Results
from wae.analysis.scores import one_score
from wae.analysis.words import SUBJECTS, about, in_words


def table(results: Results) -> str:
    """A row for each dataset and measure, in Markdown: methods from best to worst mean, and pairs not told apart."""
    pairs: dict[tuple[str, str, str], list[str]] = {}
    for found in results.read(CONTRASTS):
        if found.comparison.p_holm is None:
            continue
        untold = pairs.setdefault((found.dataset, found.metric, found.subject), [])
        if not (found.comparison.lower or found.comparison.higher):
            untold.append(f"{results.title(found.comparison.first)} and {results.title(found.comparison.second)}")
    rows = []
    for (dataset, metric, subject), untold in pairs.items():
        measure = f"{dataset}, {in_words(metric)} of {SUBJECTS[subject]}"
        rows.append((measure, order(results, dataset, metric, subject), "; ".join(untold) or "-"))
    return marked.table(("", "from best to worst", "not told apart"), rows)


def order(results: Results, dataset: str, metric: str, subject: str) -> str:
    """The main methods from best to worst mean over seeds, by commas; those without a finite mean are left out."""
    sign = -1.0 if about(metric).better == "higher" else 1.0
    means = {}
    for method in results.main_methods:
        found = one_score(results, dataset, method, metric, subject)
        if found is not None and math.isfinite(found.mean):
            means[results.title(method)] = sign * found.mean
    return ", ".join(sorted(means, key=lambda title: means[title]))
