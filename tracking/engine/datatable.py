"""Tracked files as a table that a tree is drawn from: children of a folder, sums below it, search.

Made from the sides that `data status` compares, so that both say the same. Paths are posix and relative to the
project's root, sorted, so that everything below a folder is one slice; counts and sizes of a slice are differences
of running sums. One folder may hold 100,000 files: nothing here is done per request for all of them but `search`.
"""
from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from tracking.engine.datadiff import Changes
from tracking.engine.datastatus import Compared
from tracking.engine.datatree import DataTree, Walked
from tracking.engine.hints import Any, Callable, Iterable, Sequence
from tracking.engine.record import field, record
from tracking.engine.tree import parent_folders

MODIFIED, ADDED, DELETED, RENAMED, UNKNOWN = "modified", "added", "deleted", "renamed", "unknown"
MISSING = "missing"  # not in the cache
CHANGES = (MODIFIED, ADDED, DELETED, RENAMED, UNKNOWN)
_AFTER_SLASH = chr(ord("/") + 1)


@record
class States:
    """What differs between two neighbouring sides. by_path: changed paths only. origins: new path of a rename -> the old one."""

    by_path: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Changes | None) -> States:
        if changes is None:
            return cls()
        found = {path.rstrip("/"): UNKNOWN for path in changes.unknown}
        found.update({path: MODIFIED for path, _, _ in changes.modified})
        found.update({path: ADDED for path, _, _ in changes.added})
        found.update({path: DELETED for path, _, _ in changes.deleted})
        found.update({new: RENAMED for _, new, _ in changes.renamed})
        return cls(found, {new: old for old, new, _ in changes.renamed})

    @property
    def left(self) -> set[str]:
        """Paths that were renamed away."""
        return set(self.origins.values())


@record(frozen=True)
class Child:
    """An entry of a folder. path: from the root. first, end: the slice of the table below it (one row for a file)."""

    name: str
    path: str
    isdir: bool
    first: int
    end: int


class Children:
    """Entries of a folder, folders first, both by name. Files are made into entries only when they are looked at."""

    def __init__(self, table: DataTable, skip: int, folders: list[Child], files: list[int]) -> None:
        self._table, self._skip, self._folders, self._files = table, skip, folders, files

    def __len__(self) -> int:
        return len(self._folders) + len(self._files)

    def part(self, offset: int, limit: int) -> list[Child]:
        """At most `limit` entries from `offset` on."""
        count, paths = len(self._folders), self._table.paths
        files = self._files[max(0, offset - count) : max(0, offset + limit - count)]
        return self._folders[offset : offset + limit] + [Child(paths[at][self._skip :], paths[at], False, at, at + 1) for at in files]


class DataTable:
    """Files of one moment. is_checked: the workspace was compared; else only what .dvc files record is known."""

    def __init__(self, now: DataTree, found: Compared | None) -> None:
        self.now = now
        self.outs = now.outs
        self.is_checked = found is not None
        self.local = States.of(found.uncommitted if found else None)
        self.committed = States.of(found.committed if found else None)
        self.missing = {path for path, _ in found.missing} if found else set()
        self.absent: set[str] | None = None  # paths the remote lacks; None: nobody asked
        self._hashes = _hashes(now)
        self._sizes = _sizes(now, found.walked if found else {})
        if found is not None:
            self._sizes.update({path: listed.size or 0 for path, listed in found.here.outs.items() if not listed.isdir})
        self.paths = self._all_paths(found)
        self.hollow = self._add_hollow()
        self._size_sums = _sums([self._sizes.get(path) or 0 for path in self.paths])
        self._state_sums = self._count_states()
        self._absent_sums: list[int] = []
        self._lower: list[str] | None = None
        self._children: dict[str, Children] = {}
        self._folders = self._folders_of_outs()

    def _all_paths(self, found: Compared | None) -> list[str]:
        """Files of all sides; what was renamed away is told at its new place."""
        paths = set(self._hashes)
        if found is not None:
            for path, listed in found.here.outs.items():
                if listed.isdir:
                    paths.update([f"{path}/{name}" for name, _ in found.here.rows(path) or ()])
                else:
                    paths.add(path)
            folders = {path for path, listed in self.outs.items() if listed.isdir}
            paths.update([path for states in (self.local, self.committed) for path, state in states.by_path.items() if state == DELETED and path not in folders])
            paths -= (self.local.left | self.committed.left) - set(self.local.by_path)
            paths -= parent_folders(paths)  # a file on one side and a folder on the other: the folder's files say it
        return sorted(paths)

    def _add_hollow(self) -> set[str]:
        """Folders of which nobody has the list of files, and that are not in the workspace: one row stands for what is in them."""
        if not self.is_checked:
            return set()
        found = {path for path, listed in self.outs.items() if listed.isdir and path in self.missing and not self._any_below(path)}
        if found:
            self.paths = sorted({*self.paths, *found})
        return found

    def _any_below(self, folder: str) -> bool:
        first, end = self.span(folder)
        return first < end

    def _count_states(self) -> dict[str, list[int]]:
        found = {}
        for name, states in (("local", self.local), ("committed", self.committed)):
            for state in CHANGES:
                marked = {path for path, value in states.by_path.items() if value == state}
                if marked:
                    found[f"{name} {state}"] = _sums([path in marked for path in self.paths])
        if self.missing:
            found[MISSING] = _sums([path in self.missing for path in self.paths])
        return found

    def _folders_of_outs(self) -> dict[str, set[str]]:
        """folder -> names of folders in it that hold an out which is a folder, be it without files."""
        found: dict[str, set[str]] = {}
        for path, listed in self.outs.items():
            parts = path.split("/")
            for depth in range(len(parts) if listed.isdir else len(parts) - 1):
                found.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
        return found

    # --- the tree
    def span(self, folder: str) -> tuple[int, int]:
        """The slice of what lies below a folder; "" is the root."""
        if not folder:
            return 0, len(self.paths)
        return bisect_left(self.paths, f"{folder}/"), bisect_left(self.paths, folder + _AFTER_SLASH)

    def has_folder(self, folder: str) -> bool:
        first, end = self.span(folder)
        return first < end or not folder or folder in self.outs or folder in self._folders

    def children(self, folder: str) -> Children:
        if folder not in self._children:
            self._children[folder] = self._find_children(folder)
        return self._children[folder]

    def _find_children(self, folder: str) -> Children:
        at, end = self.span(folder)
        prefix = f"{folder}/" if folder else ""
        skip, paths = len(prefix), self.paths
        files: list[int] = []
        folders: dict[str, Child] = {}
        while at < end:
            path = paths[at]
            cut = path.find("/", skip)
            if cut < 0:
                if path in self.hollow:
                    folders[path[skip:]] = Child(path[skip:], path, True, at, at + 1)
                else:
                    files.append(at)
                at += 1
                continue
            after = bisect_left(paths, path[:cut] + _AFTER_SLASH, at, end)
            folders[path[skip:cut]] = Child(path[skip:cut], path[:cut], True, at, after)
            at = after
        for name in self._folders.get(folder, ()):
            if name not in folders:
                folders[name] = Child(name, prefix + name, True, at, at)
        return Children(self, skip, [folders[name] for name in sorted(folders)], files)

    def child(self, path: str) -> Child | None:
        """A file or folder by its path."""
        at = bisect_left(self.paths, path)
        name = path.rpartition("/")[2]
        if at < len(self.paths) and self.paths[at] == path:
            return Child(name, path, path in self.hollow, at, at + 1)
        return Child(name, path, True, *self.span(path)) if path and self.has_folder(path) else None

    # --- facts
    def counts(self, first: int, end: int) -> dict[str, int]:
        """How many files of a slice have which state: "local modified", "committed added", "missing"."""
        found = {name: sums[end] - sums[first] for name, sums in self._state_sums.items()}
        return {name: count for name, count in found.items() if count}

    def size(self, first: int, end: int) -> int:
        """Bytes, as far as known."""
        return self._size_sums[end] - self._size_sums[first]

    def size_of(self, path: str) -> int | None:
        return self._sizes.get(path)

    def oid_of(self, path: str) -> str:
        """Recorded hash of a file or of an out; "" where there is none."""
        listed = self.outs.get(path)
        return self._hashes.get(path) or (listed.digest.value if listed and listed.digest else "")

    def out_around(self, path: str) -> str:
        """The out that is the path or a folder around it; "" for none."""
        while path and path not in self.outs:
            path = path.rpartition("/")[0]
        return path

    def note_absent(self, absent: Iterable[str]) -> None:
        """Paths (folders with a slash) whose objects the remote lacks."""
        self.absent = {path.rstrip("/") for path in absent}
        self._absent_sums = _sums([path in self.absent for path in self.paths])

    def absent_below(self, first: int, end: int) -> int | None:
        """How many files of a slice the remote lacks; None when nobody asked."""
        return None if self.absent is None else self._absent_sums[end] - self._absent_sums[first]

    # --- search
    def search(self, words: Sequence[str], states: Sequence[str] = ()) -> list[int]:
        """Rows whose path holds all words, in any case, and that have one of the states (names of `counts`, or the state alone)."""
        rows: Iterable[int] = range(len(self.paths))
        if states:
            rows = [row for row in rows if self._has(self.paths[row], states)]
        if not words:
            return list(rows)
        if self._lower is None:
            self._lower = [path.lower() for path in self.paths]
        lower = self._lower
        first, *others = sorted((word.lower() for word in words), key=len, reverse=True)
        found = [row for row in rows if first in lower[row]] if states else [row for row, path in enumerate(lower) if first in path]
        for word in others:
            found = [row for row in found if word in lower[row]]
        return found

    def _has(self, path: str, states: Sequence[str]) -> bool:
        local, committed = self.local.by_path.get(path), self.committed.by_path.get(path)
        own = (local, committed, f"local {local}", f"committed {committed}")
        return any(state in own or (state == MISSING and path in self.missing) or (state == "absent" and self.absent is not None and path in self.absent) for state in states)


def _hashes(now: DataTree) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, listed in now.outs.items():
        if listed.isdir:
            prefix = f"{path}/"
            found.update([(prefix + name, value) for name, value in now.rows(path) or ()])
        else:
            found[path] = listed.digest.value if listed.digest else ""
    return found


def _sizes(now: DataTree, walked: Walked) -> dict[str, int]:
    sizes = {path: listed.size for path, listed in now.outs.items() if not listed.isdir and listed.size is not None}
    for path, rows in walked.items():
        prefix = f"{path}/"
        sizes.update([(prefix + row[0], row[1]) for row in rows])
    return sizes


def _sums(values: Iterable[int]) -> list[int]:
    return [0, *accumulate(values)]


def fill_sizes(table: DataTable, paths: Iterable[str], size_of: Callable[[str], int | None]) -> dict[str, Any]:
    """Sizes of files that do not lie in the workspace, asked one by one: for a page of rows."""
    return {path: size_of(table.oid_of(path)) for path in paths if table.size_of(path) is None and table.oid_of(path)}
