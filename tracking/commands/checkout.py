"""Bring tracked data in line with the .dvc and dvc.lock files.

Run it after `git checkout` or `git pull`. Only files that differ are touched; content that the
cache does not hold is not overwritten without -f.
"""
from __future__ import annotations

from tracking.engine.bring import bring, change_lines, checkout_failed, count_text, wanted
from tracking.engine.errors import DataverError, OutputNotFound, StageNotFound
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import Index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.targets import Found, load_targets
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="tracked paths, .dvc files or stages (default: all)")
    parser.add_argument("--summary", action="store_true", help="print counts instead of paths")
    parser.add_argument("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets are folders: everything inside")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite unsaved changes")
    parser.add_argument("--relink", action="store_true", help="make links or copies anew, as cache.type says")
    parser.add_argument("--allow-missing", action="store_true", help="no error when the cache lacks something")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        index, found = _load(repo, args, io.cwd)
        ws = Workspace(repo, io.progress)
        wants = wanted(ws, found)
        with repo.paths_lock(io, write=[want.path for want in wants]):
            result = bring(ws, wants, force=args.force, relink=args.relink, confirm=io.confirm, unused=None if args.targets else index)
        repo.close()
    result.sort()
    if args.summary:
        io.info(count_text(result.files) or "No changes.")
    else:
        for line in change_lines(result):
            io.info(line)
    for path in result.never_saved:
        io.warn(f"No file hash info found for '{path}'. It won't be created.")
    if result.failed and not args.allow_missing:
        raise checkout_failed(result)
    if args.relink:
        io.info("Relinked successfully")
    return 0


def _load(repo: Repo, args: argparse.Namespace, cwd: str) -> tuple[Index, list[Found]]:
    try:
        return load_targets(repo, args.targets, cwd=cwd, recursive=args.recursive, with_deps=args.with_deps)
    except (OutputNotFound, StageNotFound) as exc:
        raise DataverError(f"{exc}\nDid you mean `git checkout {exc.target}`?") from exc
