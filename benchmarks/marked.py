"""Generated Markdown between two markers of a file: printed, and put there if the command line asks for it."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, *rows]
    texts = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([texts[0], "|---" * len(head) + "|", *texts[1:]])


def written(text: str, begin: str, end: str, found: str) -> str:
    """``text`` with ``found`` between the markers ``begin`` and ``end``."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{found}\n{end}{after}"


def main(description: str | None, file: Path, begin: str, end: str, found: str) -> None:
    """Print ``found``; with --write put it into ``file``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--write", action="store_true")
    print(found)
    if parser.parse_args().write:
        file.write_text(written(file.read_text(encoding="utf-8"), begin, end, found), encoding="utf-8")
