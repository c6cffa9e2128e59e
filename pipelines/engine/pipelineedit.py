"""Edit the text of a dvc.yaml: checked as a whole before it is written, so comments and order are the writer's own.

`version` is a hash of the text an edit began with; a file that changed since is not overwritten.
"""
from __future__ import annotations

import difflib
import hashlib
import os
import posixpath
import re

from pipelines.engine.graph import Names, build_graph, check_cycles, check_outs
from tracking.engine import atomic
from tracking.engine.errors import DataverError, InvalidFile
from tracking.engine.files import WorkspaceFiles, read_file
from tracking.engine.hints import Callable
from tracking.engine.index import PIPELINE_FILE, load_index
from tracking.engine.record import record
from tracking.engine.repo import Repo

MAX_BYTES = 1_000_000
_EXCERPT = re.compile(r"\s*\d+\s+│")
_PLACED = re.compile(r"line \d+, column \d+$")


class NotAPipelineFile(DataverError):
    """A path that is no dvc.yaml of the project."""


class ChangedMeanwhile(DataverError):
    """The file is not what the edit began with."""


class EditRefused(DataverError):
    """The new text is no valid pipeline. problems: what is wrong, and where."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].reason)
        self.problems = problems


@record(frozen=True)
class Problem:
    """line: from 1, None where the whole file, or another one, is meant."""

    reason: str
    line: int | None = None


class _Edited(WorkspaceFiles):
    """The workspace with one file's text as it would be."""

    def __init__(self, root_dir: str, rel: str, data: bytes) -> None:
        super().__init__(root_dir)
        self._edited, self._data = rel, data

    def read(self, rel: str, limit_bytes: int | None = None) -> bytes:
        return self._data if rel == self._edited else super().read(rel, limit_bytes)


def path_of(repo: Repo, rel: str) -> str:
    """Absolute path of a dvc.yaml in the project that is there or may be made. Raises NotAPipelineFile."""
    inside = posixpath.normpath(rel) == rel and not rel.startswith(("/", "../")) and "\0" not in rel
    path = os.path.join(repo.root_dir, rel) if inside else ""
    if not inside or posixpath.basename(rel) != PIPELINE_FILE or os.path.realpath(os.path.dirname(path)) != os.path.normpath(os.path.join(os.path.realpath(repo.root_dir), posixpath.dirname(rel))):
        raise NotAPipelineFile(f"'{rel}' is no {PIPELINE_FILE} of this project")
    if os.path.islink(path) or not os.path.isdir(os.path.dirname(path)):
        raise NotAPipelineFile(f"'{rel}' is a link, or its folder is not there: edit it in an editor")
    return path


def read_pipeline(repo: Repo, rel: str) -> tuple[str, str]:
    """Text and version; an empty text for a file that is not there yet. Raises NotAPipelineFile, InvalidFile."""
    try:
        data = read_file(path_of(repo, rel), MAX_BYTES)
    except FileNotFoundError:
        data = b""
    try:
        return data.decode(), version_of(data)
    except UnicodeDecodeError as exc:
        raise InvalidFile(f"'{rel}' is not UTF-8: edit it in an editor", rel) from exc


def version_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def problems_of(repo: Repo, rel: str, text: str) -> list[Problem]:
    """What keeps `text` from being this file's; empty when it can. Reads the other files of the project, runs nothing."""
    path_of(repo, rel)
    found: list[Problem] = []

    def tell(other: str, exc: DataverError) -> None:
        if other == rel:
            found.append(Problem(_short(exc), exc.line if isinstance(exc, InvalidFile) else None))

    data = text.encode()
    if len(data) > MAX_BYTES:
        return [Problem(f"it is larger than {MAX_BYTES // 1000} kB")]
    index = load_index(repo, _Edited(repo.root_dir, rel, data), lock=False, onerror=tell)
    if found:
        return found
    names = Names(repo.root_dir, repo.root_dir)
    try:
        check_cycles(build_graph(index.stages), names)
        check_outs(index.stages, names)
    except DataverError as exc:
        found.append(Problem(exc.message))
    return found


def _short(exc: DataverError) -> str:
    """What is wrong, without the file's name and the excerpt: the text is beside it."""
    lines = [line for line in exc.message.splitlines() if line.strip()]
    if not isinstance(exc, InvalidFile) or not exc.line or len(lines) < 2:
        return "\n".join(lines[:4]) or "it cannot be read"
    said = [line for line in lines[1:] if not _EXCERPT.match(line)]
    return said[-1] + f" ({said[0][0].lower()}{said[0][1:]})" if len(said) > 1 and _PLACED.search(said[-1]) else said[0]


def diff_of(rel: str, old: str, new: str) -> list[str]:
    """Lines of a unified diff; empty when nothing differs."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"a/{rel}", f"b/{rel}", lineterm="")
    return list(lines)


def save(repo: Repo, rel: str, text: str, version: str, notify: Callable[[str], None]) -> None:
    """Write the text. Raises ChangedMeanwhile, EditRefused, NotAPipelineFile, LockHeld."""
    path = path_of(repo, rel)
    os.makedirs(repo.tmp_dir, exist_ok=True)
    with repo.repo_lock.held(notify=notify):
        if read_pipeline(repo, rel)[1] != version:
            raise ChangedMeanwhile(f"'{rel}' was changed since it was opened here", hint="Open it again, then make the change again.")
        problems = problems_of(repo, rel, text)
        if problems:
            raise EditRefused(problems)
        atomic.write_text(path, text)
