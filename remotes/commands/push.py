"""Send cached data to a remote.

Only what the remote lacks is sent. Without targets: all data of the workspace; -a, -T and -A add
that of branches, tags and all commits. A folder counts as sent when all its files have arrived,
so a push may be interrupted and repeated at any time.
"""
from __future__ import annotations

from remotes.engine.arguments import add_transfer_arguments, expand_glob, naming_remote, request_from
from remotes.engine.exchange import failing_as, plural
from remotes.engine.push import push
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_transfer_arguments(parser, "send")
    parser.add_argument("--verify", action="store_true", help="look at what was sent once more: its size, and its hash where the storage tells it")
    parser.add_argument("--glob", action="store_true", help="targets are wildcard patterns")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with failing_as("failed to push data to the cloud - "), naming_remote(repo, args.targets):
        with repo.lock(io):
            count = 0
            if args.run_cache:
                from remotes.engine.runcache import push_runs

                count = push_runs(repo, args.remote, io)
            targets = expand_glob(args.targets, io.cwd) if args.glob else args.targets
            count += push(repo, request_from(args, targets), io, remote=args.remote, jobs=args.jobs, is_trusted=args.is_trusted, verify=args.verify)
            repo.close()
    io.info(plural(count, "pushed") if count else "Everything is up to date.")
    return 0
