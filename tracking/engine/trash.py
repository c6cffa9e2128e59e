"""`trash/` in the cache folder: objects that `gc --trash` took out and `gc --restore` brings back.

Layout, documented in docs/formats/cache.md:

    trash/<UTC time>-<random>/trash.json
                             /md5/<oid>            objects of the present layout
                             /md5-dos2unix/<oid>   of 2.x

No folder in there has a name of two characters, since dvc takes every path that ends in such a
folder and a file for an object. Objects are moved by renaming, so each is in the cache or in the
trash, never in neither. The batch's name says when it expires; trash.json repeats that for people.
"""
from __future__ import annotations

import calendar
import errno
import os
import re
import time

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hashing import hash_file
from tracking.engine.hints import Iterable, Iterator
from tracking.engine.objects import LocalStore, is_oid, is_protected_file, make_folder
from tracking.engine.record import field, record
from tracking.engine.stage import MD5
from tracking.engine.tree import DIR_SUFFIX, load_tree

FOLDER = "trash"
ABOUT = "trash.json"
DAYS = 7
KEEP_S = DAYS * 86_400
SHORTEST = 4  # characters of an oid that say which is meant
_STAMP = "%Y%m%dT%H%M%SZ"
_BATCH = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]+")


@record(frozen=True)
class Trashed:
    """One object in the trash. path: absolute. since, until: seconds since 1970."""

    oid: str
    legacy: bool
    path: str
    size: int
    since: int

    @property
    def until(self) -> int:
        return self.since + KEEP_S

    @property
    def batch(self) -> str:
        """Name of what was moved together."""
        return os.path.basename(os.path.dirname(os.path.dirname(self.path)))


@record
class Restored:
    """What `restore` did. present: were in the cache, too. damaged: paths left in the trash, not what their name says."""

    oids: list[str] = field(default_factory=list)
    size: int = 0
    present: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


class Trash:
    """The trash of a cache. stores: that cache in its layouts (legacy -> store)."""

    def __init__(self, stores: dict[bool, LocalStore]) -> None:
        self.stores = stores
        self.path = os.path.join(stores[False].path, FOLDER)

    # --- in
    def put(self, objects: dict[bool, dict[str, int]], now: float | None = None) -> int:
        """Move objects (legacy -> oid -> size) here as one batch; returns the time they are kept until.

        Manifests should come first, so that what is left of an interrupted move claims nothing that
        is not there. Raises DataverError.
        """
        since = int(time.time() if now is None else now)
        sizes = [size for part in objects.values() for size in part.values()]
        if not sizes:
            return since + KEEP_S
        batch = os.path.join(self.path, f"{time.strftime(_STAMP, time.gmtime(since))}-{os.urandom(3).hex()}")
        try:
            self._move_in(batch, objects, {"version": 1, "trashed_at": iso(since), "kept_until": iso(since + KEEP_S), "objects": len(sizes), "size": sum(sizes)})
        except OSError as error:
            raise _cannot(f"cannot move objects to '{batch}'", error) from error
        return since + KEEP_S

    def _move_in(self, batch: str, objects: dict[bool, dict[str, int]], about: dict[str, object]) -> None:
        import json

        if os.path.islink(self.path):
            raise DataverError(f"'{self.path}' is a link, so nothing was moved there", hint="Remove it, or run `dataver gc` without --trash.")
        for legacy, oids in objects.items():
            if oids:
                make_folder(os.path.join(batch, self.stores[legacy].algorithm), self.stores[legacy].dir_mode)
        atomic.write_text(os.path.join(batch, ABOUT), json.dumps(about) + "\n")
        for folder in (self.path, os.path.dirname(self.path)):
            atomic.fsync_path(folder)  # they may have just been made
        moved = []
        for legacy, oids in objects.items():
            store = self.stores[legacy]
            for oid in oids:
                target = os.path.join(batch, store.algorithm, oid)
                if store.move_out(oid, target):
                    moved.append(target)
        atomic.barrier(moved, batch, contents=False)

    # --- what there is
    def objects(self) -> list[Trashed]:
        """Everything in the trash, the newest batch first, manifests first in each."""
        found = []
        for since, batch in sorted(self._batches(), reverse=True):
            for legacy, store in self.stores.items():
                entries = sorted(_objects(os.path.join(batch, store.algorithm)), key=lambda item: (not item[0].endswith(DIR_SUFFIX), item[0]))
                found += [Trashed(oid, legacy, path, size, since) for oid, path, size in entries]
        return found

    def _batches(self) -> Iterator[tuple[int, str]]:
        try:
            names = os.listdir(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            match = _BATCH.fullmatch(name)
            if match is None:
                continue
            try:
                yield calendar.timegm(time.strptime(match[1], _STAMP)), os.path.join(self.path, name)
            except ValueError:
                continue  # no date: not ours

    def select(self, names: Iterable[str]) -> list[Trashed]:
        """Objects named by oid or its beginning, or by the batch they are in; for a manifest also the files it lists. "all": everything.

        Raises DataverError for a name that none or several objects begin with.
        """
        found = self.objects()
        names = list(names)
        if not names or "all" in names:
            return found
        wanted: set[tuple[str, bool]] = set()
        batches = {name for name in names if _BATCH.fullmatch(name)}
        for name in set(names) - batches:
            wanted |= self._named(name, found)
        if batches - {item.batch for item in found}:
            raise DataverError(f"the trash holds no batch '{min(batches - {item.batch for item in found})}'", hint="`dataver gc --restore --dry --json` lists what it holds.")
        for item in found:
            if (item.oid, item.legacy) in wanted and item.oid.endswith(DIR_SUFFIX):
                wanted |= {(md5, item.legacy) for md5 in _listed(item)}
        return [item for item in found if item.batch in batches or (item.oid, item.legacy) in wanted]

    def _named(self, name: str, found: list[Trashed]) -> set[tuple[str, bool]]:
        hits = {(item.oid, item.legacy) for item in found if item.oid == name or (len(name) >= SHORTEST and item.oid.startswith(name))}
        if not hits:
            raise DataverError(f"the trash holds no object '{name}'", hint="`dataver gc --restore --dry` lists what it holds.")
        if len({oid for oid, _ in hits}) > 1:
            raise DataverError(f"several objects in the trash begin with '{name}'", hint="Give more of its name; `dataver gc --restore --dry` lists them.")
        return hits

    # --- out
    def restore(self, items: list[Trashed]) -> Restored:
        """Bring objects back into the cache, durably, files before the manifests that list them.

        An object the cache has, too, is checked there and dropped here; one whose bytes are not
        what its name says stays. Raises DataverError.
        """
        result = Restored()
        try:
            for manifests in (False, True):
                for legacy, store in self.stores.items():
                    part = [item for item in items if item.legacy == legacy and item.oid.endswith(DIR_SUFFIX) == manifests]
                    if part:
                        with store.batch() as added:
                            for item in part:
                                self._bring_back(item, store, added, result)
        except OSError as error:
            raise _cannot(f"cannot bring objects back from '{self.path}'", error) from error
        self._tidy()
        return result

    def _bring_back(self, item: Trashed, store: LocalStore, added: list[str], result: Restored) -> None:
        if store.is_intact(item.oid):
            atomic.unlink(item.path)
            result.present.append(item.oid)
        elif not _is_intact(item, store):
            result.damaged.append(item.path)
        else:
            store.adopt(item.path, item.oid)
            added.append(store.path_of(item.oid))
            result.oids.append(item.oid)
            result.size += item.size

    # --- the end
    def expire(self, now: float | None = None) -> int:
        """Delete what was kept long enough; returns how many objects. Only names of objects are touched."""
        limit = (time.time() if now is None else now) - KEEP_S
        return self.delete([item for item in self.objects() if item.since <= limit])

    def delete(self, items: Iterable[Trashed]) -> int:
        """Delete objects for good; returns how many they were."""
        count = 0
        for count, item in enumerate(items, 1):
            if os.name == "nt":  # read-only files cannot be deleted there
                os.chmod(item.path, 0o644)
            atomic.unlink(item.path)
        self._tidy()
        return count

    def _tidy(self) -> None:
        """Remove batches that hold no object any more."""
        for _, batch in self._batches():
            for store in self.stores.values():
                _remove_empty(os.path.join(batch, store.algorithm))
            if set(os.listdir(batch)) <= {ABOUT}:
                atomic.discard(os.path.join(batch, ABOUT))
                _remove_empty(batch)
        _remove_empty(self.path)


def iso(when: float) -> str:
    """A time (seconds since 1970) as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def _objects(folder: str) -> Iterator[tuple[str, str, int]]:
    """(oid, path, size) of the objects in one folder of a batch."""
    try:
        scan = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with scan:
        for entry in scan:
            if is_oid(entry.name) and entry.is_file(follow_symlinks=False):
                yield entry.name, entry.path, entry.stat().st_size


def _listed(item: Trashed) -> list[str]:
    try:
        with open(item.path, "rb") as stream:
            return [md5 for _, md5 in load_tree(stream.read(), item.oid)]
    except (DataverError, OSError):
        return []


def _is_intact(item: Trashed, store: LocalStore) -> bool:
    """Read-only objects are trusted, as in the cache; others are hashed."""
    if is_protected_file(os.stat(item.path).st_mode):
        return True
    algorithm = MD5 if item.oid.endswith(DIR_SUFFIX) else store.algorithm
    return hash_file(item.path, algorithm) == item.oid.removesuffix(DIR_SUFFIX)


def _remove_empty(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:
        pass  # not empty, or not there


def _cannot(what: str, error: OSError) -> DataverError:
    if error.errno == errno.EXDEV:
        return DataverError(f"{what}: it is on another file system than the cache", hint="Without --trash, `dataver gc` deletes at once.")
    return DataverError(f"{what}: {error.strerror or error}", hint="Check free space and permissions, then run the command again; nothing is lost.")
