"""Compare two sides of tracked data (datatree.DataTree) path by path.

Two tables of path -> hash are compared, never objects; outs that are equal on both
sides are not taken apart. A hash is "" where an out has none yet, and bears its
name where it is not a plain md5, so that equal digits of two algorithms differ.
"""
from __future__ import annotations

from tracking.engine.datatree import DataTree
from tracking.engine.hints import TYPE_CHECKING, Iterable
from tracking.engine.record import field, record
from tracking.engine.stage import MD5, MD5_DOS2UNIX, Digest
from tracking.engine.tree import DIR_SUFFIX, parent_folders

if TYPE_CHECKING:
    from tracking.engine.repo import Repo

Change = tuple[str, str, str]  # path, hash before, hash after
Rename = tuple[str, str, str]  # path before, path after, hash

ALGORITHMS = (MD5, MD5_DOS2UNIX)  # other hashes (etags) name nothing in the cache


@record
class Changes:
    """What differs. unknown: paths of the newer side whose older state cannot be told.

    unlisted: outs whose manifest is in no cache, so that their files are not compared.
    """

    added: list[Change] = field(default_factory=list)
    deleted: list[Change] = field(default_factory=list)
    modified: list[Change] = field(default_factory=list)
    renamed: list[Rename] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)  # folders end in "/"
    unknown: list[str] = field(default_factory=list)  # folders end in "/"
    replaced: set[str] = field(default_factory=set)  # added or deleted paths that are a mere folder on the other side
    unlisted: list[tuple[str, Digest]] = field(default_factory=list)


def hash_value(key: str) -> str:
    """The hash itself, with `.dir` for a folder."""
    return key.rpartition(":")[2]


def is_folder(key: str) -> bool:
    return key.endswith(DIR_SUFFIX)


def shown(path: str, *keys: str) -> str:
    """A path as it is printed: with a "/" when the first hash that exists is a folder's."""
    key = next((key for key in keys if key), "")
    return path + "/" if is_folder(key) else path


def compare(old: DataTree, new: DataTree, *, granular: bool, keep_unchanged: bool = False, without_hash: bool = False) -> Changes:
    """Changes from `old` to `new`, renames not yet paired.

    granular: look into folders. without_hash: an out that was never computed counts as
    there (`diff`), else as absent (`data status`).
    """
    changes = Changes()
    rest = []
    for path, listed in old.outs.items():
        other = new.outs.get(path)
        if other is None or listed.digest is None or listed.digest != other.digest:
            rest.append(path)
        elif keep_unchanged:
            _add_unchanged(changes, path, old, new, granular)
    rest_set = set(rest)
    others = [path for path, listed in new.outs.items() if path in rest_set or path not in old.outs]
    hidden: set[str] = set()
    before = _flat(old, rest, granular, without_hash, hidden, changes)
    after = _flat(new, others, granular, without_hash, hidden, changes)
    if hidden:
        prefixes = tuple(f"{path}/" for path in hidden)
        changes.unknown += _below(after, prefixes)
        before, after = _without(before, prefixes), _without(after, prefixes)
    if not without_hash and "" in after.values():  # symlinks to nothing
        after = {path: key for path, key in after.items() if key}
    _compare_tables(before, after, changes, keep_unchanged)
    return changes


def _add_unchanged(changes: Changes, path: str, old: DataTree, new: DataTree, granular: bool) -> None:
    listed = old.outs[path]
    if path not in old.inside:
        changes.unchanged.append(f"{path}/" if listed.isdir else path)
    if granular and listed.isdir:
        rows = new.rows(path)  # the workspace knows them without a manifest
        prefix = f"{path}/"
        changes.unchanged += [prefix + name for name, _ in (old.rows(path) if rows is None else rows) or ()]


def _flat(tree: DataTree, paths: Iterable[str], granular: bool, without_hash: bool, hidden: set[str], changes: Changes) -> dict[str, str]:
    """path -> hash of outs and, when granular, of the files in them; `hidden` collects those without rows."""
    table: dict[str, str] = {}
    for path in paths:
        listed = tree.outs[path]
        digest = listed.digest
        mark = "" if digest is None or digest.name == MD5 else f"{digest.name}:"
        if path not in tree.inside and (digest is not None or (without_hash and not listed.partial)):
            table[path] = mark + digest.value if digest is not None else ""
        if not granular:
            continue
        rows = tree.rows(path)
        if rows is None:
            hidden.add(path)
            if digest is not None:
                changes.unlisted.append((path, digest))
        elif mark:
            table.update({f"{path}/{name}": mark + value for name, value in rows})
        else:
            prefix = f"{path}/"
            table.update([(prefix + name, value) for name, value in rows])
    return table


def _below(table: dict[str, str], prefixes: tuple[str, ...]) -> list[str]:
    """Paths below one of the prefixes, and the folders between."""
    found = [path for path in table if path.startswith(prefixes)]
    folders = [f"{path}/" for path in parent_folders(found) if path.startswith(prefixes)]
    return found + folders


def _without(table: dict[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {path: key for path, key in table.items() if not path.startswith(prefixes)}


def _compare_tables(before: dict[str, str], after: dict[str, str], changes: Changes, keep_unchanged: bool) -> None:
    for path, key in before.items():
        now = after.get(path)
        if now is None:
            changes.deleted.append((path, key, ""))
        elif now != key:
            changes.modified.append((path, key, now))
        elif keep_unchanged and key:
            changes.unchanged.append(shown(path, key))
    changes.added += [(path, "", key) for path, key in after.items() if path not in before]
    if changes.deleted:
        changes.replaced.update(parent_folders(after).intersection([change[0] for change in changes.deleted]))
    if changes.added:
        changes.replaced.update(parent_folders(before).intersection([change[0] for change in changes.added]))


def pair_renames(changes: Changes) -> None:
    """Turn an addition and a deletion of the same hash into a rename, in order of their paths."""
    if not changes.added or not changes.deleted:
        return
    waiting: dict[str, list[Change]] = {}
    for change in sorted(changes.deleted, key=_by_parts, reverse=True):
        if change[1]:
            waiting.setdefault(change[1], []).append(change)
    added = []
    moved = set()
    for change in sorted(changes.added, key=_by_parts):
        same = waiting.get(change[2])
        if same:
            source = same.pop()
            moved.add(source[0])
            changes.renamed.append((source[0], change[0], change[2]))
        else:
            added.append(change)
    changes.added = added
    changes.deleted = [change for change in changes.deleted if change[0] not in moved]


def _by_parts(change: Change) -> list[str]:
    return change[0].split("/")


def missing_objects(repo: Repo, tree: DataTree, granular: bool) -> list[tuple[str, str]]:
    """(path, hash) of what a side names and the cache lacks; folders by their manifest."""
    wanted: dict[bool, dict[str, list[str]]] = {}
    folders: list[Digest] = []
    found: list[tuple[str, str]] = []
    for path, listed in tree.outs.items():
        digest = listed.digest
        if digest is None:
            continue
        if digest.name not in ALGORITHMS:
            found.append((path, digest.value))
            continue
        store = repo.store_for(digest)
        is_whole = path not in tree.inside
        changed = repo.state.changed_since_complete(store, digest.value) if digest.isdir and granular and is_whole else None
        if changed == set() and store.exists([digest.value]):
            continue
        oids = wanted.setdefault(digest.is_legacy, {})
        if is_whole:
            oids.setdefault(digest.value, []).append(path)
        rows = tree.rows(path) if granular else None
        if rows:
            prefix = f"{path}/"
            for name, value in rows:
                if changed is None or value[:2] in changed:
                    oids.setdefault(value, []).append(prefix + name)
            if is_whole:
                folders.append(digest)
    for legacy, oids in wanted.items():
        there = (repo.legacy_store if legacy else repo.store).exists(oids)
        if len(there) < len(oids):
            found += [(path, oid) for oid, paths in oids.items() if oid not in there for path in paths]
    if not found:  # spares the next command the question
        for digest in folders:
            repo.state.remember_complete(repo.store_for(digest), digest.value)
    return found
