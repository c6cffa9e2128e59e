"""What Git says about files between two revisions, or a revision and the workspace, within bounds.

Nothing of the repository is run for it: no external diff, no text conversion, no filter.
"""
from __future__ import annotations

from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.record import record

MAX_FILES = 200
MAX_LINES = 3000
MAX_LINE = 2000  # characters
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--ignore-submodules=all")
_BINARY_FROM = "core.bigFileThreshold=20m"  # larger files are not compared line by line


@record(frozen=True)
class FileChange:
    """Lines added and deleted; None for a file without lines."""

    added: int | None
    deleted: int | None


@record(frozen=True)
class Line:
    """One line of a diff. kind: "+", "-", " " or "@" (a heading)."""

    kind: str
    text: str


def changed_files(scm: Git, old: str, new: str | None) -> dict[str, FileChange]:
    """Files that differ, sorted by path; at most MAX_FILES. old, new: commits; None is the workspace, as far as Git tracks it."""
    out = scm.run(*_settings(scm, new), "diff", *_PLAIN, "--numstat", "-z", old, *([new] if new else []), "--").decode("utf-8", "replace")
    found: dict[str, FileChange] = {}
    for item in out.split("\0"):
        added, _, rest = item.partition("\t")
        deleted, _, path = rest.partition("\t")
        if path and len(found) < MAX_FILES:
            found[path] = FileChange(*(int(count) if count.isdigit() else None for count in (added, deleted)))
    return dict(sorted(found.items()))


def file_diff(scm: Git, old: str, new: str | None, path: str) -> tuple[list[Line], bool]:
    """(lines, whether some were left out) of one file. path: relative to the work tree."""
    change = changed_files_of(scm, old, new, path)
    if change is None:
        return [], False
    if change.added is None or change.deleted is None:
        raise DataverError(f"'{path}' is no text, or too large to compare line by line")
    if change.added + change.deleted > 10 * MAX_LINES:
        raise DataverError(f"'{path}' differs in {change.added + change.deleted:,} lines, which is too much to show", hint=f"git diff {old[:7]} -- {path}")
    out = scm.run(*_settings(scm, new), "diff", *_PLAIN, "-U3", old, *([new] if new else []), "--", path).decode("utf-8", "replace")
    lines = _body(out)
    return lines[:MAX_LINES], len(lines) > MAX_LINES


def changed_files_of(scm: Git, old: str, new: str | None, path: str) -> FileChange | None:
    out = scm.run(*_settings(scm, new), "diff", *_PLAIN, "--numstat", "-z", old, *([new] if new else []), "--", path).decode("utf-8", "replace")
    fields = out.split("\0")[0].split("\t")
    return FileChange(*(int(count) if count.isdigit() else None for count in fields[:2])) if len(fields) == 3 else None


def _body(text: str) -> list[Line]:
    """Lines from the first heading on; the names before it are known."""
    lines: list[Line] = []
    for line in text.split("\n"):
        if line.startswith("@@"):
            lines.append(Line("@", line[:MAX_LINE]))
        elif lines and line[:1] in ("+", "-", " "):
            lines.append(Line(line[0], line[1 : MAX_LINE + 1]))
    return lines


def _settings(scm: Git, new: str | None) -> list[str]:
    """For the workspace git would run filters (`filter.NAME.clean`); each is replaced by nothing."""
    settings = ["-c", _BINARY_FROM]
    if new is None:
        named = scm.run("config", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process)$", accept=(0, 1)).decode("utf-8", "surrogateescape")
        for name in named.split("\n"):
            if name and "=" not in name:
                settings += ["-c", f"{name}=", "-c", f"{name.rpartition('.')[0]}.required=false"]
    return settings
