"""Versions of a tracked path: the commits that changed it, and what differs between two of them, file by file.

The history is that of HEAD, along first parents. A commit whose .dvc, dvc.yaml and dvc.lock files are those of the
one before is not looked at; versions of these files are parsed once.
"""
from __future__ import annotations

import os
import time

from tracking.engine.commits import Commit, read_commit
from tracking.engine.datadiff import compare, hash_value, is_folder, pair_renames
from tracking.engine.datatree import DataTree, present, recorded
from tracking.engine.hints import TYPE_CHECKING, Any, Callable
from tracking.engine.history import Indexes
from tracking.engine.index import load_index
from tracking.engine.record import field, record
from tracking.engine.used import Manifests

if TYPE_CHECKING:
    from tracking.engine.index import Index
    from tracking.engine.repo import Repo
    from tracking.engine.stage import Digest
    from tracking.engine.tree import Rows
    from tracking.engine.workspace import Workspace

WORKSPACE = "workspace"
SIZED_AT_MOST = 20_000  # changed files; beyond, sizes are not asked for


@record(frozen=True)
class Version:
    """A commit after which a path was different. oid: "" when it was gone; of a part of a folder with several files it is
    made up of their hashes. size, files: None where unknown. is_there: its object, or its folder's list, is in the cache."""

    commit: Commit
    oid: str
    isdir: bool = False
    size: int | None = None
    files: int | None = None
    is_there: bool = False


@record
class Versions:
    """found: newest first. next: the commit to go on with, "" at the end of the history."""

    found: list[Version] = field(default_factory=list)
    next: str = ""


@record(frozen=True)
class _Facts:
    oid: str
    isdir: bool = False
    size: int | None = None
    files: int | None = None
    is_there: bool = False


def find_versions(repo: Repo, path: str, start: str = "", limit: int = 50, limit_s: float = 0.5) -> Versions:
    """Versions of a path (posix, from the root), from the commit `start` (HEAD) back; stops after `limit` of them or `limit_s`."""
    result = Versions()
    scm = repo.scm
    sha = start or (scm.head_commit() if scm is not None else None)
    if scm is None or sha is None:
        return result
    search = _Search(repo, path)
    until = time.monotonic() + limit_s
    commit = read_commit(scm, sha)
    facts = search.at(commit)
    while commit is not None:
        parent = read_commit(scm, commit.parents[0]) if commit.parents else None
        before = search.at(parent)
        if facts != before:
            result.found.append(Version(commit, facts.oid, facts.isdir, facts.size, facts.files, facts.is_there))
        commit, facts = parent, before
        if commit is not None and (len(result.found) >= limit or time.monotonic() > until):
            result.next = commit.sha
            return result
    return result


class _Search:
    def __init__(self, repo: Repo, path: str) -> None:
        self.repo = repo
        self.path = path
        self.abspath = repo.abs(path)
        self._indexes = Indexes(repo)
        self._manifests = Manifests(repo)
        self._known: dict[tuple[tuple[str, int, str], ...], _Facts] = {}

    def at(self, commit: Commit | None) -> _Facts:
        assert self.repo.scm is not None
        if commit is None:
            return _Facts("")
        files = self.repo.scm.files_at(commit.sha, self.repo.root_dir)
        key = tuple(self._indexes.dvcfiles(files.root)) if files.root else ()
        if key not in self._known:
            self._known[key] = self._look(self._indexes.load(files, onerror=lambda rel, error: None)) if key else _Facts("")
        return self._known[key]

    def _look(self, index: Index) -> _Facts:
        around = self.abspath
        while around not in index.out_by_path:
            parent = os.path.dirname(around)
            if parent == around or not self.repo.contains(parent):
                return self._several(index)
            around = parent
        out = index.out_by_path[around][1]
        if out.digest is None or not out.cache:
            return _Facts("")
        if around == self.abspath:
            there = bool(self.repo.store_for(out.digest).exists([out.digest.value]))
            return _Facts(out.digest.value, out.digest.isdir, out.meta.size, out.meta.nfiles, there)
        rows = self._manifests.rows(out.digest.value, out.digest.is_legacy) if out.digest.isdir else []
        if rows is None:
            return _Facts(f"in {out.digest.value}", False, None, None, False)
        return self._part(rows, os.path.relpath(self.abspath, around).replace(os.sep, "/"), out.digest)

    def _part(self, rows: Rows, inside: str, digest: Digest) -> _Facts:
        """A file or folder inside of a folder."""
        prefix = f"{inside}/"
        found = [(name, md5) for name, md5 in rows if name == inside or name.startswith(prefix)]
        store = self.repo.store_for(digest)
        if not found:
            return _Facts("")
        if found[0][0] == inside:
            there = bool(store.exists([found[0][1]]))
            return _Facts(found[0][1], False, store.size(found[0][1]) if there else None, None, there)
        return _Facts(_joined([md5 for _, md5 in found]), True, None, len(found), True)

    def _several(self, index: Index) -> _Facts:
        """A folder around outs."""
        outs = [out for _, out in index.outs_inside(self.abspath) if out.digest is not None and out.cache]
        if not outs:
            return _Facts("")
        sizes = [out.meta.size for out in outs]
        size = sum(value or 0 for value in sizes) if None not in sizes else None
        return _Facts(_joined([f"{out.path} {out.digest.value}" for out in outs if out.digest]), True, size, sum(out.meta.nfiles or 1 for out in outs), True)


def _joined(values: list[str]) -> str:
    import hashlib

    return hashlib.md5("\n".join(values).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest() + ".part"


# --- two versions
@record(frozen=True)
class FileChange:
    """One file that differs. state: added, deleted, modified, renamed. Sizes in bytes, None where unknown."""

    path: str
    state: str
    was: str = ""
    old_size: int | None = None
    new_size: int | None = None


@record
class FileChanges:
    """unlisted: folders whose list of files no cache holds, so that their files are not compared."""

    changes: list[FileChange] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


def changes_between(repo: Repo, ws: Workspace, old: str, new: str, path: str) -> FileChanges:
    """Files below a path (or the path itself) that differ between two revisions; "workspace" is one. Raises GitError, RevisionNotFound."""
    before, after = _side(repo, ws, old, path), _side(repo, ws, new, path)
    if WORKSPACE not in (old, new):
        after.share_rows(before)
    changes = compare(before, after, granular=True, without_hash=True)
    pair_renames(changes)
    size = _sizer(repo, len(changes.added) + len(changes.deleted) + len(changes.modified) + len(changes.renamed))
    here, there = old == WORKSPACE, new == WORKSPACE
    found = [FileChange(name, "added", new_size=size(key, name, there)) for name, _, key in changes.added if not is_folder(key)]
    found += [FileChange(name, "deleted", old_size=size(key, name, here)) for name, key, _ in changes.deleted if not is_folder(key)]
    found += [
        FileChange(name, "modified", old_size=size(key, name, here), new_size=size(now, name, there))
        for name, key, now in changes.modified
        if not is_folder(key) and not is_folder(now)
    ]
    found += [FileChange(name, "renamed", was, size(key, was, here), size(key, name, there)) for was, name, key in changes.renamed if not is_folder(key)]
    return FileChanges(sorted(found, key=lambda change: change.path), [name for name, _ in changes.unlisted])


def _side(repo: Repo, ws: Workspace, rev: str, path: str) -> DataTree:
    if rev == WORKSPACE:
        return present(recorded(load_index(repo), ws).select([path]), ws)
    assert repo.scm is not None
    return recorded(load_index(repo, repo.scm.files_at(repo.scm.resolve(rev), repo.root_dir)), ws).select([path])


def _sizer(repo: Repo, count: int) -> Callable[[str, str, bool], int | None]:
    def size(key: str, path: str, is_here: bool) -> int | None:
        if count > SIZED_AT_MOST:
            return None
        try:
            return os.stat(repo.abs(path)).st_size if is_here else (repo.legacy_store if ":" in key else repo.store).size(hash_value(key))
        except OSError:
            return None

    return size


def as_row(change: FileChange) -> dict[str, Any]:
    return {"path": change.path, "state": change.state, "was": change.was, "old_size": change.old_size, "new_size": change.new_size}
