"""The table of verdicts in README.md: each claim judged once over every experiment in reports/recorded.

python -m benchmarks.verdicts          # prints the table
python -m benchmarks.verdicts --write  # and puts it into that file, between its two markers
"""

from pathlib import Path

from benchmarks import marked
from wae.analysis.claims.judging import judge_folders
from wae.report.tables.claim_tables import summary

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded"
BEGIN, END = "<!-- verdicts: python -m benchmarks.verdicts --write -->", "<!-- end of verdicts -->"


def table() -> str:
    """The verdicts over all recorded experiments, in Markdown."""
    return "\n".join(summary(judge_folders([RECORDED], ROOT / "config/claims.yaml")))


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "README.md", lambda: [(BEGIN, END, table())])
