"""Copy the run cache between a folder remote and the cache: files below `runs/`.

Entries are never changed, so only those that the other side lacks are copied, oldest first:
readers take the newest entry of a key.
"""
from __future__ import annotations

import os

from remotes.engine.storage import Remotes
from tracking.engine import atomic
from tracking.engine.errors import ConfigError, DataverError, RemoteError
from tracking.engine.ingest import make_folder
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

RUNS = "runs"


def push_runs(repo: Repo, remote: str | None, io: Io) -> int:
    """Returns how many entries were sent. Raises ConfigError, DataverError."""
    store = _folder(repo, remote, io)
    return _copy_missing(repo.cache_dir, store.path, store.dir_mode)


def fetch_runs(repo: Repo, remote: str | None, io: Io) -> int:
    """Returns how many entries came; none without any remote. Raises ConfigError, DataverError."""
    try:
        store = _folder(repo, remote, io)
    except ConfigError:
        if remote or repo.config.default_remote():
            raise
        return 0
    return _copy_missing(store.path, repo.cache_dir, repo.store.dir_mode)


def _folder(repo: Repo, remote: str | None, io: Io) -> LocalStore:
    remotes = Remotes(repo, remote, tool=io.tool)
    found = remotes.get()
    store = remotes.store(found)
    if not isinstance(store, LocalStore):
        raise RemoteError(f"the run cache cannot be kept on remote '{found.name}'")
    return store


def _copy_missing(source: str, target: str, dir_mode: int | None) -> int:
    todo = sorted((os.stat(path).st_mtime_ns, path) for path in _entries(source))
    count = 0
    for _, path in todo:
        final = os.path.join(target, os.path.relpath(path, source))
        if os.path.exists(final):
            continue
        try:
            with open(path, "rb") as file:
                data = file.read()
            make_folder(os.path.dirname(final), dir_mode)
        except OSError as error:
            raise DataverError(f"cannot copy the run cache to '{final}': {error.strerror}") from error
        atomic.write_bytes(final, data, durable=False)
        count += 1
    return count


def _entries(folder: str) -> list[str]:
    """Paths of all entries: runs/kk/<key>/<value>, temporary files left out."""
    found: list[str] = []
    for top, _, names in os.walk(os.path.join(folder, RUNS)):
        found += [os.path.join(top, name) for name in names if not atomic.is_temp_name(name)]
    return found
