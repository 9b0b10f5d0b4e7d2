"""The table of verdicts in reports/recorded/README.md: each claim judged once over every experiment there.

python -m benchmarks.verdicts          # prints the table
python -m benchmarks.verdicts --write  # and puts it into that file, between its two markers
"""

import argparse
from pathlib import Path

from wae.analysis.claims.judging import judge_folders
from wae.report.tables.claim_tables import summary

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded"
BEGIN, END = "<!-- verdicts: python -m benchmarks.verdicts --write -->", "<!-- end of verdicts -->"


def table() -> str:
    """The verdicts over all recorded experiments, in Markdown."""
    return "\n".join(summary(judge_folders([RECORDED], ROOT / "config/claims.yaml")))


def written(readme: str, found: str) -> str:
    """The text of the file with ``found`` between the markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{found}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    found = table()
    print(found)
    if parser.parse_args().write:
        readme = RECORDED / "README.md"
        readme.write_text(written(readme.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
