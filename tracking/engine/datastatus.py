"""Where tracked data stands: last commit, .dvc files, workspace, cache, remote (`data status`)."""
from __future__ import annotations

import os

from tracking.engine.datadiff import ALGORITHMS, Changes, compare, missing_objects, pair_renames, shown
from tracking.engine.datatree import DataTree, ReadManifest, Walked, present, prune, recorded
from tracking.engine.hints import TYPE_CHECKING, Any, Callable, Iterable
from tracking.engine.index import Index, load_index
from tracking.engine.record import field, record

if TYPE_CHECKING:
    from tracking.engine.repo import Repo
    from tracking.engine.workspace import Workspace

# (remote an out is bound to or None, hashes, whether of the 2.x layout) -> those of the hashes that the remote holds
RemoteHas = Callable[["str | None", "set[str]", bool], "set[str]"]
Groups = dict[str, list[Any]]  # "modified", "added", "deleted", "unknown": paths; "renamed": {"old", "new"}


@record
class DataStatus:
    """Paths relative to the root, folders with a "/" at the end; untracked ones relative to the cwd.

    is_dirty: Git sees changes. is_empty: no commit yet.
    """

    not_in_cache: list[str] = field(default_factory=list)
    not_in_remote: list[str] = field(default_factory=list)
    committed: Groups = field(default_factory=dict)
    uncommitted: Groups = field(default_factory=dict)
    untracked: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    is_dirty: bool = False
    is_empty: bool = False


@record(frozen=True)
class Wanted:
    """What to find out. granular: look into folders. git_state: also whether Git sees changes."""

    targets: tuple[str, ...] = ()
    granular: bool = False
    unchanged: bool = False
    untracked: bool = False
    git_state: bool = True
    remote_has: RemoteHas | None = None


@record
class Compared:
    """Three sides of tracked data, and what differs between neighbours, renames paired.

    head, committed: None without Git. walked: folder out -> the files found there. missing: (path, hash) the cache lacks.
    """

    now: DataTree
    here: DataTree
    uncommitted: Changes
    walked: Walked
    missing: list[tuple[str, str]] = field(default_factory=list)
    head: DataTree | None = None
    committed: Changes | None = None


def compare_sides(repo: Repo, ws: Workspace, index: Index, wanted: Wanted, read_remote: ReadManifest | None = None) -> Compared:
    """Compare the commit with the .dvc files, and those with the workspace and the cache."""
    keys = target_keys(index, wanted.targets)
    now = _selected(recorded(index, ws, read_remote), keys)
    walked: Walked = {}
    here = present(now, ws, walked)
    now.share_rows(here)
    found = Compared(now, here, compare(now, here, granular=wanted.granular, keep_unchanged=wanted.unchanged), walked)
    found.missing = missing_objects(repo, now, wanted.granular)
    pair_renames(found.uncommitted)
    if repo.scm is not None:
        found.head = _selected(_head(repo, ws, read_remote), keys)
        found.head.share_rows(now)
        found.committed = compare(found.head, now, granular=wanted.granular, keep_unchanged=wanted.unchanged)
        pair_renames(found.committed)
    return found


def data_status(repo: Repo, ws: Workspace, wanted: Wanted, read_remote: ReadManifest | None = None) -> DataStatus:
    """What `compare_sides` finds, as paths to be shown."""
    found = compare_sides(repo, ws, load_index(repo), wanted, read_remote)
    result = DataStatus(not_in_cache=sorted(shown(path, oid) for path, oid in found.missing), uncommitted=_groups(found.uncommitted))
    unchanged = set(found.uncommitted.unchanged)
    if wanted.remote_has is not None:
        result.not_in_remote = not_in_remote(found.now, wanted.granular, wanted.remote_has)
    if found.committed is not None:
        result.committed = _groups(found.committed)
        unchanged.intersection_update(found.committed.unchanged)
        _add_git_state(result, repo, wanted)
    result.unchanged = sorted(unchanged)
    return result


def _selected(tree: DataTree, keys: tuple[str, ...] | None) -> DataTree:
    return tree if keys is None else tree.select(keys)


def target_keys(index: Index, targets: Iterable[str]) -> tuple[str, ...] | None:
    """Paths relative to the root that targets mean: tracked paths, or the outs of a .dvc file or stage."""
    repo = index.repo
    keys = []
    for target in targets:
        abspath = os.path.normpath(os.path.join(repo.cwd, target))
        keys.append(repo.rel(abspath))
        for stage in index.stages:
            if stage.file == abspath or stage.address(repo.cwd) == target:
                keys += [repo.rel(out.abspath) for out in stage.outs if out.abspath]
    return prune(keys) if keys else None


def _head(repo: Repo, ws: Workspace, read_remote: ReadManifest | None) -> DataTree:
    scm = repo.scm
    if scm is None or scm.head_commit() is None:
        return DataTree({}, lambda path: None)
    return recorded(load_index(repo, scm.files_at("HEAD", repo.root_dir)), ws, read_remote)


def _groups(changes: Changes) -> Groups:
    groups: Groups = {
        "modified": sorted(shown(path, new, old) for path, old, new in changes.modified),
        "added": sorted(shown(path, new) for path, _, new in changes.added),
        # a file whose place a folder took is shown as that folder
        "deleted": sorted(f"{path}/" if path in changes.replaced else shown(path, old) for path, old, _ in changes.deleted),
        "renamed": [{"old": shown(old, key), "new": shown(new, key)} for old, new, key in sorted(changes.renamed)],
        "unknown": sorted(changes.unknown),
    }
    return {name: paths for name, paths in groups.items() if paths}


# --- the remote
def not_in_remote(tree: DataTree, granular: bool, remote_has: RemoteHas) -> list[str]:
    """Paths whose objects could be pushed and are not in their remote; all of them without a remote."""
    by_place: dict[tuple[str | None, bool], dict[str, list[str]]] = {}
    for path, listed in tree.outs.items():
        digest = listed.digest
        if digest is None or not listed.pushable or digest.name not in ALGORITHMS:
            continue
        oids = by_place.setdefault((listed.remote, digest.is_legacy), {})
        if path not in tree.inside:
            oids.setdefault(digest.value, []).append(shown(path, digest.value))
        for name, value in (tree.rows(path) or ()) if granular else ():
            oids.setdefault(value, []).append(f"{path}/{name}")
    found: list[str] = []
    for (remote, legacy), oids in by_place.items():
        there = remote_has(remote, set(oids), legacy)
        found += [path for oid, paths in oids.items() if oid not in there for path in paths]
    return sorted(found)


# --- Git
def _add_git_state(result: DataStatus, repo: Repo, wanted: Wanted) -> None:
    scm = repo.scm
    assert scm is not None
    result.is_empty = scm.head_commit() is None
    untracked: Iterable[str] = ()
    if wanted.git_state:
        status = scm.status("all" if wanted.untracked else "no")
        untracked = _files_only(status.untracked)
        result.is_dirty = bool(status.staged or status.unstaged or untracked)
    elif wanted.untracked:
        untracked = _files_only(scm.untracked_files())
    if wanted.targets:
        keys = [scm.rel(os.path.normpath(os.path.join(repo.cwd, target))) for target in wanted.targets]
        untracked = [path for path in untracked if any(key == "" or path == key or path.startswith(f"{key}/") for key in keys)]
    prefix = scm.rel(repo.root_dir)
    inside = [os.path.join(scm.root_dir, path) for path in untracked if not prefix or path.startswith(f"{prefix}/")]
    if repo.cwd == scm.root_dir:
        result.untracked = [repo.rel(path) for path in inside]
    else:
        result.untracked = [_from_cwd(path, repo.cwd) for path in inside]


def _files_only(paths: Iterable[str]) -> list[str]:
    """Without the folders that Git names: repositories of their own."""
    return [path for path in paths if not path.endswith("/")]


def _from_cwd(path: str, cwd: str) -> str:
    return os.path.relpath(path, cwd).replace(os.sep, "/")
