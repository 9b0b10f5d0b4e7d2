"""The exceptions that a user is meant to read, and the spelling help that messages give."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

SHOWN = 80  # characters of a value that a message repeats
LISTED = 40  # names in a message at most
_PLAIN = re.compile(r"[\w.@/+=:-]+", re.ASCII)


class UserError(Exception):
    """Something the user can fix; its text is one line: what was found, the limit, the remedy."""


class StopSignalError(Exception):
    """A signal asked a run to stop; the same command goes on from its checkpoint, or begins pre-training again."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not among ``known``: lists them, LISTED at most, and the nearest spelling."""
    names = sorted(known)
    near = get_close_matches(str(name)[:SHOWN], names, n=1, cutoff=0.5)
    hint = f"; did you mean {shown(near[0])}?" if near else ""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return UserError(f"unknown {kind} {shown(name)}: known are {', '.join(map(plain, names[:LISTED]))}{more}{hint}")


def shown(value: Any) -> str:
    """``value`` as a message repeats it: at most ``SHOWN`` characters, on one line, in printable ASCII."""
    if isinstance(value, int) and abs(value) >= 2**63:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, str):
        value = value[:SHOWN]
    text = ascii(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def plain(name: object) -> str:
    """A key or name as a message repeats it: without quotes where it needs none, so that paths read well."""
    text = str(name)
    return text if _PLAIN.fullmatch(text) and len(text) <= SHOWN else shown(text)


def printable(value: object) -> str:
    """``value`` as text for a terminal: no character that would steer it, and spaces of any kind are plain spaces."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "" for c in str(value))


def one_line(error: BaseException) -> str:
    """The beginning of an exception's text, on one line and without control characters."""
    text = " ".join(str(error).split())[:300]
    return "".join(character if character.isprintable() else "?" for character in text) or type(error).__name__
