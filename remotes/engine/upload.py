"""`--to-remote` of add, import-url and update: data goes straight to a remote, without a copy in cache or workspace."""
from __future__ import annotations

import os
import posixpath
import tempfile
from urllib.parse import urlsplit

from remotes.engine.storage import Remotes
from remotes.engine.urlsource import LocalPath, UrlSource, open_url
from tracking.engine.add import plan
from tracking.engine.build import Built, build
from tracking.engine.commit import write_dvcfile
from tracking.engine.errors import ConfigError, DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.protocols import Io
from tracking.engine.record import replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Digest, Meta

if TYPE_CHECKING:
    import argparse


def add_to_remote(repo: Repo, index: Index, args: argparse.Namespace, io: Io) -> None:
    """args: as `add` parses them, one target. Raises DataverError."""
    place = _place(index, args.targets[0], args.out, io.cwd, args.force)
    stage = plan(index, [os.path.relpath(place, io.cwd)], io.cwd)[0].stage
    if not os.path.isdir(stage.wdir):
        raise DataverError(f"stage working dir '{stage.wdir}' does not exist", hint="Make the folder first.")
    source = open_url(repo.config, args.targets[0], None, io.cwd, repo.settings)
    if not source.exists():
        raise DataverError(f"[Errno 2] No such file or directory: '{source.shown}'")
    with repo.paths_lock(io, write=[place]):
        old = next((item for item in stage.outs if item.abspath == place), None)
        if old is None:
            raise DataverError(f"'{repo.display(place)}' lies inside of a tracked folder", hint="Name the folder itself with -o to replace it.")
        digest, meta = upload(repo, source, args.remote, io, "add", args.remote_jobs)
        new = replace(old, digest=digest, meta=meta, files=None, cloud=None)
        write_dvcfile(repo, replace(stage, outs=tuple(new if item is old else item for item in stage.outs)))


def _place(index: Index, source: str, out: str | None, cwd: str, force: bool) -> str:
    """Where the data would lie in the workspace."""
    name = posixpath.basename(posixpath.normpath(urlsplit(source).path.replace(os.sep, "/")))
    if not out:
        return os.path.normpath(os.path.join(cwd, name))
    place = os.path.normpath(os.path.join(cwd, out))
    if os.path.isdir(place) and place not in index.out_by_path:
        place = os.path.join(place, name)
    if os.path.lexists(place) and not force:
        raise DataverError(f"The file '{index.repo.display(place)}' already exists locally. \nTo override it, re-run with '--force'.")
    return place


def upload(repo: Repo, source: UrlSource, remote: str | None, io: Io, command: str, jobs: int | None = None) -> tuple[Digest, Meta]:
    """Send what is at a source to a remote. Files elsewhere pass through a temporary folder.

    Raises ConfigError, RemoteError, DataverError.
    """
    remotes = Remotes(repo, remote, tool=io.tool, command=command)
    try:
        store = remotes.store(remotes.get())
    except ConfigError as error:
        raise DataverError(f"config file error: {error}", error.hint) from error
    if isinstance(source, LocalPath):
        return _send(repo, source.path, store, io, jobs)
    with repo.store.scratch() as scratch:
        path = os.path.join(scratch, "data")
        source.bring(path, io.progress, jobs)
        return _send(repo, path, store, io, jobs, is_scratch=True)


def _send(repo: Repo, path: str, store: ObjectStore, io: Io, jobs: int | None, is_scratch: bool = False) -> tuple[Digest, Meta]:
    inside = repo.contains(os.path.realpath(path)) and not is_scratch
    rel = repo.rel(os.path.realpath(path)) if inside else ""
    into = store if isinstance(store, LocalStore) else None
    built = build(path, ignore=repo.ignore if inside else None, rel=rel, state=repo.state, store=into, progress=io.progress)
    if into is None:
        _put(repo, path, built, store, io, jobs)
    return built.digest, built.meta


def _put(repo: Repo, path: str, built: Built, store: ObjectStore, io: Io, jobs: int | None) -> None:
    """Files, then the manifest that names them."""
    from remotes.engine.presence import existing
    from remotes.engine.threads import on_threads

    paths = {oid: os.path.join(path, rel) for rel, oid in built.tree()} if built.rows is not None else {built.digest.value: path}
    todo = sorted(set(paths) - existing(store, paths))
    io.progress.start("Sending", len(todo))

    def send(oid: str) -> None:
        store.put(paths[oid], oid)
        io.progress.advance(1)

    try:
        on_threads(todo, send, jobs or 8)
    finally:
        io.progress.finish()
    if built.tree_bytes is not None:
        os.makedirs(repo.tmp_dir, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=repo.tmp_dir) as file:
            file.write(built.tree_bytes)
            file.flush()
            store.put(file.name, built.digest.value)
