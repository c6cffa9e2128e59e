"""`remote check` of remotes that keep versions: whether each recorded version of a file is there, whole."""
from __future__ import annotations

import os

from remotes.engine.apart import VersionedData
from remotes.engine.clienterrors import translated
from remotes.engine.elsewhere import JOBS
from remotes.engine.retry import Retry
from remotes.engine.threads import on_threads
from remotes.engine.urlsource import Elsewhere
from remotes.engine.versioned import Item, items_of, place_of
from tracking.engine import atomic
from tracking.engine.errors import RemoteError
from tracking.engine.hashing import hash_file
from tracking.engine.hints import Callable
from tracking.engine.protocols import Io
from tracking.engine.record import record
from tracking.engine.repo import Repo

MISSING, DAMAGED = "missing", "damaged"


@record(frozen=True)
class Looked:
    """One file of an out as it is on a remote. state: "" when it is as recorded. rel: inside of the out."""

    data: VersionedData
    rel: str
    oid: str
    size: int | None
    state: str = ""
    reason: str = ""


def look_at_versions(repo: Repo, noted: list[VersionedData], io: Io, jobs: int | None, verify: bool) -> list[Looked]:
    """Every file once for each out that names it. Raises RemoteError when a storage cannot be asked, DataverError."""
    todo: list[tuple[VersionedData, Elsewhere, Item]] = []
    found: list[Looked] = []
    for data in noted:
        assert data.out.digest is not None
        items = items_of(repo, data)
        if items is None:
            found.append(Looked(data, "", data.out.digest.value, None, MISSING, "what it lists is known neither here nor by the file that names it"))
            continue
        place = place_of(repo, data.remote, data.out)
        todo += [(data, place, item) for item in items]
    scratch = os.path.join(repo.tmp_dir, "dataver")
    os.makedirs(scratch, exist_ok=True)
    io.progress.start("Looking at versions", len(todo))

    def one(task: tuple[VersionedData, Elsewhere, Item]) -> Looked:
        data, place, item = task
        size, state, reason = _look(place, item, scratch if verify else "")
        io.progress.advance()
        return Looked(data, item.rel, item.md5, size, state, reason)

    try:
        return found + on_threads(todo, one, jobs or JOBS)
    finally:
        io.progress.finish()


def _look(place: Elsewhere, item: Item, scratch: str) -> tuple[int | None, str, str]:
    """(size there, state, reason). scratch: a folder to download to, "" looks at the size alone."""
    if not item.version:
        return None, MISSING, "no version of it was ever pushed"
    path = place.path_of(item.rel, item.version)
    shown = f"{place.shown}/{item.rel}" if item.rel else place.shown

    def ask() -> int | None:
        with translated(shown):
            size = place.location.fs.info(path).get("size")
            return None if size is None else int(size)

    try:
        size = Retry()(ask)
        if item.size is not None and size is not None and size != item.size:
            return size, DAMAGED, f"has {size} bytes instead of {item.size}"
        if scratch and item.md5 and _hash(lambda to: place.download({"relpath": item.rel, "size": size, "version_id": item.version}, to), scratch) != item.md5:
            return size, DAMAGED, "is not what the project recorded"
    except FileNotFoundError:
        return None, MISSING, f"its version {item.version} is not there"
    except RemoteError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None, MISSING, f"its version {item.version} is not there"
        raise
    return size, "", ""


def _hash(download: Callable[[str], None], scratch: str) -> str:
    temporary = os.path.join(scratch, atomic.temp_name())
    try:
        download(temporary)
        return hash_file(temporary)
    finally:
        atomic.discard(temporary)
