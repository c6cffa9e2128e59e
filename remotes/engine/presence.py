"""Which objects a store holds.

A folder known to be complete is not opened, nor are its objects asked for: the state
database remembers it together with the store's signature, which changes with any object
added or removed by anybody.
"""
from __future__ import annotations

from collections.abc import Collection

from tracking.engine.objects import PREFIXES, LocalStore, ObjectStore
from tracking.engine.repo import Repo
from tracking.engine.used import Group, UsedTree

ASK_AT_MOST = 500  # objects; beyond, listing a remote is fewer requests


def existing(store: ObjectStore, oids: Collection[str]) -> set[str]:
    """Those of `oids` that the store holds."""
    if isinstance(store, LocalStore) or len(oids) <= ASK_AT_MOST:
        return store.exists(oids)  # in a folder, asking costs microseconds and sees modes, too
    wanted = set(oids)
    prefixes = {oid[:2] for oid in wanted}
    listed = store.list_oids(None if len(prefixes) == len(PREFIXES) else sorted(prefixes))
    return {oid for oid, _ in listed if oid in wanted}


def is_complete(repo: Repo, store: ObjectStore, oid: str) -> bool:
    """Whether a manifest and all it lists is known to be in the store, as it is now."""
    return isinstance(store, LocalStore) and repo.state.known_complete(store, oid)


def remember_complete(repo: Repo, store: ObjectStore, oid: str) -> None:
    if isinstance(store, LocalStore):
        repo.state.remember_complete(store, oid)


def incomplete(repo: Repo, store: ObjectStore, group: Group) -> Group:
    """The group without the folders that the store is known to hold."""
    trees: dict[str, UsedTree] = {oid: tree for oid, tree in group.trees.items() if not is_complete(repo, store, oid)}
    return Group(group.files, trees)
