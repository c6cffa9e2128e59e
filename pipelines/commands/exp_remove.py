"""Remove experiments and queued runs.

For a week they can be brought back: `exp remove --undo` brings back what the last removal took,
`exp remove --undo NAME` one of them. What runs now is not removed: see `queue kill`.
"""
from __future__ import annotations

from pipelines.engine.experiments.arguments import add_selection, joined, selection_from
from pipelines.engine.experiments.remove import Request, remove, shown_name, undo
from pipelines.engine.experiments.resolve import git_of
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", nargs="*", help="names, full refs, or ids of queue entries")
    add_selection(parser, default=False)
    parser.add_argument("--keep", action="store_true", help="remove all experiments but those")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--queue", action="store_true", help="everything that waits in the queue")
    group.add_argument("-g", "--git-remote", metavar="REMOTE", help="remove them in this Git remote (name or URL), not here")
    parser.add_argument("--undo", action="store_true", help="bring back what was removed last, or the experiments named")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if args.undo:
        return _undo(repo, args, io)
    if bool(args.all_commits or args.rev or args.queue) == bool(args.experiment):
        raise DataverError("Either provide an `experiment` argument, or use the `--rev` or `--all-commits` or `--queue` flag.")
    selection = selection_from(args) if args.rev or args.all_commits else None
    with repo.lock(io):
        removed = remove(repo, Request(tuple(args.experiment), selection, args.queue, args.keep, args.git_remote))
    io.print(f"Removed experiments: {joined([repr(name) for name in removed])}" if removed else "No experiments to remove.")
    return 0


def _undo(repo: Repo, args: argparse.Namespace, io: Io) -> int:
    git = git_of(repo)
    with repo.lock(io):
        back = undo(git, args.experiment)
    io.print(f"Brought back experiments: {joined([repr(shown_name(git, item)) for item in back])}" if back else "Nothing was removed in the last 7 days.")
    return 0
