"""Two folders of results against each other: which scores differ beyond the noise of training again.

Equal seeds are not paired as such. On another machine or at another commit a run starts from the same weights, but
rounding soon makes another network of it, so that its scores are a new draw: the folders' seeds are independent samples
(Welch). Where both folders scored the very same networks, only evaluation can differ: each network is then its own
control (a t-test of its differences). Same networks are told by a reconstruction error that is equal to the last bit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import pandas as pd

from wae.analysis.results import Results, splits_of
from wae.analysis.runs import REAL_DATA
from wae.analysis.statistics import MIN_SEEDS, Comparison, Interval, against, compare, score_interval, together
from wae.analysis.words import HIDDEN, about

NETWORKS = (("sse", "reconstruction"), ("mse", "reconstruction"))  # scores that equal networks have in common
Key = tuple[str, str, str, str, str]  # dataset, method, metric, subject, reference


class Outcome(Enum):
    """What is said of a score in two folders."""

    DIFFERENT = "differs"
    UNDECIDED = "no difference found"
    SAME_BITS = "same bits"
    FEW = "too few seeds"
    COUNTS = "other image counts"
    FIRST = "only in the first"
    SECOND = "only in the second"


@dataclass(frozen=True)
class ScorePair:
    """One score of one method in both folders.

    ``primary``: the measure that ranks the methods. ``samples``: images that it rests on, None where it has no such
    count. ``comparison``: the second folder against the first, with Holm's correction over all primary scores that were
    tested, or over all others; None where it was not tested. ``paired``: of the same networks. ``title``: the method's,
    as a plan of either folder gives it.
    """

    dataset: str
    method: str
    metric: str
    subject: str
    outcome: Outcome
    primary: bool = False
    samples: int | None = None
    first: Interval | None = None
    second: Interval | None = None
    comparison: Comparison | None = None
    paired: bool = False
    title: str = ""


def compare_scores(first: Results, second: Results) -> list[ScorePair]:
    """Every score of either folder against the other's, in the first folder's order of datasets and methods.

    Scores are taken on each folder's own reference split, at the largest image count that both have, averaged over
    draws. Scores with the same bits in every seed are not tested and do not count in the correction.
    """
    scores = _scores(first), _scores(second)
    same = {cell for cell in {key[:2] for key in scores[0]} if _same_networks(cell, *scores)}
    pairs = [_pair(key, scores[0].get(key, {}), scores[1].get(key, {}), key[:2] in same) for key in _ordered(*scores)]
    titles = {method: _title(method, first, second) for method in {pair.method for pair in pairs}}
    pairs = [
        replace(p, primary=(p.metric, p.subject) == (first.distance, "prior"), title=titles[p.method]) for p in pairs
    ]
    for family in (True, False):
        tested = [i for i, p in enumerate(pairs) if p.primary is family and p.comparison is not None]
        corrected = together([c for i in tested if (c := pairs[i].comparison) is not None])
        for i, comparison in zip(tested, corrected, strict=True):
            outcome = Outcome.DIFFERENT if comparison.significant else Outcome.UNDECIDED
            pairs[i] = replace(pairs[i], comparison=comparison, outcome=outcome)
    return pairs


def _title(method: str, *both: Results) -> str:
    """The method's title by the first folder whose plan knows its class, else by its name."""
    return next((results for results in both if results.facts(method)), both[0]).title(method)


def _scores(results: Results) -> dict[Key, dict[int, pd.Series]]:
    """Values by seed, averaged over draws, of each score and image count (0 where there is none)."""
    frame = results.metrics()
    known = frame[
        frame["value"].notna()
        & (frame["method"] != REAL_DATA)
        & frame["reference"].isin([*splits_of(results.reference), ""])
        & ~frame["metric"].str.endswith(HIDDEN)
    ].assign(samples=lambda rows: rows["samples"].fillna(0).astype(int))
    found: dict[Key, dict[int, pd.Series]] = {}
    names = ["dataset", "method", "metric", "subject", "reference", "samples"]
    for group, rows in known.groupby(names, sort=False):
        *words, samples = group
        dataset, method, metric, subject, reference = map(str, words)
        by_seed = rows.groupby("seed")["value"].mean()
        found.setdefault((dataset, method, metric, subject, reference), {})[int(str(samples))] = by_seed
    return found


def _ordered(a: Mapping[Key, object], b: Mapping[Key, object]) -> Iterator[Key]:
    """All keys, by dataset and method as they first appear."""
    cells = dict.fromkeys(key[:2] for key in (*a, *b))
    keys = dict.fromkeys((*a, *b))
    for cell in cells:
        yield from (key for key in keys if key[:2] == cell)


def _same_networks(
    cell: tuple[str, ...], a: dict[Key, dict[int, pd.Series]], b: dict[Key, dict[int, pd.Series]]
) -> bool:
    """Whether every seed that both folders have of a cell has a reconstruction error of the same bits."""
    for key in a.keys() & b.keys():
        if key[:2] == cell and key[2:4] in NETWORKS:
            for samples in a[key].keys() & b[key].keys():
                x, y = a[key][samples].align(b[key][samples], join="inner")
                if len(x) and bool((x == y).all()):
                    return True
    return False


def _pair(key: Key, a: dict[int, pd.Series], b: dict[int, pd.Series], same_networks: bool) -> ScorePair:
    dataset, method, metric, subject, _ = key
    made = ScorePair(dataset, method, metric, subject, Outcome.UNDECIDED)
    if not a or not b:
        return replace(made, outcome=Outcome.SECOND if b else Outcome.FIRST)
    common = a.keys() & b.keys()
    if not common:
        return replace(made, outcome=Outcome.COUNTS)
    samples, what = max(common), about(metric)
    x, y = a[samples], b[samples]
    made = replace(made, samples=samples or None, first=score_interval(x, what), second=score_interval(y, what))
    if x.index.equals(y.index) and bool((x == y).all()):
        return replace(made, outcome=Outcome.SAME_BITS)
    if same_networks:
        x, y = x.align(y, join="inner")
    if min(len(x), len(y)) < MIN_SEEDS:
        return replace(made, outcome=Outcome.FEW)
    ratio = what.positive and bool((x > 0).all() and (y > 0).all())
    if same_networks:
        comparison = against("second", np.asarray(y / x if ratio else y - x), 1.0 if ratio else 0.0, ratio)
    else:
        (comparison,) = compare({"second": y, "first": x}, ratio=ratio)
    return replace(made, comparison=comparison, paired=same_networks)
