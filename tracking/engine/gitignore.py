"""Entries that dataver keeps in .gitignore files, one per out, beside the out.

Format: `/<name>` with special characters escaped, in the folder of the out; written only
when git does not ignore the out already; the file goes when its last line goes.
"""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.errors import DataverError, GitError
from tracking.engine.files import read_file
from tracking.engine.hints import TYPE_CHECKING, Iterable

if TYPE_CHECKING:
    from tracking.engine.git import Git
    from tracking.engine.ignore import GitIgnore

GITIGNORE = ".gitignore"
_SPECIAL = frozenset("\\[]!*#?")


def entry_for(name: str) -> str:
    """The line that makes git ignore `name` in the folder of the .gitignore file, without its line end."""
    escaped = "".join(f"\\{char}" if char in _SPECIAL else char for char in name)
    if escaped.endswith(" "):
        escaped = f"{escaped[:-1]}\\ "  # git drops a bare space at the end
    # no pattern can spell a line end
    return "/" + escaped.replace("\n", "?").replace("\r", "?")


def add_entries(scm: Git, abspaths: Iterable[str], rules: GitIgnore | None = None, *, sync_names: bool = True) -> list[str]:
    """Make git ignore the paths; returns the .gitignore files that were written, in order.

    A folder's file is read and written once. rules: git's rules, which may be older than entries
    written here (reading them anew for each of many calls takes long). sync_names: as for
    `atomic.write_bytes`. Raises GitError for a path outside of the work tree.
    """
    known = rules or scm.ignores
    by_folder: dict[str, list[str]] = {}
    for path in dict.fromkeys(abspaths):
        if not known.is_ignored(scm.rel(path), os.path.isdir(path) and not os.path.islink(path)):
            by_folder.setdefault(_inside(scm, path), []).append(os.path.basename(path))
    changed = []
    for folder, names in by_folder.items():
        file = os.path.join(folder, GITIGNORE)
        data = _read(file) or b""
        present = set(data.split(b"\n"))
        lines = [line for line in (_encode(entry_for(name)) for name in names) if line not in present]
        if lines:
            gap = b"\n" if data and not data.endswith(b"\n") else b""
            atomic.write_bytes(file, data + gap + b"".join(line + b"\n" for line in lines), sync_name=sync_names)
            changed.append(file)
    if changed:
        scm.forget_ignores()
    return changed


def remove_entries(scm: Git, abspaths: Iterable[str]) -> list[str]:
    """Drop the entries of the paths; returns the .gitignore files that were changed and still exist."""
    by_folder: dict[str, list[str]] = {}
    for path in dict.fromkeys(abspaths):
        by_folder.setdefault(_inside(scm, path), []).append(os.path.basename(path))
    changed = []
    for folder, names in by_folder.items():
        file = os.path.join(folder, GITIGNORE)
        data = _read(file)
        if data is None:
            continue
        # older writers did not escape
        unwanted = {_encode(form) for name in names for form in (entry_for(name), f"/{name}")}
        lines = data.splitlines(keepends=True)
        kept = [line for line in lines if line.strip(b" \t\r\n") not in unwanted and line.rstrip(b"\r\n") not in unwanted]
        if len(kept) == len(lines):
            continue
        scm.forget_ignores()
        if kept:
            atomic.write_bytes(file, b"".join(kept))
            changed.append(file)
        else:
            atomic.unlink(file)
    return changed


def remove_entry(scm: Git, abspath: str) -> str | None:
    """As remove_entries, for one path; None when nothing changed or the file went with its last line."""
    return next(iter(remove_entries(scm, [abspath])), None)


def refuse_tracked(scm: Git, abspaths: Iterable[str], cwd: str) -> None:
    """Raise DataverError when git tracks one of the paths, or files in it; says how to stop that."""
    paths = list(abspaths)
    tracked = scm.is_tracked(paths)
    for path in paths:
        if path in tracked:
            name = os.path.relpath(path, cwd)
            raise DataverError(
                f" output '{name}' is already tracked by SCM (e.g. Git).\n"
                "    You can remove it from Git, then add to DVC.\n"
                "        To stop tracking from Git:\n"
                f"            git rm -r --cached '{name}'\n"
                f'            git commit -m "stop tracking {name}" '
            )


def _inside(scm: Git, path: str) -> str:
    """The folder whose .gitignore may name the path. Raises GitError when that is not in the work tree."""
    folder = os.path.dirname(path)
    if not scm.contains(os.path.realpath(folder)):
        raise GitError(f"'{path}' is outside of git repository '{scm.root_dir}'")
    return folder


def _encode(line: str) -> bytes:
    return line.encode("utf-8", "surrogateescape")


def _read(file: str) -> bytes | None:
    try:
        return read_file(file)
    except FileNotFoundError:
        return None
