"""Atomic writes, digests, and objects named by a dotted path."""

import hashlib
import importlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from wae.core.errors import UserError

YAML_BYTES = 200_000  # a config has a few thousand


def write_atomic(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, then rename it onto ``path``.

    A reader sees the old file or the new one, never a part, whatever kills the process.
    The temporary file keeps the suffix of ``path``, as writers such as ``numpy.save`` and ``savefig`` ask.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 ``text`` to ``path`` atomically."""
    write_atomic(path, lambda temporary: temporary.write_bytes(text.encode()))


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys; NaN and infinity are refused (ValueError)."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """The value in a JSON file; UserError if it is missing or torn."""
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; run the stage that writes it first") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); delete it and run again") from error


class _Loader(yaml.SafeLoader):
    """Safe loading that refuses a key given twice, of which plain YAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag != "tag:yaml.org,2002:merge":
                key = self.construct_object(key_node, deep=True)
                if key in seen:
                    raise yaml.MarkedYAMLError(None, None, f"key {key!r} is given twice", key_node.start_mark)
                seen.add(key)
        return dict(super().construct_mapping(node, deep))


def load_yaml(path: str | Path) -> dict[str, Any]:
    """The map in a YAML file; UserError for what is not valid, not UTF-8, not a map, too long, or has a key twice.

    A YTE template, whose expressions Snakemake would run as Python, is refused too.
    """
    try:
        content = Path(path).read_bytes()
        if len(content) > YAML_BYTES:
            raise UserError(f"{path}: {len(content):,} bytes, at most {YAML_BYTES:,}; is it a config at all?")
        value = yaml.load(content.decode(), Loader=_Loader)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not valid YAML ({reason[:300]}); mend it") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: found {type(value).__name__}, need a map of settings; see config/config.yaml")
    if "__use_yte__" in value:
        raise UserError(f"{path}: __use_yte__: a YTE template runs code while it is read; write plain YAML")
    return value


def canonical_json(value: Any) -> str:
    """``value`` as compact JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any, length: int = 8) -> str:
    """First ``length`` hex digits of the sha256 of ``value``'s canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def sha256_file(path: str | Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_object(dotted: str) -> Any:
    """The object that ``package.module:name`` names; UserError says which part is missing."""
    module_name, _, name = dotted.partition(":")
    if not module_name or not name:
        raise UserError(f"{dotted!r} is not a dotted path: write package.module:name")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise UserError(
                f"{dotted!r}: no module {error.name!r}; put it beside the Snakefile or install it"
            ) from error
        raise
    if not hasattr(module, name):
        raise UserError(f"{dotted!r}: module {module_name!r} has no {name!r}")
    return getattr(module, name)
