"""The code blocks of a Markdown file, and a page's run as one program.

python -m tests.docs.blocks docs/tutorial.md   # runs the page in a new folder and writes what it prints into it
"""

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from wae.cli import main

FENCE = re.compile(r"^( *)(`{3,})(.*)\n((?:.*\n)*?)\1\2$", re.M)


class Block(NamedTuple):
    """A fenced block: what it says it is, its text, and the line where it begins."""

    kind: str
    text: str
    line: int

    @property
    def file(self) -> str:
        """The file that its first line names, ``# my_file.py``; "" for none."""
        found = re.match(r"# (\S+\.(?:py|yaml))\n", self.text)
        return found[1] if found else ""


def blocks(path: Path) -> list[Block]:
    """All fenced blocks of a file, in their order."""
    text = path.read_text(encoding="utf-8")
    return [Block(m[3].strip(), m[4], text.count("\n", 0, m.start()) + 1) for m in FENCE.finditer(text)]


def run_page(path: Path) -> list[tuple[Block, str]]:
    """Run a page's blocks in the working folder, in one namespace; what each python block before an output printed.

    A named yaml block is written to its file; of a bash block the lines ``wae ...`` run that name a file of the page.
    """
    found, names, printed = [], {}, ""  # type: list[tuple[Block, str]], dict[str, Any], str
    files = {block.file for block in blocks(path) if block.file}
    for block in blocks(path):
        if block.kind == "yaml":
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.kind == "bash":
            for line in block.text.splitlines():
                words = shlex.split(line)
                if words[0] == "wae" and words[1] in ("plan", "collect", "analyse") and files & set(words):
                    assert main(words[1:]) == 0, line
        elif block.kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile("\n" * block.line + block.text, str(path), "exec"), names)
            printed = out.getvalue()
        elif block.kind == "text":
            found.append((block, printed))
    return found


def run_aside(page: Path, root: Path) -> list[tuple[Block, str]]:
    """``run_page`` in the working folder, which gets links to the project's configs and recorded results."""
    for name in ("config", "reports"):
        Path(name).symlink_to(root / name)
    return run_page(page)


if __name__ == "__main__":
    here = Path.cwd()
    page = here / sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        outputs = [printed for _, printed in run_aside(page, here)]
        os.chdir(here)
    filled, text = iter(outputs), page.read_text(encoding="utf-8")
    text = re.sub(r"^```text\n.*?^```", lambda _: f"```text\n{next(filled)}```", text, flags=re.M | re.S)
    page.write_text(text, encoding="utf-8")
