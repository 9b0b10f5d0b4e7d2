"""Checkpoints that survive a kill at any moment: atomic, digested, with the one before kept."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import torch

from wae.core.files import write_atomic

_DIGEST_LENGTH = 64


def save(path: Path, identity: str, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, text, lists, dicts) for ``identity``; the former file becomes ``.previous``.

    ``identity`` is the digest of the run's settings, sources and images: another one will not load it.
    """
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    body = buffer.getvalue()
    if path.exists():
        # Between the two renames only the previous file exists; load() takes it.
        os.replace(path, _previous(path))
    write_atomic(path, lambda temporary: temporary.write_bytes(_sha256(body) + b"\n" + body))


def load(path: Path, identity: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest sound state saved for ``identity``, or None; and a line for each file that was passed over.

    A ``.previous`` that is taken becomes the newest file: the next save would put the one passed over in its place, and
    a kill in it would leave no sound one.
    """
    lines = []
    for candidate in (path, _previous(path)):
        if not candidate.exists():
            continue
        try:
            content = candidate.read_bytes()
            body = content[_DIGEST_LENGTH + 1 :]
            if content[:_DIGEST_LENGTH] != _sha256(body):
                lines.append(f"{candidate}: corrupt (its digest differs); passed over")
                continue
            # weights_only refuses pickled code, so a hostile file cannot run anything.
            loaded = torch.load(io.BytesIO(body), weights_only=True, map_location="cpu")
            if loaded["identity"] != identity:
                lines.append(f"{candidate}: of other settings, sources or images; discarded")
                continue
        except Exception as error:
            first = str(error).splitlines()[0] if str(error) else ""
            lines.append(f"{candidate}: cannot be read ({type(error).__name__}: {first}); passed over")
            continue
        if candidate != path:
            os.replace(candidate, path)
        return loaded["state"], lines
    return None, lines


def remove(path: Path) -> None:
    """Delete the checkpoint and the one before it."""
    for candidate in (path, _previous(path)):
        candidate.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
