"""Refs that experiments live under: their names, reading and writing them.

An experiment is a commit with the ref `refs/exps/<2 digits>/<rest of the baseline's id>/<name>`.
Other refs below `refs/exps` belong to a run that is on, to `exp apply`, or to the queue of the
reference tool. Editors watch the files of loose refs, so everything here writes those.
"""
from __future__ import annotations

import os
import time
from functools import lru_cache

from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import Git
from tracking.engine.hints import Iterable
from tracking.engine.record import record

EXPS = "refs/exps"
EXEC_HEAD = f"{EXPS}/exec/EXEC_HEAD"
EXEC_MERGE = f"{EXPS}/exec/EXEC_MERGE"
EXEC_BASELINE = f"{EXPS}/exec/EXEC_BASELINE"
EXEC_BRANCH = f"{EXPS}/exec/EXEC_BRANCH"
EXEC_APPLY = f"{EXPS}/exec/EXEC_APPLY"
APPLY_ORIG_HEAD = f"{EXPS}/apply/ORIG_HEAD"
APPLY_STASH = f"{EXPS}/apply/stash"
CELERY_STASH = f"{EXPS}/celery/stash"
CELERY_FAILED = f"{EXPS}/celery/failed"
ABSENT = ""  # as `old`: the ref must not exist yet

_TRIES = 8
_PAUSE_S = 0.02
_HEX = frozenset("0123456789abcdef")
_ID_LENGTHS = (40, 64)
_MAX_BYTES = 250  # of a file name, and Git appends `.lock`
_FORBIDDEN = frozenset(" ~^:?*[\\/\x7f") | {chr(code) for code in range(32)}


class InvalidName(DataverError):
    """A name that cannot be part of a Git ref."""


class RefChanged(GitError):
    """A ref is not what the writer took it for: another process was faster."""


@record(frozen=True)
class ExpRef:
    """An experiment's name and the full id of the commit it started from."""

    baseline: str
    name: str

    @property
    def ref(self) -> str:
        return f"{EXPS}/{self.baseline[:2]}/{self.baseline[2:]}/{self.name}"

    @classmethod
    def parse(cls, ref: str) -> ExpRef | None:
        """None for every ref that is no experiment's."""
        parts = ref.split("/")
        if len(parts) != 5 or not ref.startswith(f"{EXPS}/") or len(parts[2]) != 2 or not parts[4]:
            return None
        baseline = parts[2] + parts[3]
        return cls(baseline, parts[4]) if len(baseline) in _ID_LENGTHS and _HEX.issuperset(baseline) else None


parse_ref = lru_cache(maxsize=1 << 15)(ExpRef.parse)  # pages ask for the same thousands again and again


def list_refs(git: Git, baseline: str | None = None) -> list[tuple[ExpRef, str]]:
    """(ref, commit) of every experiment, or of those of one baseline; in the order of their refs."""
    prefix = f"{EXPS}/{baseline[:2]}/{baseline[2:]}/" if baseline else f"{EXPS}/"
    parsed = ((parse_ref(ref), commit) for ref, commit in git.refs(prefix).items())
    return [(ref, commit) for ref, commit in parsed if ref is not None]


def write_ref(git: Git, ref: str, new: str, old: str | None = None) -> None:
    """Let a ref name a commit.

    old: the id it must still have, ABSENT when it must not exist, None for whatever it is.
    Raises RefChanged when it is something else.
    """
    update_refs(git, [(ref, new, old)])


def delete_refs(git: Git, refs: Iterable[tuple[str, str | None]]) -> None:
    """Delete refs, all or none: (ref, id it must still have; None for any, also when it is gone). Raises RefChanged."""
    update_refs(git, [(ref, None, old) for ref, old in refs])


def update_refs(git: Git, updates: Iterable[tuple[str, str | None, str | None]]) -> None:
    """Write and delete refs in one transaction: all of them or none.

    (ref, new id or None to delete, old): see write_ref. Raises RefChanged, GitError.
    """
    wanted = list(updates)
    lines = []
    for ref, new, old in wanted:
        if new is None:
            lines.append(f"delete {ref}\0{old or ''}")
        else:
            lines.append(f"update {ref}\0{new}\0{'0' * len(new) if old == ABSENT else old or ''}")
    if not lines:
        return
    script = "".join(f"{line}\0" for line in lines).encode("utf-8", "surrogateescape")
    for attempt in range(_TRIES):
        try:
            git.run("update-ref", "--no-deref", "-z", "--stdin", stdin=script, reader=False)
            return
        except GitError as exc:
            changed = _changed(git, wanted)
            if changed:
                raise RefChanged(f"'{changed}' was changed by another process", hint="Run the command again.") from exc
            if ".lock" not in exc.message or attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE_S * (attempt + 1))


def _changed(git: Git, updates: list[tuple[str, str | None, str | None]]) -> str | None:
    """The first ref that is not as expected; what git says about it depends on version and language."""
    there = git.refs(*(ref for ref, _, _ in updates))
    return next((ref for ref, _, old in updates if old is not None and there.get(ref, ABSENT) != old), None)


def is_valid_name(name: str) -> bool:
    """Whether Git takes it as one part of a ref's name; see git-check-ref-format(1)."""
    if not name or name.startswith(".") or name.endswith((".", ".lock")):
        return False
    return ".." not in name and "@{" not in name and not _FORBIDDEN.intersection(name) and len(os.fsencode(name)) <= _MAX_BYTES


def check_name(name: str) -> None:
    """Raises InvalidName for what cannot name an experiment."""
    if len(os.fsencode(name)) > _MAX_BYTES:
        raise InvalidName(f"Invalid exp name {name[:20]}…: it is longer than {_MAX_BYTES} bytes")
    if not is_valid_name(name):
        raise InvalidName(f"Invalid exp name {name}, the exp name must follow rules in https://git-scm.com/docs/git-check-ref-format")
