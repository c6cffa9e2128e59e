"""Hash what lies at a path, with the help of the state, and store it where a store is given.

Order is the safety: file objects, one barrier, then the manifest that names them.
"""
from __future__ import annotations

import os
import stat as stat_module
import time

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.light import cached_property
from tracking.engine.protocols import NoProgress, Progress
from tracking.engine.stage import MD5, Digest, Meta
from tracking.engine.tree import dump_tree, tree_oid
from tracking.engine.walk import walk_files

if TYPE_CHECKING:
    from tracking.engine.ignore import Ignore
    from tracking.engine.ingest import Source
    from tracking.engine.objects import LocalStore
    from tracking.engine.state import DirState, State, WalkRow

REMEMBERED_BYTES = 1 << 16  # hashing a single file below this costs less than opening the database

Entry = tuple[str, int, int, int, int, str]  # relpath, size, mtime_ns, ino, mode, md5


class Built:
    """What was found: digest, facts, and for a folder its files.

    rows: the walk, sorted by path (None for a file). hashes: one per row. links: paths of symlinks among them.
    """

    def __init__(self, digest: Digest, meta: Meta, rows: list[WalkRow] | None = None, hashes: list[str] | None = None, links: list[str] | None = None) -> None:
        self.digest = digest
        self.meta = meta
        self.rows = rows
        self.hashes = hashes or []
        self.links = links or []

    @cached_property
    def entries(self) -> list[Entry] | None:
        """(relpath, size, mtime_ns, ino, mode, md5) of every file; None for a file."""
        if self.rows is None:
            return None
        return [(*row, value) for row, value in zip(self.rows, self.hashes)]

    @property
    def is_plain(self) -> bool:
        """A folder of writable files, none of them a link to something else."""
        return self.rows is not None and not self.links and all([row[4] & stat_module.S_IWUSR for row in self.rows])

    def tree(self) -> list[tuple[str, str]]:
        """Rows of the manifest: (relpath, md5), sorted."""
        return list(zip([row[0] for row in self.rows or ()], self.hashes))

    @cached_property
    def tree_bytes(self) -> bytes | None:
        """The manifest; None for a file."""
        return None if self.rows is None else dump_tree(self.tree())


def build(
    path_abs: str,
    *,
    ignore: Ignore | None,
    rel: str,
    state: State,
    algorithm: str = MD5,
    store: LocalStore | None = None,
    progress: Progress | None = None,
    broken: list[str] | None = None,
    hollow: list[str] | None = None,
) -> Built:
    """Hash a file or folder; files whose stat is remembered are not read.

    rel: the path relative to the root of `ignore`. store: also put objects there, files
    missing from it included. broken, hollow: take the paths of symlinks to nothing,
    and of folders that hold nothing. Raises FileNotFoundError, FileChanged, DataverError.
    """
    st = os.stat(path_abs)
    if stat_module.S_ISDIR(st.st_mode):
        return _build_dir(path_abs, ignore, rel, state, algorithm, store, progress or NoProgress(), broken, hollow)
    if not stat_module.S_ISREG(st.st_mode):
        raise DataverError(f"'{path_abs}' is neither a file nor a folder and cannot be versioned")
    return _build_file(path_abs, st, state, algorithm, store, progress or NoProgress())


def _build_file(path: str, st: os.stat_result, state: State, algorithm: str, store: LocalStore | None, progress: Progress) -> Built:
    remembered = st.st_size > REMEMBERED_BYTES
    looked_ns = time.time_ns()
    value = state.get_file(path, st, algorithm) if remembered else None
    if value is None or (store is not None and not store.is_intact(value)):
        value = _hash([(path, st.st_size, st.st_mtime_ns)], algorithm, store, progress)[0]
        if remembered:
            state.save_file(path, st, value, algorithm, looked_ns)
    meta = Meta(size=st.st_size, isexec=bool(st.st_mode & stat_module.S_IXUSR))
    return Built(Digest(algorithm, value), meta)


def _hash(sources: list[Source], algorithm: str, store: LocalStore | None, progress: Progress) -> list[str]:
    if store is not None:
        return store.ingest(sources, progress)
    from tracking.engine.ingest import ingest  # when something is new

    try:
        return [value for value, _ in ingest(sources, algorithm, progress)]
    except OSError as error:
        if error.filename is None:
            raise
        raise DataverError(f"cannot read '{error.filename}': {error.strerror}", hint="Check its permissions.") from error


def _build_dir(
    path: str,
    ignore: Ignore | None,
    rel: str,
    state: State,
    algorithm: str,
    store: LocalStore | None,
    progress: Progress,
    broken: list[str] | None,
    hollow: list[str] | None,
) -> Built:
    looked_ns = time.time_ns()
    links: list[str] = []
    rows = walk_files(path, rel, ignore, broken=broken, hollow=hollow, links=links)
    saved = state.get_dir(path, algorithm)
    changed = state.changed_since_complete(store, saved.value) if saved is not None and saved.value and store is not None else None
    if saved is not None and saved.value and saved.rows == rows:
        if store is None or changed == set():
            return _built(rows, saved.hashes, Digest(algorithm, saved.value), links)
        hashes = saved.hashes
    else:
        hashes = _remembered(rows, saved) if saved is not None else [""] * len(rows)
    stored = {value for value in saved.hashes if value[:2] not in changed} if saved is not None and changed is not None else set()
    hashes = _complete(path, rows, hashes, algorithm, store, progress, stored)
    data = dump_tree(zip([row[0] for row in rows], hashes))
    digest = Digest(algorithm, tree_oid(data))
    if store is not None:
        store.add_bytes(digest.value, data)
        state.remember_complete(store, digest.value)
    if saved is None or saved.rows != rows or saved.hashes != hashes:
        state.save_dir(path, rows, hashes, digest.value, algorithm, looked_ns)
    return _built(rows, hashes, digest, links)


def _built(rows: list[WalkRow], hashes: list[str], digest: Digest, links: list[str]) -> Built:
    return Built(digest, Meta(size=sum([row[1] for row in rows]), nfiles=len(rows)), rows, hashes, links)


def _remembered(rows: list[WalkRow], saved: DirState) -> list[str]:
    """A hash per row, "" where unknown. A renamed file is found by its inode, size and time."""
    known = saved.known()
    if len(rows) != len(saved.rows):
        return [known.get(row[1:4], "") for row in rows]
    # as a rule most rows are where they were, and comparing costs less than looking up
    return [value if row == old else known.get(row[1:4], "") for row, old, value in zip(rows, saved.rows, saved.hashes)]


def _complete(path: str, rows: list[WalkRow], hashes: list[str], algorithm: str, store: LocalStore | None, progress: Progress, stored: set[str]) -> list[str]:
    """Fill in unknown hashes; with a store, also store what it lacks. stored: hashes known to be in it."""
    present = stored | store.exists(set(hashes) - {""} - stored) if store is not None else None
    todo = [number for number, value in enumerate(hashes) if not value or (present is not None and value not in present)]
    if not todo:
        return hashes
    sources = [(f"{path}/{rows[number][0]}", rows[number][1], rows[number][2]) for number in todo]
    result = list(hashes)
    for number, value in zip(todo, _hash(sources, algorithm, store, progress)):
        result[number] = value
    return result
