"""`cache migrate`: give objects of 2.x their name in the present layout, and the files that name them too.

The bytes stay where they are; the new name is a hard link to them (a copy where that is
impossible). Nothing is deleted: `gc` does that.
"""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.commit import hash_into_cache, with_checksum
from tracking.engine.errors import CorruptObject
from tracking.engine.hashing import hash_file
from tracking.engine.hints import Callable, Iterable
from tracking.engine.index import LOCK_FILE, Index
from tracking.engine.ingest import ingest
from tracking.engine.links import COPY, HARDLINK, link
from tracking.engine.objects import LocalStore, make_folder
from tracking.engine.protocols import Progress
from tracking.engine.record import replace
from tracking.engine.stage import MD5, Dep, Digest, Out, Stage
from tracking.engine.tree import DIR_SUFFIX, dump_tree, tree_oid
from tracking.engine.workspace import Workspace


def legacy_oids(store: LocalStore) -> list[str]:
    """Objects of a store of 2.x."""
    return sorted(oid for oid, _ in store.list_oids())


def migrate_objects(old: LocalStore, new: LocalStore, progress: Progress) -> int:
    """Hash every object of 2.x anew and link it to its new name; returns how many were not there.

    Manifests keep their bytes, so those still name files by their old hashes; `Converter` makes new ones.
    """
    oids = legacy_oids(old)
    paths = [old.path_of(oid) for oid in oids]
    stats = map(os.stat, paths)
    sources = [(path, st.st_size, st.st_mtime_ns) for path, st in zip(paths, stats)]
    names = [value + (DIR_SUFFIX if oid.endswith(DIR_SUFFIX) else "") for oid, (value, _) in zip(oids, ingest(sources, MD5, progress))]
    present = new.exists(set(names))
    todo = {name: path for name, path in zip(names, paths) if name not in present}
    with new.batch() as added:
        for name, path in todo.items():
            _link(path, name, new)
            added.append(new.path_of(name))
    return len(todo)


def _link(path: str, oid: str, store: LocalStore) -> None:
    final = store.path_of(oid)
    make_folder(os.path.dirname(final), store.dir_mode)
    temporary = atomic.temp_beside(final)
    try:
        link(path, temporary, (HARDLINK, COPY))
        store.adopt(temporary, oid)
    except BaseException:
        atomic.discard(temporary)
        raise


class Converter:
    """Present digests for those of 2.x, from the cache or, where it lacks them, from an unchanged workspace."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws
        self.old = ws.repo.legacy_store
        self.new = ws.repo.store
        self._known: dict[str, Digest | None] = {}

    def convert(self, entry: Out | Dep) -> Digest | None:
        """The new digest of the same content; None when nobody has that content any more."""
        digest = entry.digest
        assert digest is not None
        if digest.value not in self._known:
            self._known[digest.value] = self._of_objects(digest)
        return self._known[digest.value] or self._of_workspace(entry, digest)

    def _of_workspace(self, entry: Out | Dep, digest: Digest) -> Digest | None:
        found = self.ws.digest(entry.abspath, digest.name, ignored=False) if entry.abspath else None
        if found is None or found[0] != digest:
            return None
        if isinstance(entry, Out) and entry.cache:
            return hash_into_cache(self.ws, entry.abspath, MD5)[0]
        fresh = self.ws.digest(entry.abspath, MD5, ignored=False)
        return fresh[0] if fresh is not None else None

    def _of_objects(self, digest: Digest) -> Digest | None:
        try:
            if not digest.isdir:
                return Digest(MD5, self._object(digest.value))
            rows = [(relpath, self._object(md5)) for relpath, md5 in self.old.read_tree(digest.value)]
        except (FileNotFoundError, NotADirectoryError, CorruptObject):
            return None
        data = dump_tree(rows)
        oid = tree_oid(data)
        self.new.add_bytes(oid, data)
        return Digest(MD5, oid)

    def _object(self, oid: str) -> str:
        """Name of the same bytes in the present layout, where they are now too. Raises FileNotFoundError, CorruptObject."""
        self.old.verify(oid)  # it gets a new name: nothing damaged may hide behind that
        path = self.old.path_of(oid)
        name = hash_file(path, MD5)
        if not self.new.is_intact(name):
            with self.new.batch() as added:
                _link(path, name, self.new)
                added.append(self.new.path_of(name))
        return name


def legacy_stages(index: Index) -> list[Stage]:
    """Stages with an out, or a dep of their own making, that 2.x hashed."""
    return [stage for stage in index.stages if any(map(_is_legacy, stage.outs)) or any(map(_is_legacy, _deps(stage)))]


def _deps(stage: Stage) -> Iterable[Dep]:
    return () if stage.is_import else stage.deps


def _is_legacy(item: Out | Dep) -> bool:
    return item.digest is not None and item.digest.is_legacy


def migrate_stage(converter: Converter, stage: Stage, warn: Callable[[str], None]) -> Stage:
    """The stage with present digests; what nobody has any more keeps its old one, with a warning."""

    def changed(item: Out | Dep) -> Out | Dep:
        if not _is_legacy(item):
            return item
        digest = converter.convert(item)
        if digest is None:
            warn(f"'{converter.ws.name(item)}' keeps its old hash: its content is neither in the cache nor unchanged in the workspace")
            return item
        return replace(item, digest=digest)

    deps = tuple(dep if stage.is_import else changed(dep) for dep in stage.deps)
    return with_checksum(replace(stage, deps=deps, outs=tuple(map(changed, stage.outs))))


def shown_files(stages: Iterable[Stage], folder: str) -> list[str]:
    """Files that name the stages, as seen from `folder`: `x.dvc`, `dvc.yaml (dvc.lock)`; sorted."""
    found = set()
    for stage in stages:
        name = stage.file_from(folder)
        found.add(f"{name} ({os.path.join(os.path.dirname(name), LOCK_FILE)})" if stage.name else name)
    return sorted(found)
