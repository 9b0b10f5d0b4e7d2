"""The README's table of published results reproduced, from reports/recorded/reproductions/*/published.json.

python -m benchmarks.reproductions          # prints the table
python -m benchmarks.reproductions --write  # and puts it into README.md, between its two markers

Further seeds of a config, run as experiments NAME_2 to NAME_9, are compared together with those of NAME.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import marked
from benchmarks.parts import Parts
from wae.analysis.published.comparison import EPOCH, compare_file
from wae.core.files import read_json

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "reports/recorded/reproductions"
LEDGER = ROOT / "config/anchors.yaml"
BEGIN, END = "<!-- reproductions: python -m benchmarks.reproductions --write -->", "<!-- end -->"
FURTHER = re.compile(r"_[2-9]$")  # ends an experiment that has further seeds of the config before it
STANDINGS = {"read": "", "secondary": ", second hand", "recalled": ", recalled"}
WORDS = {
    "mnist": "MNIST",
    "pca": "principal components",
    "vae": "VAE",
    "aae": "AAE",
    "real_data": "real images",
    "sse": "squared error per image",
    "parzen": "Parzen log-likelihood",
    "nll_iw": "negative log-likelihood",
    "training_reconstruction": "reconstruction in training",
    "training_penalty": "KL divergence in training",
}  # of a method, dataset or score; others are called what the config calls them
HEAD = ("published result and config", "epoch", "theirs ± tolerance", "ours", "runs", "below theirs", "verdict")


def table(recorded: Path) -> str:
    """A row in Markdown for each published number that a recorded reproduction measured under its protocol.

    The epochs of one log are one row. Those that answer the same numbers under several configs stand together; recalled
    numbers come last.
    """
    logs: dict[tuple[bool, str, str, str], list[dict[str, Any]]] = {}
    for config, folders in experiments(recorded).items():
        for row in compared(folders):
            if row["ours"] is not None and row["outcome"] != "not comparable":
                words = (row["method"], row["dataset"], EPOCH.sub("", row["metric"]))
                title = f"{row['source']}: {', '.join(WORDS.get(word, word) for word in words)}"
                key = (row["standing"] == "recalled", title, config, row["standing"])
                logs.setdefault(key, []).append(row)
    lines: list[tuple[str, ...]] = []
    above = None
    for key in sorted(logs):
        _, title, config, _ = key
        lines.append((f"{'the same' if key[:2] == above else title}<br>`{config}`", *line(logs[key])))
        above = key[:2]
    return marked.table(HEAD, lines)


def experiments(recorded: Path) -> dict[str, list[Path]]:
    """The folders that hold published numbers beside ours, by the config that their seeds are of."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(path.parent for path in recorded.glob("*/published.json")):
        found.setdefault(FURTHER.sub("", folder.name), []).append(folder)
    return found


def compared(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Published numbers beside ours: as recorded in one folder, or compared again over the seeds of several."""
    if len(folders) == 1:
        return list(read_json(folders[0] / "published.json", "rows")["rows"])
    return [asdict(row) for row in compare_file(Parts(folders), LEDGER).rows]


def line(rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """The cells of published numbers beside ours: our mean over runs and its 95% interval where there are several."""
    first = rows[0]
    epochs = [EPOCH.search(row["metric"]) for row in rows]
    return (
        _joined("-" if epoch is None else epoch[1] for epoch in epochs),
        _joined(f"{row['published']:g} ± {row['tolerance']:g}" for row in rows) + STANDINGS[first["standing"]],
        _joined(map(_ours, rows)),
        str(first["seeds"]),
        _joined("-" if row.get("below") is None else str(row["below"]) for row in rows),
        _joined(row["outcome"] or "none: recalled" for row in rows),
    )


def _joined(cells: Iterable[str]) -> str:
    """One line for each epoch; none is broken, so that those of all columns stand side by side."""
    return "<br>".join(cell.replace(" ", "&nbsp;") for cell in cells)


def _ours(row: dict[str, Any]) -> str:
    """Our mean with its interval, to the digits that the number was published with."""
    digits = 4 if EPOCH.search(row["metric"]) else 5
    ours = f"{row['ours']:.{digits}g}"
    if row["low"] is not None and row["high"] is not None:
        ours += f" [{row['low']:.{digits}g}, {row['high']:.{digits}g}]"
    return ours


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "README.md", lambda: [(BEGIN, END, table(RECORDED))])
