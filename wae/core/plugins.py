"""Loading what a config names as ``package.module:name``: methods, sources, metrics and all else that users bring.

A config is data: it must not run whatever happens to be installed. So a plug-in comes only from ``wae`` and
``baselines``, from modules beside the Snakefile (the working folder, or this checkout), or from an installed package
that declares an entry point of the group ``wae.plugins``; and it must be what it is loaded as.
"""

import functools
import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from wae.core.errors import UserError, unknown_name

ROOT = Path(__file__).resolve().parents[2]  # the checkout, or the folder of installed packages
OWN = ("wae", "baselines")
GROUP = "wae.plugins"


def folders() -> list[Path]:
    """Where modules of the user's own are looked for: the working folder, then the checkout."""
    return list(dict.fromkeys([Path.cwd().resolve(), ROOT]))


@functools.cache
def declared_packages() -> dict[str, tuple[str, str]]:
    """The installed packages that declare an entry point of the group ``wae.plugins``: name and version, by the
    top-level name of their modules.
    """
    found = {}
    for point in entry_points(group=GROUP):
        if point.dist is not None:
            found[point.value.partition(":")[0].partition(".")[0]] = (point.dist.name, point.dist.version)
    return found


def plugin_versions(modules: Iterable[str]) -> dict[str, str]:
    """The version, by name, of each package of ``declared_packages`` that ``modules`` (or dotted names) come from."""
    tops = {module.partition(":")[0].partition(".")[0] for module in modules}
    return dict(found for top, found in declared_packages().items() if top in tops)


def source_file(module: str) -> Path | None:
    """The source file of ``module`` (``package.module``) in one of ``folders``; None if it lies elsewhere or nowhere.

    Modules of the standard library and of installed packages are None, also where a folder has a file of their name.
    """
    relative = Path(*module.split("."))
    if relative.parts[0] in sys.stdlib_module_names:
        return None
    for folder in [ROOT] if relative.parts[0] in OWN else folders():
        for candidate in (folder / relative.with_suffix(".py"), folder / relative / "__init__.py"):
            installed = {"site-packages", "dist-packages"} & set(candidate.parts) and relative.parts[0] not in OWN
            if candidate.is_file() and not installed:
                return candidate.resolve()
    return None


def load_module(module: str) -> ModuleType:
    """The module of a plug-in, imported; UserError unless it comes from where plug-ins may come from."""
    top = module.partition(".")[0]
    file = source_file(module)
    if file is None and top not in declared_packages():
        if top in OWN or source_file(top) is not None:
            raise UserError(f"no module {module!r}; check the spelling")
        raise UserError(
            f"module {module!r} is neither part of wae or baselines, nor a file beside the Snakefile, nor of an "
            f"installed package with an entry point of the group {GROUP!r}; put the file beside the Snakefile"
        )
    for folder in map(str, folders()):
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(f"module {module!r} imports {error.name!r}, which is not installed; install it") from error
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UserError(f"{file or module}: not valid Python ({error}); correct it") from error
    if file is not None and top not in OWN and Path(str(loaded.__file__)).resolve() != file:
        raise UserError(f"module {module!r}: {loaded.__file__} was imported in place of {file}; rename your file")
    return loaded


def load(dotted: str) -> Any:
    """The object that ``package.module:name`` names; UserError says which part is missing or not allowed."""
    module_name, _, name = dotted.partition(":")
    if not module_name or not name:
        raise UserError(f"{dotted!r} is no dotted path; write package.module:name")
    try:
        module = load_module(module_name)
    except UserError as error:
        raise UserError(f"{dotted!r}: {error}") from error
    if not hasattr(module, name):
        raise unknown_name(f"name in {module_name}", name, [n for n in vars(module) if not n.startswith("_")])
    return getattr(module, name)


def load_class(dotted: str, base: type) -> type[Any]:
    """The class ``dotted``, a subclass of ``base``; UserError for anything else."""
    found = load(dotted)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UserError(f"{dotted!r} is no subclass of {base.__module__}.{base.__name__}; name one")
    return found


def load_function(dotted: str, returns: Any) -> Callable[..., Any]:
    """The function ``dotted`` whose annotation says that it returns ``returns``; UserError for anything else.

    A ``functools.partial`` and an object with ``__call__`` count as functions; their function's annotation is read.
    """
    found = load(dotted)
    name = getattr(returns, "__name__", str(returns))
    if not callable(found) or isinstance(found, type):
        raise UserError(f"{dotted!r} is no function; name one that returns {name}")
    try:
        hint = typing.get_type_hints(plain_function(found)).get("return")
    except (NameError, TypeError) as error:
        raise UserError(f"{dotted!r}: its annotations cannot be read ({error}); correct them") from error
    if hint != returns:
        found_hint = "nothing" if hint is None else getattr(hint, "__name__", str(hint))
        raise UserError(f"{dotted!r} says that it returns {found_hint}; annotate it with `-> {name}` if it does so")
    return typing.cast(Callable[..., Any], found)


def plain_function(found: Any) -> Any:
    """The function behind ``functools.partial``s and ``__call__``, which carries the annotations and defaults."""
    while isinstance(found, functools.partial):
        found = found.func
    if inspect.isfunction(found) or inspect.ismethod(found) or inspect.isbuiltin(found):
        return found
    return type(found).__call__


def check_type(name: str, value: object, default: object) -> None:
    """UserError unless ``value`` is of the type of ``default``; whole numbers pass for others, None for anything."""
    if default is None or default is inspect.Parameter.empty or value is None:
        return
    kinds: tuple[type, ...] = (int, float) if isinstance(default, float) else (type(default),)
    if isinstance(default, tuple | list):
        kinds = (tuple, list)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise UserError(f"{name}: found {value!r}, need a value like its default {default!r}")
