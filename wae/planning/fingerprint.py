"""What a stage's numbers depend on: the source text it imports, read without running any of it.

Snakemake does not see an edit to an imported module. So every job carries the digest of the modules that its stage
imports, directly or not; a change of code reruns what depends on it and nothing else. Comments, docstrings and layout
are left out of the digest, and so are installed packages.

Parsing a hundred files takes most of a second of every start of the workflow, so what was found is kept by content.
"""

import ast
import contextlib
import functools
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from wae.core.errors import UserError
from wae.core.files import sha256_file, write_json
from wae.core.plugins import OWN, ROOT, plugin_versions, source_file

# The values of settings reach each job's digest by themselves; how they are checked decides no number, nor does
# how a job keeps others out of its folder.
_WITHOUT_NUMBERS = {ROOT / f"wae/core/{name}.py" for name in ("errors", "locks", "layout", "plugins")}
_SETTINGS = ROOT / "wae/core/settings"
_FRONT = ROOT / "wae/__init__.py"  # imports names when they are used, and has the version: decides no number

KEPT = Path(".snakemake/wae-sources.json")  # scans by content, of the workflows that ran in this folder


class Scan(NamedTuple):
    """What a source file imports, and a digest of its code.

    ``imports``: names of modules, or of names in them; a relative one begins with a dot per level.
    """

    imports: tuple[str, ...]
    code: str


@functools.cache
def find_module(name: str) -> Path | None:
    """The source file of a module of the project or of the user's own; None for all others."""
    return source_file(name)


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid Python ({error}); correct it") from error


def _imports(tree: ast.Module) -> tuple[str, ...]:
    names: set[str] = set()
    for node in _running(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if node.module:
                names.add(module)
            dot = "." if node.module else ""
            names.update(f"{module}{dot}{alias.name}" for alias in node.names)
    return tuple(sorted(names))


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes below ``tree``, without what only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting: list[ast.AST] = list(node.orelse)
        else:
            waiting = [node]
        for part in waiting:
            yield part
            yield from _running(part)


def absolute(name: str, module: str, path: Path) -> str:
    """``name``, as ``module`` (in the file ``path``) imports it, without leading dots."""
    level = len(name) - len(name.lstrip("."))
    if level == 0:
        return name
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    return ".".join([*package[: len(package) - level + 1], name[level:]])


def closure(modules: Iterable[str]) -> list[Path]:
    """The project's source files that ``modules`` import, directly or not, themselves included; sorted."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = find_module(module)
        if path is None or path in found or path == _FRONT:
            continue
        found.add(path)
        parents = module.split(".")[:-1]  # Python runs the __init__ of every package above
        waiting.extend(".".join(parents[: i + 1]) for i in range(len(parents)))
        waiting.extend(absolute(name, module, path) for name in scan(path).imports)
    return sorted(found)


def own_sources(modules: Iterable[str]) -> dict[Path, str]:
    """The sha256 of the source files that ``modules`` import and that are not this suite's, but the user's own."""
    files = closure({name.partition(":")[0] for name in modules if ":" in name})
    return {path: sha256_file(path) for path in files if not any(path.is_relative_to(ROOT / top) for top in OWN)}


def own_code(modules: Iterable[str]) -> dict[str, str]:
    """``own_sources`` as records name them: by path from the working folder or the checkout, else by name."""
    places = [Path.cwd().resolve(), ROOT]
    return {
        next((path.relative_to(base).as_posix() for base in places if path.is_relative_to(base)), path.name): found
        for path, found in own_sources(modules).items()
    }


def _code_text(tree: ast.Module) -> str:
    """The tree as text, without docstrings, which this takes out of it; nobody else looks at them."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body.pop(0)
    return ast.dump(tree)


@functools.cache
def scan(path: Path) -> Scan:
    """What ``path`` imports and a digest of its code; UserError if it is not valid Python."""
    key = f"{_scanner()} {sha256_file(path)}"
    if key not in _kept():
        tree = _parse(path)
        _kept()[key] = Scan(_imports(tree), hashlib.sha256(_code_text(tree).encode()).hexdigest())
    return _kept()[key]


@functools.cache
def _scanner() -> str:
    """What decides a scan beside the file: this module, and Python's version, whose trees the texts are of."""
    return f"python {sys.version_info[0]}.{sys.version_info[1]} {sha256_file(Path(__file__))}"


@functools.cache
def _kept() -> dict[str, Scan]:
    """Scans by the content of the file; those of former processes first, where they can be read."""
    try:
        known = json.loads(KEPT.read_text(encoding="utf-8"))
        return {key: Scan(tuple(imports), str(code)) for key, (imports, code) in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or not readable: all is scanned again
        return {}


def _keep(known: int) -> None:
    """Write the scans down for the next process if there are more than ``known``; only beside a workflow's state."""
    if len(_kept()) == known or not KEPT.parent.is_dir():
        return
    with contextlib.suppress(OSError):  # a folder that cannot be written costs time only
        write_json(KEPT, _kept())


@functools.cache
def code_digest(*modules: str) -> str:
    """Sixteen hex digits that change when code that ``modules`` depend on changes (not its comments)."""
    total, known = hashlib.sha256(), len(_kept())
    sources = closure(modules)
    for path in sources:
        if path in _WITHOUT_NUMBERS or _SETTINGS in path.parents:
            continue
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(path.name)
        total.update(f"{name}\n{scan(path).code}\n".encode())
    imported = [name for path in sources for name in scan(path).imports]
    for package, version in sorted(plugin_versions([*modules, *imported]).items()):  # of packages no source is read
        total.update(f"{package} {version}\n".encode())
    _keep(known)
    return total.hexdigest()[:16]


def clear() -> None:
    """Forget what this process knows of the sources, as a new one would."""
    for function in (find_module, scan, _kept, code_digest):
        function.cache_clear()
