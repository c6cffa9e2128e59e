"""Pack Git commits and all the data they need into one file.

For sharing without a network, and as the supplement of a paper: whoever has the file has the project, its history and its data,
with `dataver bundle unpack`, or with tar, git and dvc alone. Without --rev it is the current commit; -a, -T, -A and --experiments add others.
All of their history is inside, and the data of these commits. What is not committed is not inside.

Every object is checked while it is packed. The same commits give the same bytes.
"""
from __future__ import annotations

import os

from remotes.engine.bundle.create import Created, Options, create
from remotes.engine.bundle.telling import amount
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo, find_root

if TYPE_CHECKING:
    import argparse

HELP = "Pack commits and their data into one file"
ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the file to make")
    parser.add_argument("--rev", action="append", default=[], metavar="REV", help="a revision instead of the current commit; may be given more than once")
    parser.add_argument("-a", "--all-branches", action="store_true", help="also the tips of all branches")
    parser.add_argument("-T", "--all-tags", action="store_true", help="also all tags")
    parser.add_argument("-A", "--all-commits", action="store_true", help="also the data of every commit of all branches and tags")
    parser.add_argument("--experiments", action="store_true", help="also all experiments, with their notes and tags")
    parser.add_argument("--run-cache", action="store_true", help="also what is remembered of earlier runs")
    parser.add_argument("--allow-missing", action="store_true", help="leave out data that the cache lacks")
    parser.add_argument("-f", "--force", action="store_true", help="replace a file of this name")
    parser.add_argument("--json", action="store_true", help="print what was packed as JSON")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo(find_root(io.cwd), io.settings)
    options = Options(
        revs=tuple(args.rev), branches=args.all_branches, tags=args.all_tags, commits=args.all_commits, experiments=args.experiments,
        run_cache=args.run_cache, allow_missing=args.allow_missing, force=args.force,
    )  # fmt: skip
    with repo.lock(io):
        created = create(repo, os.path.abspath(os.path.join(io.cwd, args.file)), options, io)
        repo.close()
    if args.json:
        io.json({"file": created.path, "bytes": created.size, **created.contents.as_json()})
    else:
        _tell(created, args, io, repo)
    return 0


def _tell(created: Created, args: argparse.Namespace, io: Io, repo: Repo) -> None:
    said = created.contents
    if said.missing:
        io.warn(f"{len(said.missing)} objects are not inside, because the cache lacks them.")
    if not args.rev and repo.scm is not None and repo.scm.status().is_dirty:
        io.warn("There are changes that are not committed; they are not inside.")
    io.info(f"Packed {amount(len(said.commits), 'commit')} and {amount(said.objects, 'object')} ({said.size} bytes) into '{args.file}' ({created.size} bytes).")
