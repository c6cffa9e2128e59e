"""`add --to-remote`: send data straight to a remote and track it, without a copy in cache or workspace."""
from __future__ import annotations

import argparse
import os

from remotes.engine.storage import Remote, Remotes
from tracking.engine.add import plan
from tracking.engine.build import build
from tracking.engine.commit import write_dvcfile
from tracking.engine.errors import ConfigError, DataverError, RemoteError
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore
from tracking.engine.protocols import Io
from tracking.engine.record import replace
from tracking.engine.repo import Repo


def add_to_remote(repo: Repo, index: Index, args: argparse.Namespace, io: Io) -> None:
    """args: as `add` parses them, one target. Raises DataverError."""
    source, out = args.targets[0], args.out
    if "://" in source:
        raise DataverError(f"'{source}' cannot be read from here", hint="Download it first, then `dataver add --to-remote PATH`.")
    path = os.path.join(io.cwd, source)
    place = _place(index, path, out, io.cwd, args.force)
    stage = plan(index, [os.path.relpath(place, io.cwd)], io.cwd)[0].stage
    if not os.path.isdir(stage.wdir):
        raise DataverError(f"stage working dir '{stage.wdir}' does not exist", hint="Make the folder first.")
    if not os.path.exists(path):
        raise DataverError(f"[Errno 2] No such file or directory: '{path}'")
    remote, store = _open(repo, args.remote, io)
    with repo.paths_lock(io, write=[place]):
        inside = repo.contains(os.path.realpath(path))
        rel = repo.rel(os.path.realpath(path)) if inside else ""
        built = build(path, ignore=repo.ignore if inside else None, rel=rel, state=repo.state, store=store, progress=io.progress)
        old = next((item for item in stage.outs if item.abspath == place), None)
        if old is None:
            raise DataverError(f"'{repo.display(place)}' lies inside of a tracked folder", hint="Name the folder itself with -o to replace it.")
        new = replace(old, digest=built.digest, meta=built.meta, files=None, cloud=None)
        write_dvcfile(repo, replace(stage, outs=tuple(new if item is old else item for item in stage.outs)))


def _place(index: Index, path: str, out: str | None, cwd: str, force: bool) -> str:
    """Where the data would lie in the workspace."""
    name = os.path.basename(os.path.normpath(path))
    if not out:
        return os.path.normpath(os.path.join(cwd, name))
    place = os.path.normpath(os.path.join(cwd, out))
    if os.path.isdir(place) and place not in index.out_by_path:
        place = os.path.join(place, name)
    if os.path.lexists(place) and not force:
        raise DataverError(f"The file '{index.repo.display(place)}' already exists locally. \nTo override it, re-run with '--force'.")
    return place


def _open(repo: Repo, name: str | None, io: Io) -> tuple[Remote, LocalStore]:
    remotes = Remotes(repo, name, tool=io.tool, command="add")
    try:
        remote = remotes.get()
    except ConfigError as error:
        raise DataverError(f"config file error: {error}", error.hint) from error
    store = remotes.store(remote)
    if not isinstance(store, LocalStore):
        raise RemoteError(f"data cannot be sent straight to remote '{remote.name}'", hint="`dataver add`, then `dataver push`.")
    return remote, store
