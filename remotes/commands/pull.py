"""Bring data from a remote and put it in place: `fetch`, then `checkout`.

Files in the workspace whose content is saved nowhere are not overwritten without -f.
"""
from __future__ import annotations

from remotes.engine.arguments import add_transfer_arguments, expand_glob, naming_remote, request_from
from remotes.engine.exchange import failing_as, note_no_remote
from remotes.engine.pull import Pulled, pull
from tracking.engine.bring import change_lines, checkout_failed, count_text
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_transfer_arguments(parser, "bring")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite unsaved changes")
    parser.add_argument("--glob", action="store_true", help="targets are wildcard patterns")
    parser.add_argument("--allow-missing", action="store_true", help="no error when something is nowhere to be found")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with failing_as("failed to pull data from the cloud - "), naming_remote(repo, args.targets):
        with repo.lock(io):
            if args.run_cache:
                from remotes.engine.runcache import fetch_runs

                fetch_runs(repo, args.remote, io)
            targets = expand_glob(args.targets, io.cwd) if args.glob else args.targets
            pulled = pull(repo, request_from(args, targets), io, remote=args.remote, jobs=args.jobs, force=args.force, is_trusted=args.is_trusted)
            repo.close()
        _show(pulled, repo, args.remote, io)
        if pulled.brought.failed and not args.allow_missing:
            raise checkout_failed(pulled.brought)
    return 0


def _show(pulled: Pulled, repo: Repo, remote: str | None, io: Io) -> None:
    for line in change_lines(pulled.brought):
        io.info(line)
    for path in pulled.brought.never_saved:
        io.warn(f"No file hash info found for '{path}'. It won't be created.")
    note_no_remote(repo, remote, io)
    io.info(count_text({"fetched": pulled.fetched, **pulled.brought.files}) or "Everything is up to date.")
