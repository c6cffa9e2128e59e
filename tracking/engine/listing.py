"""What a project contains: files as they lie there or in a commit, merged with tracked data.

The result is one flat dict of path -> entry; nothing is fetched. Tracked files that are
not there are listed from the manifests of the cache.
"""
from __future__ import annotations

import os

from tracking.engine.datatree import DataTree
from tracking.engine.errors import DataverError
from tracking.engine.files import is_absence
from tracking.engine.hints import TYPE_CHECKING, Iterator
from tracking.engine.stage import Digest
from tracking.engine.tree import parent_folders
from tracking.engine.walk import scan_folder

if TYPE_CHECKING:
    from tracking.engine.git import Git
    from tracking.engine.ignore import Ignore

# isdir, isout (tracked, or inside of what is tracked), isexec, size in bytes or None, hash or None
Entry = tuple[bool, bool, bool, "int | None", "str | None"]
Found = tuple[bool, bool, int]  # what lies there: isdir, isexec, size in bytes
Tracked = tuple[bool, bool, "int | None", "str | None"]  # isdir, isout, size in bytes, hash

_EXECUTABLE_MASK, _EXECUTABLE = 0o170100, 0o100100  # a regular file its owner may run
_SUBMODULE = 0o160000


class PathMissing(DataverError):
    """A path that is neither there nor tracked."""


class WorkspaceListing:
    """Files below a folder as the file system has them. Symlinks count as files.

    details False: sizes and modes are not looked up (0 and False).
    """

    def __init__(self, root_dir: str, ignore: Ignore | None, details: bool) -> None:
        self._root = root_dir
        self._ignore = ignore
        self._details = details

    def look(self, rel: str) -> Found | None:
        """One path; None when there is nothing, or it is ignored."""
        path = os.path.join(self._root, rel) if rel else self._root
        try:
            status = os.stat(path)
        except OSError as error:
            if is_absence(error):
                return None
            raise
        isdir = os.path.isdir(path)
        if rel and self._ignore is not None and self._ignore.is_ignored(rel, isdir):
            return None
        return isdir, not isdir and bool(status.st_mode & 0o100), status.st_size

    def below(self, top: str, depth: int | None) -> dict[str, Found]:
        """Everything in a folder that is not ignored, by path from the root, `depth` levels deep."""
        found: dict[str, Found] = {}
        stack = [(top, 1)]
        while stack:
            folder, level = stack.pop()
            prefix = f"{folder}/" if folder else ""
            try:
                with scan_folder(f"{self._root}/{folder}" if folder else self._root) as scan:
                    dirs = self._look_into(scan, folder, prefix, found)
            except (FileNotFoundError, NotADirectoryError):
                continue  # a tracked folder that is not there, or just went away
            if depth is None or level < depth:
                stack += [(prefix + name, level + 1) for name in dirs]
        return found

    def _look_into(self, scan: Iterator[os.DirEntry[str]], folder: str, prefix: str, found: dict[str, Found]) -> list[str]:
        """Put what lies in an open folder and is not ignored into `found`; returns the names of folders."""
        files: dict[str, os.DirEntry[str]] = {}
        dirs: dict[str, os.DirEntry[str]] = {}
        for entry in scan:
            (dirs if entry.is_dir(follow_symlinks=False) else files)[entry.name] = entry
        names, subdirs = list(files), list(dirs)
        if self._ignore is not None:
            names, subdirs = self._ignore.filter_dir(folder, names, subdirs)
        if not self._details:
            found.update(dict.fromkeys([prefix + name for name in names], (False, False, 0)))
            found.update(dict.fromkeys([prefix + name for name in subdirs], (True, False, 0)))
            return subdirs
        for name in names:
            try:
                status = files[name].stat()
            except OSError:  # a symlink to nowhere or to itself
                found[prefix + name] = (False, False, 0)
                continue
            mode = status.st_mode
            found[prefix + name] = (False, mode & _EXECUTABLE_MASK == _EXECUTABLE, status.st_size)
        for name in subdirs:
            try:
                size = dirs[name].stat().st_size
            except OSError:  # it just went away, or is told when it is entered
                size = 0
            found[prefix + name] = (True, False, size)
        return subdirs


class RevisionListing:
    """Files of a commit below a folder of the work tree, from one `git ls-tree`."""

    def __init__(self, scm: Git, tree: str, ignore: Ignore) -> None:
        self._scm = scm
        self._tree = tree
        self._ignore = ignore

    @classmethod
    def _parse(cls, line: str) -> tuple[str, int, str, int]:
        """(path, mode, id, size) of `<mode> <type> <id> <size>\\t<path>`; folders have no size there."""
        facts, _, path = line.partition("\t")
        mode, _, oid, size = facts.split()
        return path, int(mode, 8), oid, int(size) if size.isdigit() else 0

    def _ask(self, *args: str) -> Iterator[tuple[str, int, str, int]]:
        if not self._tree:
            return
        text = self._scm.run("ls-tree", "--full-tree", "-l", "-z", *args).decode("utf-8", "surrogateescape")
        for line in text.split("\0"):
            if line:
                yield self._parse(line)

    def look(self, rel: str) -> Found | None:
        if not rel:
            return (True, False, 0) if self._tree else None
        for path, mode, oid, size in self._ask(self._tree, rel):
            isdir = mode == 0o040000
            if path == rel and not self._ignore.is_ignored(rel, isdir):
                return self._facts(mode, oid, size)
        return None

    def below(self, top: str, depth: int | None) -> dict[str, Found]:
        found: dict[str, Found] = {}
        levels = ("-r", "-t") if depth is None or depth > 1 else ()
        below = top.count("/") + 1 if top else 0
        prefix = f"{top}/" if top else ""
        for path, mode, oid, size in self._ask(*levels, self._tree, *([prefix] if top else [])):
            if not path.startswith(prefix) or (depth is not None and path.count("/") - below >= depth):
                continue
            if not self._ignore.is_ignored(path, mode in (0o040000, _SUBMODULE)):
                found[path] = self._facts(mode, oid, size)
        return found

    def _facts(self, mode: int, oid: str, size: int) -> Found:
        if mode == 0o040000:
            raw = self._scm.objects.ask(oid)
            return True, False, len(raw[2]) if raw else 0
        return mode == _SUBMODULE, mode == 0o100755, size


class Listing:
    """Entries of a project. tree: tracked data, None where there is none.

    unlisted: tracked folders whose manifest is in no cache; filled while listing.
    """

    def __init__(self, files: WorkspaceListing | RevisionListing, tree: DataTree | None) -> None:
        self._files = files
        self._tree = tree
        self.unlisted: list[tuple[str, Digest]] = []

    def look(self, rel: str) -> Entry:
        """One path; "" is the root. Raises PathMissing."""
        found = self._files.look(rel)
        tracked = self._tracked_one(rel)
        if found is None and tracked is not None and rel and self._is_blocked(rel):
            tracked = None
        if found is None and tracked is None:
            raise PathMissing(f"'{rel or '.'}' does not exist here, nor is it tracked", hint="`dataver list URL -R` shows what there is.")
        return _merged(found, tracked)

    def _is_blocked(self, rel: str) -> bool:
        """Whether a file lies where a folder around a path should be."""
        parent = rel.rpartition("/")[0]
        while parent:
            found = self._files.look(parent)
            if found is not None:
                return not found[0]
            parent = parent.rpartition("/")[0]
        return False

    def below(self, top: str, depth: int | None = None, dvc_only: bool = False) -> dict[str, Entry]:
        """Everything in a folder, `depth` levels deep (None: all), by path from the root; sorted."""
        found = {} if dvc_only else self._files.below(top, depth)
        tracked = self._tracked_below(top, depth)
        if found and tracked:
            in_the_way = {path for path in parent_folders(tracked) if path in found and not found[path][0]}
            if in_the_way:
                tracked = {path: facts for path, facts in tracked.items() if path in found or not _has_parent_in(path, in_the_way)}
        merged: dict[str, Entry] = {}
        for path in sorted(found.keys() | tracked.keys() if tracked else found):
            merged[path] = _merged(found.get(path), tracked.get(path))
        return merged

    def is_absent(self, rel: str) -> bool:
        """Whether nothing lies at a tracked path."""
        return self._files.look(rel) is None

    # --- tracked data
    def _tracked_one(self, rel: str) -> Tracked | None:
        tree = self._tree
        if tree is None:
            return None
        listed = tree.outs.get(rel)
        if listed is not None:
            return listed.isdir, True, listed.size, listed.digest.value if listed.digest else None
        prefix = f"{rel}/" if rel else ""
        for path in tree.outs:
            if path.startswith(prefix):
                return True, False, None, None
            if tree.outs[path].isdir and rel.startswith(f"{path}/"):
                inside = rel[len(path) + 1 :]
                for name, value in self._rows(path):
                    if name == inside:
                        return False, True, None, value
                    if name.startswith(f"{inside}/"):
                        return True, True, None, None
        return None

    def _rows(self, path: str) -> list[tuple[str, str]]:
        assert self._tree is not None
        rows = self._tree.rows(path)
        digest = self._tree.outs[path].digest
        if rows is None and digest is not None and (path, digest) not in self.unlisted:
            self.unlisted.append((path, digest))
        return rows or []

    def _tracked_below(self, top: str, depth: int | None) -> dict[str, Tracked]:
        """Outs, files in them and the folders between, below `top`."""
        tree = self._tree
        found: dict[str, Tracked] = {}
        if tree is None:
            return found
        prefix = f"{top}/" if top else ""
        start = len(prefix)
        for path, listed in tree.outs.items():
            if path.startswith(prefix):
                level = path.count("/", start) + 1
                if depth is None or level <= depth:
                    found[path] = listed.isdir, True, listed.size, listed.digest.value if listed.digest else None
                _add_folders(found, path, start, depth)
                if not listed.isdir or (depth is not None and level >= depth):
                    continue
            elif not (listed.isdir and (top == path or top.startswith(f"{path}/"))):
                continue
            self._add_rows(found, path, prefix, depth)
        return found

    def _add_rows(self, found: dict[str, Tracked], path: str, prefix: str, depth: int | None) -> None:
        """Files of a tracked folder and the folders in it, as far as they lie below `prefix`."""
        start = len(prefix)
        top = f"{path}/"
        rows = self._rows(path)
        folders = [top + name for name in parent_folders([name for name, _ in rows])]
        if start > len(top):
            inside = prefix[len(top) :]
            rows = [row for row in rows if row[0].startswith(inside)]
            folders = [folder for folder in folders if folder.startswith(prefix)]
        if depth is not None:
            levels = depth + prefix.count("/") - top.count("/")  # as counted in the tracked folder
            rows = [row for row in rows if row[0].count("/") < levels]
            folders = [folder for folder in folders if folder.count("/", start) < depth]
        found.update({top + name: (False, True, None, value) for name, value in rows})
        for folder in folders:
            found.setdefault(folder, (True, True, None, None))


def _add_folders(found: dict[str, Tracked], path: str, start: int, depth: int | None) -> None:
    """The folders above an out, down from position `start`."""
    end = path.find("/", start)
    while end >= 0:
        folder = path[:end]
        if depth is not None and folder.count("/", start) >= depth:
            return
        found.setdefault(folder, (True, False, None, None))
        end = path.find("/", end + 1)


def _has_parent_in(path: str, files: set[str]) -> bool:
    parent = path.rpartition("/")[0]
    while parent:
        if parent in files:
            return True
        parent = parent.rpartition("/")[0]
    return False


def _merged(found: Found | None, tracked: Tracked | None) -> Entry:
    """What lies there decides about kind and size, what is recorded about the hash."""
    if tracked is None:
        assert found is not None
        return found[0], False, found[1], found[2], None
    if found is None:
        return tracked[0], tracked[1], False, tracked[2], tracked[3]
    return found[0], tracked[1], found[1], found[2], tracked[3]


# --- space
def is_stage_file(path: str) -> bool:
    """A file of ours, which `du` leaves out."""
    name = path.rpartition("/")[2]
    return name in ("dvc.yaml", ".dvcignore") or (name.endswith(".dvc") and name != ".dvc")


def sizes(listing: Listing, top: str) -> dict[str, int]:
    """Bytes of each entry of a folder, or of the one file `top`; sorted by path. Raises PathMissing."""
    isdir, _, _, size, _ = listing.look(top)
    if not isdir:
        return {top: size or 0}
    start = len(top) + 1 if top else 0
    totals: dict[str, int] = {}
    absent: list[str] = []  # tracked folders that are not there: their recorded size counts
    for path, (is_folder, _, _, own, oid) in listing.below(top).items():
        if is_stage_file(path):
            continue
        end = path.find("/", start)
        name = path if end < 0 else path[:end]
        total = totals.setdefault(name, 0)
        if absent and path.startswith(absent[-1]):
            continue
        if not is_folder:
            totals[name] = total + (own or 0)
        elif oid is not None and own and listing.is_absent(path):
            totals[name] = total + own
            absent.append(f"{path}/")
    return totals


UNITS = ("", "k", "M", "G", "T", "P", "E", "Z")


def show_size(value: int) -> str:
    """Bytes below 1024 as they are, else three digits and a unit of 1024: `4.00k`, `12.3M`."""
    if value < 1024:
        return str(value)
    number = float(value)
    for unit in UNITS:
        if number < 999.5:
            digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
            return f"{number:.{digits}f}{unit}"
        number /= 1024
    return f"{number:.1f}Y"
