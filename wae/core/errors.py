"""The exceptions that a user is meant to read, and the spelling help that messages give."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend; its text is one line: what was found, the limit, the remedy."""


class StopSignalError(Exception):
    """A signal asked a run to stop; its checkpoint is saved and the same command goes on from there."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not among ``known``: lists them and the nearest spelling."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {name!r}: known are {', '.join(names)}{hint}")
