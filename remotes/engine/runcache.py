"""Copy the run cache between a remote and the cache: files below `runs/`.

Entries are never changed, so only those that the other side lacks are copied, from and to a folder
oldest first: readers take the newest entry of a key.
"""
from __future__ import annotations

import os
import re

from remotes.engine.elsewhere import JOBS
from remotes.engine.presence import can_list
from remotes.engine.retry import Retry
from remotes.engine.storage import Remotes
from remotes.engine.threads import on_threads
from tracking.engine import atomic
from tracking.engine.errors import ConfigError, DataverError, RemoteError
from tracking.engine.hints import Any
from tracking.engine.objects import LocalStore, make_folder
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

RUNS = "runs"
ENTRY = re.compile(r"runs/([0-9a-f]{2})/\1[0-9a-f]{62}/[0-9a-f]{64}")


class RunCacheUnsupported(RemoteError):
    """A storage whose files cannot be listed."""


def push_runs(repo: Repo, remote: str | None, io: Io) -> int:
    """Returns how many entries were sent. Raises ConfigError, DataverError."""
    store = _store(repo, remote, io)
    if store is None:
        return 0
    if isinstance(store, LocalStore):
        return _copy_missing(repo.cache_dir, store.path, store.dir_mode)
    there = _listed(store)
    here = {os.path.relpath(path, repo.cache_dir).replace(os.sep, "/"): path for path in _entries(repo.cache_dir)}
    todo = sorted(rel for rel in here if rel not in there and ENTRY.fullmatch(rel))
    retry = Retry()
    on_threads(todo, lambda rel: retry(lambda: store.put_file(here[rel], rel)), JOBS)
    return len(todo)


def fetch_runs(repo: Repo, remote: str | None, io: Io) -> int:
    """Returns how many entries came; none without any remote. Raises ConfigError, DataverError."""
    try:
        store = _store(repo, remote, io)
    except ConfigError:
        if remote or repo.config.default_remote():
            raise
        return 0
    if store is None:
        return 0
    if isinstance(store, LocalStore):
        return _copy_missing(store.path, repo.cache_dir, repo.store.dir_mode)
    todo = sorted(rel for rel in _listed(store) if not os.path.exists(os.path.join(repo.cache_dir, rel)))
    retry = Retry()

    def bring(rel: str) -> None:
        final = os.path.join(repo.cache_dir, *rel.split("/"))
        make_folder(os.path.dirname(final), repo.store.dir_mode)
        temporary = atomic.temp_beside(final)
        try:
            retry(lambda: store.get_file(rel, temporary))
            atomic.replace(temporary, final)
        finally:
            atomic.discard(temporary)

    on_threads(todo, bring, JOBS)
    return len(todo)


def _store(repo: Repo, remote: str | None, io: Io) -> Any:
    """A folder, or a store elsewhere whose files can be listed; None for a remote that keeps versions of files, and no runs."""
    remotes = Remotes(repo, remote, tool=io.tool)
    found = remotes.get()
    if found.is_versioned:
        return None
    store = remotes.store(found)
    if not isinstance(store, LocalStore) and (getattr(store, "files_below", None) is None or not can_list(store)):
        raise RunCacheUnsupported(f"the run cache cannot be kept on remote '{found.name}': its files cannot be listed")
    return store


def _listed(store: Any) -> set[str]:
    """Entries of a store elsewhere; what has another name there is none."""
    return {rel for rel in Retry()(lambda: list(store.files_below(RUNS))) if ENTRY.fullmatch(rel)}


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
