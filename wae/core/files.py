"""Atomic writes, YAML, JSON, CSV and digests."""

import csv
import functools
import hashlib
import io
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wae.core.errors import UserError, one_line, shown

YAML_BYTES = 200_000  # a config has a few thousand
SEAL = "seal"  # the key of a sealed map's digest
_UNFINISHED = ".unfinished."  # how the names of temporary files begin


def write_atomic(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, then rename it onto ``path``.

    A reader sees the old file or the new one, never a part, whatever kills the process.
    The temporary file keeps the suffix of ``path``, as writers such as ``numpy.save`` and ``savefig`` ask. An OSError,
    as of a full disk, names ``path``.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_UNFINISHED}{path.name}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("r+b") as file:  # Windows flushes only what is open for writing
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror or one_line(error), str(path)) from error
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def remove_leftovers(folder: Path, pattern: str = "**") -> None:
    """Delete the temporary files that killed processes left in ``folder`` and below, or in what ``pattern`` matches.

    Nobody may be writing there meanwhile.
    """
    for temporary in folder.glob(f"{pattern}/{_UNFINISHED}*"):
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    write_atomic(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 ``text`` to ``path`` atomically."""
    write_bytes(path, text.encode())


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV, in the order given: floats in full precision, an empty field for None, lines end in "\\n"."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def write_json(path: str | Path, value: Any, *, sealed: bool = False) -> None:
    """Write ``value`` as indented JSON with sorted keys; NaN and infinity are refused (ValueError).

    A ``sealed`` map carries the digest of its content, so that ``read_json`` notices any change of it.
    """
    if sealed:
        value = value | {SEAL: digest(value, 64)}
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path, *keys: str, own: bool = False) -> Any:
    """The value in a JSON file; UserError if it is missing, damaged, not as it was sealed, or lacks one of ``keys``.

    ``own``: the user's own file, which is to be corrected, and is not made again by a stage.
    """
    absent = "check the path" if own else "run the stage that writes it first"
    remedy = "correct it" if own else "delete it and run again"
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
        if isinstance(value, dict) and SEAL in value and value.pop(SEAL) != digest(value, 64):
            raise UserError(f"{path}: not as it was written (its digest differs); {remedy}")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; {absent}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid JSON ({one_line(error)}); {remedy}") from error
    if keys and not isinstance(value, dict):
        raise UserError(f"{path}: holds {type(value).__name__}, need a map; {remedy}")
    for key in keys:
        if key not in value:
            raise UserError(f"{path}: no {key!r}; {remedy}")
    return value


class _Loader(yaml.SafeLoader):
    """Safe loading of what a config may say: no key twice, of which YAML takes the last, no alias, no merge key."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(None, None, f"alias *{event.anchor}: write the value out", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(None, None, "merge key <<: write the settings out", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(None, None, f"key {shown(key)} is given twice", key_node.start_mark)
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def load_yaml(path: str | Path) -> dict[str, Any]:
    """The map in a YAML file; UserError for what is not valid, not UTF-8, not a map, too long, or has a key twice.

    A YTE template, whose expressions Snakemake would run as Python, is refused too.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path}: not a regular file; write the config into one")
        if found.st_size > YAML_BYTES:
            raise UserError(f"{path}: {found.st_size:,} bytes, at most {YAML_BYTES:,}; is it a config at all?")
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: not valid YAML ({one_line(error)}); correct it") from error
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


def check_files(folder: Path, recorded: Mapping[str, str], remedy: str) -> None:
    """Compare files of ``folder`` with the sha256 ``recorded`` where they were made, by name.

    UserError for the first that differs or is missing. Each content is read once per process.
    """
    for name, expected in recorded.items():
        path = folder / name
        try:
            found = path.stat()
            same = _sha256_once(path, found.st_ino, found.st_size, found.st_mtime_ns) == expected
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; {remedy}") from error
        if not same:
            raise UserError(f"{path}: corrupt: its sha256 is not the recorded {expected[:16]}...; {remedy}")


@functools.cache
def _sha256_once(path: Path, inode: int, size: int, changed: int) -> str:
    return sha256_file(path)
