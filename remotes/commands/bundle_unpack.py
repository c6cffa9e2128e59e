"""Unpack what `dataver bundle create` packed.

Into a new FOLDER: a Git repository with the project, its data in the cache, checked out. Into a project that is there (FOLDER, or without one
the current folder): commits become branches below `bundle/`, as `git fetch` has them of a remote, and data goes into the cache; the workspace stays as it is.

Every object is checked before it is kept. Nothing of the project is run.
"""
from __future__ import annotations

import os

from remotes.engine.bundle.reading import BundleFile
from remotes.engine.bundle.telling import amount, printable
from remotes.engine.bundle.unpack import Unpacked, unpack_into, unpack_new
from tracking.engine.errors import DataverError, NotARepository
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo, find_root

if TYPE_CHECKING:
    import argparse

HELP = "Unpack a bundle into a new folder or a project"
ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the bundle")
    parser.add_argument("folder", nargs="?", help="new or empty, or a project; by default the project around, else a folder named like the file")
    parser.add_argument("--run-cache", action="store_true", help="also what is remembered of earlier runs, when it is inside: only from whom you trust")
    parser.add_argument("--json", action="store_true", help="print what was unpacked as JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    with BundleFile(os.path.join(io.cwd, args.file), args.file) as bundle:
        root = _project(args, io)
        if root is not None:
            repo = Repo(root, io.settings)
            with repo.lock(io):
                result = unpack_into(bundle, repo, io, run_cache=args.run_cache)
                repo.close()
        else:
            folder = os.path.abspath(os.path.join(io.cwd, args.folder or _name_of(args.file)))
            result = unpack_new(bundle, os.path.join(os.path.realpath(os.path.dirname(folder)), os.path.basename(folder)), io, run_cache=args.run_cache)
        if args.json:
            io.json({
                "folder": result.folder, "new": result.is_new, "refs": result.refs, "moved": result.moved, "added": result.added, "present": result.present,
                "size": result.size, "runs": result.runs, "missing": [{"path": item.path, "oid": item.oid} for item in bundle.contents.missing], "failed": result.failed,
            })  # fmt: skip
        else:
            _tell(bundle, result, io)
    return ERROR_EXIT if result.failed and not bundle.contents.missing else 0


def _project(args: argparse.Namespace, io: Io) -> str | None:
    """The root of the project to add to, None for a new folder."""
    if args.folder is None:
        try:
            return find_root(io.cwd)
        except NotARepository:
            return None
    folder = os.path.join(io.cwd, args.folder)
    if not os.path.isdir(folder) or not os.listdir(folder):
        return None
    try:
        return find_root(folder)
    except NotARepository as exc:
        raise DataverError(f"'{args.folder}' is neither empty nor a project", hint="Choose a new folder.") from exc


def _name_of(file: str) -> str:
    name = os.path.basename(file)
    stem = os.path.splitext(name)[0]
    return stem if stem and stem != name else f"{name}-project"


def _tell(bundle: BundleFile, result: Unpacked, io: Io) -> None:
    for ref, place in result.moved.items():
        io.warn(f"'{printable(ref)}' means something else here; that of the bundle is '{printable(place)}'")
    for path in result.failed:
        io.warn(f"'{printable(path)}' could not be checked out: its data is not inside")
    if bundle.contents.missing:
        io.warn(f"{amount(len(bundle.contents.missing), 'object')} of these commits are not inside; `dataver bundle list` names them.")
    io.info(f"{amount(result.added, 'object')} added, {result.present} there already ({result.size} bytes).")
    if result.is_new:
        io.info(f"The project is in '{result.folder}'.")
        return
    branches = sorted(ref.removeprefix("refs/remotes/") for ref in result.refs if ref.startswith("refs/remotes/bundle/"))
    if branches:
        io.info(f"Its commits are here as {', '.join(map(printable, branches[:5]))}{' and more' if len(branches) > 5 else ''}: `git merge` or `git switch`, then `dataver checkout`.")
