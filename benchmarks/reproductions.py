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
ORDER = ("reproduced", "not reproduced", "undecided", "")
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
HEAD = ("published result", "theirs", "tolerance", "ours", "runs", "below theirs", "verdict", "config")


def table(recorded: Path) -> str:
    """A row in Markdown for each published number that a recorded reproduction measured under its protocol.

    The epochs of one log are one row. What is decided comes first.
    """
    lines: list[tuple[str, tuple[str, ...]]] = []
    for config, folders in experiments(recorded).items():
        logs: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in compared(folders):
            if row["ours"] is not None and row["outcome"] != "not comparable":
                key = (row["source"], row["method"], row["dataset"], EPOCH.sub("", row["metric"]))
                logs.setdefault(key, []).append(row)
        lines += [(found[0]["outcome"], line(found, config)) for found in logs.values()]
    lines.sort(key=lambda pair: ORDER.index(pair[0]))
    return marked.table(HEAD, [cells for _, cells in lines])


def experiments(recorded: Path) -> dict[str, list[Path]]:
    """The folders that hold published numbers beside ours, by the config that their seeds are of."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(path.parent for path in recorded.glob("*/published.json")):
        name = read_json(folder / "manifest.json", "config")["config"]["experiment"]
        found.setdefault(FURTHER.sub("", name), []).append(folder)
    return found


def compared(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Published numbers beside ours: as recorded in one folder, or compared again over the seeds of several."""
    if len(folders) == 1:
        return list(read_json(folders[0] / "published.json", "rows")["rows"])
    return [asdict(row) for row in compare_file(Parts(folders), LEDGER).rows]


def line(rows: Sequence[dict[str, Any]], config: str) -> tuple[str, ...]:
    """The cells of published numbers beside ours: our mean over runs and its 95% interval where there are several."""
    first = rows[0]
    metric = EPOCH.sub("", first["metric"])
    if epochs := [found[1] for row in rows if (found := EPOCH.search(row["metric"]))]:
        metric = f"{WORDS.get(metric, metric)}, {'epochs' if len(epochs) > 1 else 'epoch'} {', '.join(epochs)}"
    outcomes = [row["outcome"] or "none: recalled" for row in rows]
    verdict = "; ".join(f"{outcome} ({outcomes.count(outcome)})" for outcome in dict.fromkeys(outcomes))
    what = ", ".join(WORDS.get(word, word) for word in (first["method"], first["dataset"], metric))
    return (
        f"{first['source']}: {what}",
        _joined(f"{row['published']:g}{STANDINGS[row['standing']]}" for row in rows),
        _joined(f"{row['tolerance']:g}" for row in rows),
        _joined(map(_ours, rows)),
        str(first["seeds"]),
        _joined("-" if row.get("below") is None else str(row["below"]) for row in rows),
        verdict if len(rows) > 1 else outcomes[0],
        f"`config/reproductions/{config}.yaml`",
    )


def _joined(cells: Iterable[str]) -> str:
    return "<br>".join(cells)


def _ours(row: dict[str, Any]) -> str:
    """Our mean with its interval, to the digits that the number was published with."""
    digits = 4 if EPOCH.search(row["metric"]) else 5
    ours = f"{row['ours']:.{digits}g}"
    if row["low"] is not None and row["high"] is not None:
        ours += f" [{row['low']:.{digits}g}, {row['high']:.{digits}g}]"
    return ours


if __name__ == "__main__":
    marked.main(__doc__, ROOT / "README.md", lambda: [(BEGIN, END, table(RECORDED))])
