"""What each metric of an experiment is: title, unit, which way is better, definition.

All of it is declared on the functions that measure (wae/evaluation/metric.py) and written beside each run's scores.
``collect`` gathers it into metric_facts.json, which is read here with the scores, before anything is shown.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wae.core.errors import UserError, one_line
from wae.core.files import read_json, write_json
from wae.evaluation.metric import Metric, as_document, from_document

__all__ = ["METRICS", "Metric", "describe", "gather", "learn"]

METRICS: dict[str, Metric] = {}  # of the experiments that this process has read, in the order of a table's columns


def describe(name: str) -> Metric | None:
    """The metric of a name; None for one that no run of an experiment read so far declared."""
    return METRICS.get(name)


def gather(documents: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write the facts in metrics.json and reference.json documents to ``path``, each metric once."""
    known: dict[str, Metric] = {}
    for entries in sorted((document.get("metrics", []) for document in documents), key=len, reverse=True):
        known |= {name: found for name, found in from_document(entries).items() if name not in known}
    write_json(path, as_document(known))


def learn(path: Path) -> None:
    """Read the facts at ``path`` into METRICS; nothing where there is no such file."""
    if path.exists():
        try:
            METRICS.update(from_document(read_json(path)))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise UserError(f"{path}: not facts of metrics ({one_line(error)}); delete it and collect again") from error
