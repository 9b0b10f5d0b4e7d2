"""Sentences on the error of the distances: what dominates it, what could have been seen, whether measures agree."""

from collections import Counter
from collections.abc import Sequence

from wae.analysis.files import AGREEMENT, BUDGET
from wae.analysis.results import Results
from wae.analysis.rows import Agreement, BudgetRow, Source
from wae.analysis.words import SUBJECTS, counted, in_words, number
from wae.report.tables.error_tables import condition_title

SOURCES = {  # as the subject of a sentence
    Source.SEED: "training seeds cause most of",
    Source.DRAW: "sample draws cause most of",
    Source.HALF: "the choice of reference images, which all methods share, causes most of",
}


def sentences(results: Results) -> list[str]:
    """What dominates the error, what difference could have been seen, and how far the ranking can be trusted."""
    said = []
    distance = in_words(results.distance)
    for dataset in results.datasets:
        rows = [r for r in results.read(BUDGET) if r.dataset == dataset and r.method in results.main_methods]
        if not rows:
            continue
        sources = Counter(row.dominant for row in rows if row.dominant is not None)
        source = SOURCES[sources.most_common(1)[0][0]] if sources else "nothing was repeated that could show"
        said.append(f"On {dataset} {source} the error of the {distance}{_detectable(results, rows)}.")
        shares = [
            f"{results.title(row.method)} {number(100 * row.variation, 2)}% and {_size(row)}"
            for row in rows
            if row.variation is not None and row.detectable is not None
        ]
        if shares:
            smallest = "factor between" if rows[0].ratio else "difference of"
            said.append(
                f"Coefficient of variation over seeds, and smallest {smallest} two such methods that a corrected "
                f"test finds with 80% power, on {dataset}: {', '.join(shares)}."
            )
        said += [agreement_said(results, a) for a in results.read(AGREEMENT) if a.dataset == dataset]
    return [one for one in said if one]


def _detectable(results: Results, rows: Sequence[BudgetRow]) -> str:
    """What difference a test would find between two methods like the steadiest, and two like the least steady one."""
    found = sorted((row for row in rows if row.detectable is not None), key=lambda row: row.detectable or 0.0)
    if not found:
        return "; too few seeds were run for any test"
    if len(rows) == 1:
        return ""
    ends = found if len(found) == 1 else (found[0], found[-1])
    said = [f"{_size(row)} between two methods that vary like {results.title(row.method)}" for row in ends]
    what = "factor" if ends[0].ratio else "difference"
    return f"; with 80% power a test would find a {what} of {' and of '.join(said)}"


def _size(row: BudgetRow) -> str:
    return number(row.detectable, 3)


def agreement_said(results: Results, found: Agreement) -> str:
    """Whether the measures of prior samples rank the methods alike, which measures contradict the primary one, and how
    far those of other subjects agree; "" for a file of an older version.
    """
    if not found.subjects:
        return ""
    first, *others = found.subjects
    measures = f"{counted(first.measures, 'measure')} of {SUBJECTS[first.subject]}"
    if first.tau is None or first.primary_tau is None:
        said = f"On {found.dataset} only one measure of {SUBJECTS[first.subject]} ranks the methods"
    elif first.same_order:
        ranks = found.rankings[0].ranks
        order = ", ".join(map(results.title, sorted(ranks, key=lambda method: ranks[method])))
        said = f"On {found.dataset} all {measures} rank the methods alike: {order}"
    else:
        said = (
            f"On {found.dataset} the {measures} do not rank the methods alike: mean Kendall's tau "
            f"{number(first.tau, 2)} between two of them, {number(first.primary_tau, 2)} with the primary one"
        )
    if found.reversed_by:
        said += f"; the exact reverse of the primary order by: {', '.join(map(condition_title, found.reversed_by))}"
    further = [
        f"{number(one.tau, 2)} between two of the {one.measures} of {SUBJECTS[one.subject]}"
        for one in others
        if one.tau is not None
    ]
    return f"{said}." + (f" Mean tau {', '.join(further)}." if further else "")
