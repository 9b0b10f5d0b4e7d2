"""The git checkout that this code runs from: its commit, what changed when, and which commit holds which."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from wae.core.plugins import ROOT


def git_state(own: Iterable[Path] = ()) -> tuple[str | None, bool | None]:
    """The checkout's commit and whether it is what ran; (None, None) outside a git checkout of the suite.

    It is not where a tracked file was changed, or a file of the user's ``own`` that was run is not tracked here.
    results/, which may be deleted or be a link, does not count.
    """
    files = list(own)
    inside = [str(path) for path in files if path.is_relative_to(ROOT)]
    try:
        if not _is_ours():
            return None, None
        commit = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results").strip()
        tracked = _git("ls-files", "--", *inside).splitlines() if inside else []
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit, not changed and len(tracked) == len(files)


def last_change(paths: Iterable[Path]) -> tuple[str | None, bool | None]:
    """The commit that last changed one of ``paths``, and whether one differs from what is committed.

    (None, None) outside a git checkout of the suite, in one without its whole history, and for a path of no checkout.
    """
    named = [str(path) for path in paths]
    try:
        if not _is_ours() or _git("rev-parse", "--is-shallow-repository").strip() != "false":
            return None, None
        commit = _git("log", "-1", "--format=%H", "--", *named).strip()
        changed = _git("status", "--porcelain", "--", *named).strip()
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit or None, bool(changed)


def is_ancestor(first: str, second: str) -> bool | None:
    """Whether commit ``second`` holds commit ``first``; None where git does not know them."""
    try:
        found = subprocess.run(
            ["git", "-C", str(ROOT), "merge-base", "--is-ancestor", first, second], capture_output=True, check=False
        ).returncode
    except OSError:
        return None
    return {0: True, 1: False}.get(found)


def _is_ours() -> bool:
    """Whether the repository that git finds is the suite's: of an installed package it finds any around the folder."""
    return Path(_git("rev-parse", "--show-toplevel").strip()).resolve() == ROOT.resolve()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout
