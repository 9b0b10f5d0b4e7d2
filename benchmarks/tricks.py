"""What the prior trick's forms do to codes and samples: the table in docs/faithfulness.md.

python -m benchmarks.tricks          # prints the table
python -m benchmarks.tricks --write  # and puts it into that file, between its two markers
"""

from pathlib import Path

from benchmarks import marked
from wae.analysis.results import Results
from wae.analysis.statistics import compare, together
from wae.analysis.words import number, spread

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded/prior_trick"
BEGIN, END = "<!-- tricks: python -m benchmarks.tricks --write -->", "<!-- end of tricks -->"
FORMS = {"wae_gan": "no trick", "trick_intended": "as intended", "trick_authors": "as in the authors' code"}
MEASURES = {  # metric, subject: title, positive by definition
    ("latent_sw2_debiased", "codes"): ("sliced distance of codes to the prior, debiased", False),
    ("latent_sd_ratio_min", "codes"): ("narrowest dimension of codes: standard deviation over the prior's", True),
    ("latent_sd_ratio_max", "codes"): ("widest dimension of codes: standard deviation over the prior's", True),
    ("fid_classifier", "prior"): ("Fréchet distance of prior samples", True),
    ("fid_classifier", "mixture"): ("Fréchet distance of the mixture's samples", True),
    ("mse", "reconstruction"): ("mean squared error of reconstructions", True),
}


def table(folder: Path = RECORDED) -> str:
    """Means over seeds with 95% intervals, and Welch's tests of each pair of forms, Holm over all, in Markdown."""
    results = Results(folder)
    dataset = results.datasets[0]
    values = {
        key: {form: results.seed_values(dataset, form, *key) for form in FORMS} for key in MEASURES
    }  # by measure and form, one number per seed
    pairs = [("trick_intended", "wae_gan"), ("trick_authors", "wae_gan"), ("trick_authors", "trick_intended")]
    tests = together(
        [c for key, (_, positive) in MEASURES.items() for c in compare(values[key], pairs=pairs, ratio=positive)]
    )
    head = ("", *FORMS.values(), "p: intended, no trick", "p: authors', no trick", "p: authors', intended")
    rows = []
    for place, (key, (title, _)) in enumerate(MEASURES.items()):
        intervals = [results.interval(values[key][form], key[0]) for form in FORMS]
        cells = [number(found.mean, 3) + spread(found.low, found.high, 3) for found in intervals]
        found = tests[3 * place : 3 * place + 3]
        rows.append((title, *cells, *(number(c.p_holm, 2) for c in found)))
    return marked.table(head, rows)


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "docs/faithfulness.md", lambda: [(BEGIN, END, table())])
