"""Tracked data of two revisions, or of a revision and the workspace (`diff`)."""
from __future__ import annotations

from tracking.engine.datadiff import compare, hash_value, missing_objects, pair_renames, shown
from tracking.engine.datatree import DataTree, ReadManifest, present, recorded
from tracking.engine.errors import DataverError, GitError, OutputNotFound, StageNotFound
from tracking.engine.hints import TYPE_CHECKING, Any, Callable, Iterable
from tracking.engine.index import Index, load_index
from tracking.engine.record import field, record

if TYPE_CHECKING:
    from tracking.engine.repo import Repo
    from tracking.engine.stage import Digest
    from tracking.engine.workspace import Workspace

WORKSPACE = "workspace"
NO_GIT = (
    "Only supported for Git repositories. If you're seeing this error in a Git repo, "
    "try updating the DVC configuration with `dvc config core.no_scm false`."
)
MISSING = "not in cache"

Entries = dict[str, list[dict[str, Any]]]  # state -> {"path", "hash"}; of a rename "path" is {"old", "new"}


@record
class DataChanges:
    """states: none when nothing differs. unlisted: folders whose manifest no cache holds."""

    states: Entries = field(default_factory=dict)
    unlisted: list[tuple[str, Digest]] = field(default_factory=list)


class TargetMissing(DataverError):
    """A target that neither side tracks."""

    exit_code = 255


def data_changes(repo: Repo, ws: Workspace, a_rev: str, b_rev: str | None, targets: Iterable[str] = (), read_remote: ReadManifest | None = None) -> DataChanges:
    """What changed from `a_rev` to `b_rev` (None: the workspace, which is then checked against the cache).

    targets: tracked paths, .dvc files or stages. Raises GitError, RevisionNotFound, TargetMissing.
    """
    scm = repo.scm
    if scm is None:
        raise GitError(NO_GIT)
    if scm.head_commit() is None:
        return DataChanges()
    against_workspace = b_rev is None or b_rev == WORKSPACE
    commits = [scm.resolve(rev) for rev in (a_rev, b_rev) if rev is not None and rev != WORKSPACE]
    if len(commits) + against_workspace < 2 or len(set(commits)) + against_workspace < 2:
        return DataChanges()
    new_index = load_index(repo) if against_workspace else _index_at(repo, commits[-1])
    old_index = _index_at(repo, commits[0])
    old, new = _select([old_index, new_index], [recorded(index, ws, read_remote) for index in (old_index, new_index)], list(targets))
    if against_workspace:
        new = present(new, ws)
        old.share_rows(new)
    return _compared(repo, old, new, with_missing=b_rev is None)


def _index_at(repo: Repo, commit: str) -> Index:
    assert repo.scm is not None
    return load_index(repo, repo.scm.files_at(commit, repo.root_dir))


def _select(indexes: list[Index], trees: list[DataTree], targets: list[str]) -> list[DataTree]:
    """Each side cut down to what the targets mean there; a target must be tracked on one of them."""
    if not targets:
        return trees
    keys: list[list[str]] = [[] for _ in indexes]
    for target in targets:
        found = [_keys_of(index, target) for index in indexes]
        if all(part is None for part in found):
            raise TargetMissing(f"'{target}' is tracked in neither of the two revisions", hint="`dataver list . -R --dvc-only` shows what is tracked.")
        for known, part in zip(keys, found):
            known += part or ()
    return [tree.select(known) for tree, known in zip(trees, keys)]


def _keys_of(index: Index, target: str) -> list[str] | None:
    """Paths relative to the root that a target means in one index; None when it is nothing there."""
    from tracking.engine.targets import collect

    repo = index.repo
    try:
        found = collect(index, [target], cwd=repo.cwd)
    except (OutputNotFound, StageNotFound):
        return None
    keys = []
    for item in found:
        paths = [item.path] if item.path else [out.abspath for out in item.stage.outs if out.abspath]
        keys += [repo.rel(path) for path in paths]
    return keys


def _compared(repo: Repo, old: DataTree, new: DataTree, with_missing: bool) -> DataChanges:
    changes = compare(old, new, granular=True, without_hash=True)
    # a path that is a mere folder on the other side is not reported, what lies in that folder is
    changes.added = [change for change in changes.added if change[0] not in changes.replaced]
    changes.deleted = [change for change in changes.deleted if change[0] not in changes.replaced]
    pair_renames(changes)
    states: Entries = {
        "added": [_entry(shown(path, now), _hash(now)) for path, _, now in changes.added],
        "deleted": [_entry(shown(path, before), _hash(before)) for path, before, _ in changes.deleted],
        "modified": [_entry(shown(path, before), {"old": _hash(before), "new": _hash(now)}) for path, before, now in changes.modified],
        "renamed": [_entry({"old": shown(before, key), "new": shown(now, key)}, _hash(key)) for before, now, key in changes.renamed],
        MISSING: [_entry(shown(path, oid), oid) for path, oid in missing_objects(repo, old, True)] if with_missing else [],
    }
    for entries in states.values():
        entries.sort(key=_sort_key(entries))
    return DataChanges(states if any(states.values()) else {}, changes.unlisted)


def _entry(path: Any, value: Any) -> dict[str, Any]:
    return {"path": path, "hash": value}


def _hash(key: str) -> str | None:
    return hash_value(key) or None


def _sort_key(entries: list[dict[str, Any]]) -> Callable[[dict[str, Any]], str]:
    if entries and isinstance(entries[0]["path"], dict):
        return lambda entry: str(entry["path"]["old"])
    return lambda entry: str(entry["path"])
