"""The README's table of published results reproduced, from reports/recorded/reproductions/*/published.json.

python -m benchmarks.reproductions          # prints the table
python -m benchmarks.reproductions --write  # and puts it into README.md, between its two markers
"""

import json
from pathlib import Path
from typing import Any

from benchmarks import marked

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded/reproductions"
BEGIN, END = "<!-- reproductions: python -m benchmarks.reproductions --write -->", "<!-- end -->"
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


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "README.md", BEGIN, END, table(RECORDED))
