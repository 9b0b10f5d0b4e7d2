"""What a stage's numbers depend on: the source text it imports, read without running any of it.

Snakemake does not see an edit to an imported module. So every job carries the digest of the project's
modules that its stage imports, directly or not; a change of code reruns what depends on it and nothing
else. Comments, docstrings and layout are left out of the digest.

Parsing a hundred files takes most of a second of every start of the workflow, so what was found is kept by content.
"""

import ast
import contextlib
import functools
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from wae.core.errors import UserError, unknown_name
from wae.core.files import sha256_file, write_json

ROOT = Path(__file__).resolve().parents[2]
# The values of settings reach each job's digest by themselves; how they are checked decides no number, nor does
# how a job keeps others out of its folder.
_WITHOUT_NUMBERS = {ROOT / f"wae/core/{name}.py" for name in ("settings", "errors", "locks")}

KEPT = Path(".snakemake/wae-sources.json")  # scans by content, of the workflows that ran in this folder


class Scan(NamedTuple):
    """What a source file imports, and a digest of its code."""

    imports: tuple[str, ...]
    code: str


@functools.cache
def find_module(name: str) -> Path | None:
    """The source file of a module on sys.path that is neither the standard library's nor an installed package's."""
    relative = Path(*name.split("."))
    if relative.parts[0] in sys.stdlib_module_names:
        return None
    for folder in dict.fromkeys([str(ROOT), *sys.path]):
        if "site-packages" in folder or "dist-packages" in folder:
            continue
        for candidate in (
            Path(folder or ".") / relative.with_suffix(".py"),
            Path(folder or ".") / relative / "__init__.py",
        ):
            if candidate.is_file():
                return candidate.resolve()
    return None


@functools.cache
def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid Python ({error}); correct it") from error


def _imports(tree: ast.Module) -> tuple[str, ...]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(sorted(names))


def closure(modules: Iterable[str]) -> list[Path]:
    """The project's source files that ``modules`` import, directly or not, themselves included; sorted."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = find_module(waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting.extend(scan(path).imports)
    return sorted(found)


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
    key = f"python {sys.version_info[0]}.{sys.version_info[1]} {sha256_file(path)}"  # a tree's text is of one version
    if key not in _kept():
        tree = _tree(path)
        _kept()[key] = Scan(_imports(tree), hashlib.sha256(_code_text(tree).encode()).hexdigest())
    return _kept()[key]


@functools.cache
def _kept() -> dict[str, Scan]:
    """Scans by the content of the file; those of former processes first, where they can be read."""
    try:
        return {
            key: Scan(tuple(imports), str(code))
            for key, (imports, code) in json.loads(KEPT.read_text(encoding="utf-8")).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or damaged: all is found again
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
    for path in closure(modules):
        if path in _WITHOUT_NUMBERS:
            continue
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(path.name)
        total.update(f"{name}\n{scan(path).code}\n".encode())
    _keep(known)
    return total.hexdigest()[:16]


def find_definition(dotted: str) -> ast.ClassDef | ast.FunctionDef | None:
    """The class or function that ``package.module:name`` names; None when the module is an installed package's.

    UserError names what is missing and the nearest spelling.
    """
    module, _, name = dotted.partition(":")
    path = find_module(module)
    if path is None:
        if find_module(module.split(".")[0]) is None and _is_installed(module):
            return None
        raise UserError(f"{dotted!r}: no module {module!r}; put it beside the Snakefile, or correct the spelling")
    definitions = {node.name: node for node in _tree(path).body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    if name not in definitions:
        raise unknown_name(f"name in {module}", name, [n for n in definitions if not n.startswith("_")])
    return definitions[name]


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.split(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def class_attributes(dotted: str) -> dict[str, Any]:
    """Literal class attributes of a class, its project-local bases' included, read from the source text."""
    definition = find_definition(dotted)
    if not isinstance(definition, ast.ClassDef):
        return {}
    module = dotted.partition(":")[0]
    path = find_module(module)
    attributes: dict[str, Any] = {}
    for base in reversed(definition.bases):
        origin = _origin(base, module, path) if path else None
        if origin is not None:
            attributes |= class_attributes(origin)
    for node in definition.body:
        target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.expr):
            try:
                attributes[target.id] = ast.literal_eval(value)
            except ValueError:
                continue
    return attributes


def _origin(base: ast.expr, module: str, path: Path) -> str | None:
    """The dotted path of a base class named in the module at ``path``, if it is the project's own."""
    if not isinstance(base, ast.Name):
        return None
    for node in _tree(path).body:
        if isinstance(node, ast.ClassDef) and node.name == base.id:
            return f"{module}:{base.id}"
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == base.id and find_module(node.module):
                    return f"{node.module}:{alias.name}"
    return None


def keyword_options(dotted: str) -> set[str] | None:
    """Names of the keyword-only arguments of a function; None when its source is not at hand or takes ``**``."""
    definition = find_definition(dotted)
    if not isinstance(definition, ast.FunctionDef) or definition.args.kwarg is not None:
        return None
    return {argument.arg for argument in definition.args.kwonlyargs}
