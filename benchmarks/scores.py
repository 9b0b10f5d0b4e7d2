"""The README's tables of recorded scores.

python -m benchmarks.scores          # prints the tables
python -m benchmarks.scores --write  # and puts them into README.md, each between its two markers
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import marked
from wae.analysis.results import Results
from wae.analysis.runs import base_method, varied
from wae.analysis.scores import limit, one_score
from wae.analysis.sweeps import WEIGHT
from wae.analysis.words import SUBJECTS, in_words, number, spread

ROOT = Path(__file__).resolve().parents[1]
Score = tuple[str, str]  # metric, subject
SHOWN: Mapping[str, Sequence[Score]] = {  # by folder of reports/recorded
    "default": (("fid_classifier", "prior"), ("fid_classifier", "mixture")),
    "main_mnist": (
        *(("fid_classifier", "prior"), ("fid_random", "prior")),
        *(("fid_classifier", "mixture"), ("mse", "reconstruction")),
    ),
    "main_fashion_mnist": (
        *(("fid_classifier", "prior"), ("fid_random", "prior")),
        *(("fid_classifier", "mixture"), ("mse", "reconstruction")),
    ),
}
END = "<!-- end of scores -->"


def table(results: Results, scores: Sequence[Score], variants: bool = False) -> str:
    """A row for each dataset and score, a column for each method, in Markdown: means over seeds, 95% intervals.

    ``variants``: those of a method have columns of their own.
    """
    methods = results.methods if variants else results.main_methods
    rows = []
    for dataset in results.datasets:
        for metric, subject in scores:
            cells = [cell(results, dataset, method, metric, subject) for method in methods]
            real = results.real_value(dataset, metric)
            rows.append((f"{dataset}, {in_words(metric)} of {SUBJECTS[subject]}", *cells, number(real, 2)))
    return marked.table(("", *(_named(results, method) for method in methods), "real images"), rows)


def cell(results: Results, dataset: str, method: str, metric: str, subject: str) -> str:
    """Mean over seeds and 95% interval of a score; "-" where it was not measured."""
    found = one_score(results, dataset, method, metric, subject)
    if found is None:
        return "-"
    return limit(results, found).sign + number(found.mean, 3) + spread(found.low, found.high, 3)


def _named(results: Results, method: str) -> str:
    """A method with its weight, unless its title has it; a VAE's is 1, and one without a penalty has none."""
    weight = results.settings(results.datasets[0], method).get("lambda_", 0.0)
    title = results.title(method)
    if weight == 0.0 or WEIGHT in varied(method) or (base_method(method) == "vae" and weight == 1.0):
        return title
    return f"{title} ({'β' if base_method(method) in ('vae', 'beta_vae') else 'λ'} {weight:g})"


def blocks() -> list[tuple[str, str, str]]:
    """Markers and table of each experiment shown."""
    recorded = ROOT / "reports/recorded"
    return [
        (marked.begin(f"scores of {name}", "scores"), END, table(Results(recorded / name), scores))
        for name, scores in SHOWN.items()
    ]


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "README.md", blocks)
