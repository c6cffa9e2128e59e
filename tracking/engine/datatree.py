"""Tracked data as flat tables: what an index records, and what lies in the workspace.

A side of a comparison is one `DataTree`: out path -> `Listed`, and per folder the rows
(path inside, hash) of its files, loaded only when somebody asks. Paths are posix and
relative to the repository's root. Only cached outs inside the root take part.
"""
from __future__ import annotations

import os

from tracking.engine.errors import CorruptObject
from tracking.engine.hints import TYPE_CHECKING, Callable, Iterable
from tracking.engine.record import record
from tracking.engine.stage import MD5, MD5_DOS2UNIX, Digest, Out, Stage
from tracking.engine.tree import dump_tree, load_tree, tree_oid

if TYPE_CHECKING:
    from tracking.engine.index import Index
    from tracking.engine.state import WalkRow
    from tracking.engine.workspace import Workspace

Rows = list[tuple[str, str]]  # (path inside the folder, hash), sorted by path
Walked = dict[str, "list[WalkRow]"]  # folder out -> its files as they lie there
# (remote an out is bound to or None, hash, whether of the 2.x layout) -> a manifest's bytes from a remote, None when it cannot be had
ReadManifest = Callable[["str | None", str, bool], "bytes | None"]


@record(frozen=True)
class Listed:
    """One out. digest None: it has none yet. isdir: it is a folder.

    size in bytes where known. remote: name of the remote the out is bound to.
    pushable: `push` of the out, and it is no import from a repository. partial: an import
    whose data was never brought; the digest, if any, is the source's.
    """

    digest: Digest | None
    isdir: bool = False
    size: int | None = None
    remote: str | None = None
    pushable: bool = True
    partial: bool = False


class DataTree:
    """outs by path. inside: for an out named only in part, the paths in it that are wanted."""

    def __init__(self, outs: dict[str, Listed], load: Callable[[str], Rows | None], inside: dict[str, tuple[str, ...]] | None = None) -> None:
        self.outs = outs
        self.inside = inside or {}
        self._load = load
        self._rows: dict[str, Rows | None] = {}

    def rows(self, path: str) -> Rows | None:
        """Files of an out: [] for a file, None when its manifest cannot be had."""
        if path not in self._rows:
            rows = self._load(path) if self.outs[path].isdir else []
            wanted = self.inside.get(path)
            if rows and wanted is not None:
                rows = [row for row in rows if is_inside(row[0], wanted)]
            self._rows[path] = rows
        return self._rows[path]

    def share_rows(self, other: DataTree) -> None:
        """Take the rows of outs that are the same on another side, which has them at hand."""
        for path, listed in self.outs.items():
            same = other.outs.get(path)
            if listed.isdir and same is not None and listed.digest is not None and listed.digest == same.digest:
                self._rows[path] = other.rows(path)

    def select(self, keys: Iterable[str]) -> DataTree:
        """Only what is one of the paths or lies below one; "" is the root."""
        wanted = prune(keys)
        if "" in wanted:
            return self
        outs: dict[str, Listed] = {}
        inside: dict[str, tuple[str, ...]] = {}
        for path, listed in self.outs.items():
            if is_inside(path, wanted):
                outs[path] = listed
                continue
            parts = tuple(key[len(path) + 1 :] for key in wanted if key.startswith(path + "/"))
            if parts:
                outs[path] = listed
                inside[path] = parts
        return DataTree(outs, self._load, inside)


def is_inside(path: str, keys: tuple[str, ...]) -> bool:
    """Whether a path is one of the keys or lies below one."""
    return any(path == key or path.startswith(key + "/") for key in keys)


def prune(keys: Iterable[str]) -> tuple[str, ...]:
    """The keys without those that lie below another."""
    kept: list[str] = []
    for key in sorted(set(keys), key=len):
        if not is_inside(key, tuple(kept)):
            kept.append(key)
    return tuple(kept)


def recorded(index: Index, ws: Workspace, read_remote: ReadManifest | None = None) -> DataTree:
    """What the .dvc and dvc.lock files of an index say.

    read_remote: asked for a manifest that the cache lacks.
    """
    repo = index.repo
    outs: dict[str, Listed] = {}
    files: dict[str, Rows] = {}
    for stage, out in index.outs:
        if not out.cache or not out.abspath or not repo.contains(out.abspath):
            continue
        path = repo.rel(out.abspath)
        outs[path] = _listed(stage, out)
        rows = _rows_of_files(stage, out)
        if rows is not None:
            files[path] = rows

    def load(path: str) -> Rows | None:
        if path in files:
            return files[path]
        digest = outs[path].digest
        if digest is None or digest.name not in (MD5, MD5_DOS2UNIX):
            return None
        rows = ws.manifest(digest)
        if rows is None and read_remote is not None:
            rows = _parsed(read_remote(outs[path].remote, digest.value, digest.is_legacy), digest)
        return rows

    return DataTree(outs, load)


def _listed(stage: Stage, out: Out) -> Listed:
    digest, meta = out.digest, out.meta
    partial = digest is None and stage.is_import
    if partial and not stage.is_repo_import and stage.deps[0].db is None:
        digest, meta = stage.deps[0].digest, stage.deps[0].meta
    isdir = (digest is not None and digest.isdir) or out.files is not None
    size = meta.size if digest is not None else 0
    return Listed(digest, isdir, size, out.remote, out.push and not stage.is_repo_import, partial)


def _rows_of_files(stage: Stage, out: Out) -> Rows | None:
    """Entries of a cloud-versioned folder, which stand in the file itself."""
    files = out.files
    if files is None and stage.is_import and not stage.is_repo_import:
        files = stage.deps[0].files
    if files is None:
        return None
    return sorted((str(entry["relpath"]), str(entry["md5"])) for entry in files if entry.get("md5"))


def _parsed(data: bytes | None, digest: Digest) -> Rows | None:
    """Rows of a manifest; None when there is none, or it is not what its name says."""
    if data is None or tree_oid(data) != digest.value:
        return None
    try:
        return load_tree(data, digest.value)
    except CorruptObject:
        return None


def _oid_with_broken(rows: Rows) -> str:
    """Name of a manifest in which symlinks to nothing have no hash at all, as the contract's diff shows it."""
    return tree_oid(dump_tree(rows).replace(b'{"md5": "", ', b"{"))  # quotes in names are escaped


def present(tree: DataTree, ws: Workspace, walked: Walked | None = None) -> DataTree:
    """What lies in the workspace where `tree` says that outs are.

    Hashes are made as the recorded ones were; unchanged files are not read.
    Symlinks to nothing have the hash "". walked: takes the files of folders, with their sizes.
    """
    repo = ws.repo
    outs: dict[str, Listed] = {}
    found: dict[str, Rows] = {}
    for path, listed in tree.outs.items():
        abspath = repo.abs(path)
        algorithm = listed.digest.name if listed.digest and listed.digest.name == MD5_DOS2UNIX else MD5
        if os.path.isdir(abspath):
            broken: list[str] = []
            built = ws.build(abspath, algorithm, broken=broken)
            if walked is not None:
                walked[path] = built.rows or []
            found[path] = sorted([*built.tree(), *((name, "") for name in broken)])
            digest = Digest(built.digest.name, _oid_with_broken(found[path])) if broken else built.digest
            outs[path] = Listed(digest, True, built.meta.size)
            continue
        pair = ws.digest(abspath, algorithm, ignored=False)
        if pair is not None:
            outs[path] = Listed(pair[0], False, pair[1].size)
        elif os.path.islink(abspath):
            outs[path] = Listed(None)  # a symlink to nothing
    return DataTree(outs, lambda path: found.get(path, []), tree.inside)
