"""How often the seed lottery's intervals hold the truth at ten seeds: the table of docs/measures.md, fewer repeats."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.test_lottery import draw
from wae.analysis.lottery import sd_interval, summed_share, total_effect

PAGE = Path(__file__).resolve().parents[2] / "docs/measures.md"
SEEDS, REPEATS = 10, 500
UNEQUAL = np.array([3.0, 0.5, 0.5, 0.5])


@dataclass(frozen=True)
class Case:
    """A score of ``streams`` streams, the first stream's total effect and the sum of all (shares of ``variance``)."""

    score: Callable[[np.ndarray], np.ndarray]
    share: float
    total: float
    variance: float
    streams: int = 4
    signs: bool = False


def pairs(x: np.ndarray) -> np.ndarray:
    """Sum of the products of two different streams, scaled to the variance 1."""
    return (x.sum(-1) ** 2 - (x**2).sum(-1)) / 2 / math.sqrt(6)


CASES = {  # by the page's words
    "a + b + c + d": Case(lambda x: x.sum(-1), 0.25, 1.0, 4.0),
    "3a + 0.5 (b + c + d)": Case(lambda x: x @ UNEQUAL, 9 / 9.75, 1.0, 9.75),
    "a + bc + 0.5d": Case(lambda x: x[..., 0] + x[..., 1] * x[..., 2] + 0.5 * x[..., 3], 1 / 2.25, 3.25 / 2.25, 2.25),
    "half of the variance from sums, half from products of pairs": Case(
        lambda x: x.sum(-1) / 2 + pairs(x), 0.375, 1.5, 2.0
    ),
    "ab + 0.3 (a + b + c + d)": Case(lambda x: x[..., 0] * x[..., 1] + 0.3 * x.sum(-1), 1.09 / 1.36, 2.36 / 1.36, 1.36),
    # sin of a normal number of variance 16: by E cos(uX) = exp(-u^2 Var(X) / 2)
    "sin 2(a + b + c + d)": Case(
        lambda x: np.sin(2 * x.sum(-1)),
        1 - (math.exp(-4) - math.exp(-28)) / (1 - math.exp(-32)),
        4 * (1 - (math.exp(-4) - math.exp(-28)) / (1 - math.exp(-32))),
        (1 - math.exp(-32)) / 2,
    ),
    "abc, normal": Case(lambda x: x.prod(-1), 1.0, 3.0, 1.0, 3),
    "abc, signs": Case(lambda x: x.prod(-1), 1.0, 3.0, 1.0, 3, signs=True),
}


def stated() -> dict[str, list[list[float]]]:
    """By case the page's numbers, in percent: true sum, coverage of sd, share and sum, interval of the sum."""
    lines = [line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    known = {cells[0].strip(): cells[1:] for cells in lines}
    return {name: [[float(n) for n in re.findall(r"(\d+)%", cell)] for cell in known[name]] for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_the_intervals_hold_the_truth_as_often_as_the_page_says(name: str) -> None:
    case, rng = CASES[name], np.random.default_rng(7)
    held = {"sd": [], "share": [], "sum": []}  # type: dict[str, list[bool]]
    sums = []
    for _ in range(REPEATS):
        scores = draw(rng, SEEDS, case.score, case.streams, case.signs)
        _, low, high = sd_interval(math.sqrt(total_effect(scores[:, :2])), SEEDS)
        held["sd"].append(low <= math.sqrt(case.share * case.variance) <= high)
        for part, table, truth in (("share", scores[:, :2], case.share), ("sum", scores, case.total)):
            _, lower, upper = summed_share(table)
            if lower is not None and upper is not None:
                held[part].append(lower <= truth <= upper)
                sums += [(lower, upper)] if part == "sum" else []
    total, *coverages, interval = stated()[name]
    assert total == [round(100 * case.total)]
    for part, found in zip(("sd", "share", "sum"), coverages, strict=True):
        error = math.sqrt(found[0] / 100 * (1 - found[0] / 100) / REPEATS)
        assert found[0] / 100 - 4 * error <= np.mean(held[part]) <= found[-1] / 100 + 4 * error, part
    assert np.median(sums, axis=0) == pytest.approx(np.array(interval) / 100, rel=0.25)
