"""Folders of objects that belong to somebody else."""
from __future__ import annotations

import os

from tracking.engine.objects import LocalStore, ObjectStore, is_protected_file


class ForeignStore(LocalStore):
    """A folder of objects that belongs to somebody else: damaged ones count as absent and stay where they are."""

    def _move_aside(self, oid: str, path: str) -> str:
        if self.on_corrupt is not None:
            self.on_corrupt(oid, path)
        return path

    def check(self, oid: str) -> None:
        if not is_protected_file(os.stat(self.path_of(oid)).st_mode):
            self.verify(oid)


def read_only(store: ObjectStore) -> ObjectStore:
    """A store in which nothing is moved, whatever is found there."""
    return ForeignStore(store.path, store.legacy) if isinstance(store, LocalStore) else store
