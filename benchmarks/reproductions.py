"""The README's table of published results reproduced, from reports/recorded/reproductions/*/published.json.

python benchmarks/reproductions.py          # prints the table
python benchmarks/reproductions.py --write  # and puts it into README.md, between its two markers
"""

import argparse
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded/reproductions"
BEGIN, END = "<!-- reproductions: python benchmarks/reproductions.py --write -->", "<!-- end -->"
STANDINGS = {"read": "", "secondary": ", second hand", "recalled": ", recalled"}
HEAD = "| published result | theirs | tolerance | ours | runs | verdict | config |\n|---|---|---|---|---|---|---|"


def table(recorded: Path) -> str:
    """A row in Markdown for each published number that a recorded reproduction measured."""
    rows = [
        line(row, folder.name)
        for folder in sorted(path.parent for path in recorded.glob("*/published.json"))
        for row in json.loads((folder / "published.json").read_text(encoding="utf-8"))["rows"]
        if row["ours"] is not None
    ]
    return "\n".join([HEAD, *rows])


def line(row: dict[str, Any], config: str) -> str:
    """One published number beside ours: our mean over runs and its 95% interval where there are several."""
    ours = f"{row['ours']:.5g}"
    if row["low"] is not None and row["high"] is not None:
        ours += f" [{row['low']:.5g}, {row['high']:.5g}]"
    cells = (
        f"{row['source']}: {row['method']}, {row['dataset']}, {row['metric']}",
        f"{row['published']:g}{STANDINGS[row['standing']]}",
        f"{row['tolerance']:g}",
        ours,
        str(row["seeds"]),
        row["outcome"] or "none: recalled",
        f"`config/reproductions/{config}.yaml`",
    )
    return f"| {' | '.join(cells)} |"


def written(readme: str, found: str) -> str:
    """The text of README.md with ``found`` between the markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{found}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    found = table(RECORDED)
    print(found)
    if parser.parse_args().write:
        readme = ROOT / "README.md"
        readme.write_text(written(readme.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
