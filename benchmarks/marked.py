"""Generated Markdown between two markers of a file: printed, and put there if the command line asks for it."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (head, *rows)]
    texts = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([texts[0], "|---" * len(head) + "|", *texts[1:]])


def begin(what: str, module: str) -> str:
    """The marker before what ``python -m benchmarks.MODULE --write`` writes of ``what``."""
    return f"<!-- {what}: python -m benchmarks.{module} --write -->"


def written(text: str, begin: str, end: str, found: str) -> str:
    """``text`` with ``found`` between the markers ``begin`` and ``end``."""
    before, marker, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not marker or not last:
        raise ValueError(f"the markers {begin!r} and {end!r} are not in the text")
    return f"{before}{begin}\n{found}\n{end}{after}"


def main(description: str | None, file: Path, blocks: Callable[[], Sequence[tuple[str, str, str]]]) -> None:
    """Print what each of ``blocks()`` (markers before and after, Markdown) holds; with --write put it into ``file``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"put it into {file.name} as well")
    write, made = parser.parse_args().write, blocks()
    print("\n\n".join(found for _, _, found in made))
    if write:
        text = file.read_text(encoding="utf-8")
        for begin, end, found in made:
            text = written(text, begin, end, found)
        file.write_text(text, encoding="utf-8")
