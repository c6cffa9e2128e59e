"""Bring data from a remote into the cache, without touching the workspace.

Without targets: all data of the workspace; -a, -T and -A add that of branches, tags and all
commits. `checkout` then puts it in place, `pull` does both.
"""
from __future__ import annotations

from remotes.engine.arguments import add_transfer_arguments, naming_remote, request_from
from remotes.engine.exchange import failing_as, note_no_remote, plural
from remotes.engine.fetch import fetch
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_transfer_arguments(parser, "bring")
    parser.add_argument("--max-size", type=int, metavar="BYTES", help="leave out files and folders of this size or larger")
    parser.add_argument("--type", dest="types", action="append", default=[], choices=["metrics", "plots"], help="only metrics or plots (may be given twice)")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with failing_as("failed to fetch data from the cloud - "), naming_remote(repo, args.targets):
        with repo.lock(io):
            if args.run_cache:
                from remotes.engine.runcache import fetch_runs

                fetch_runs(repo, args.remote, io)
            count = fetch(repo, request_from(args, args.targets), io, remote=args.remote, jobs=args.jobs, max_size=args.max_size, types=args.types, is_trusted=args.is_trusted)
            repo.close()
    note_no_remote(repo, args.remote, io)
    io.info(plural(count, "fetched") if count else "Everything is up to date.")
    return 0
