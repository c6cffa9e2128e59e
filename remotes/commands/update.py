"""Bring imports up to date with where they came from.

Targets are .dvc files of imports. Those of other repositories move to the newest commit of
their revision, or to the one --rev names; those of URLs are brought again when their source
changed.
"""
from __future__ import annotations

from remotes.engine.exchange import failing_as
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", help=".dvc files of imports")
    parser.add_argument("--rev", nargs="?", metavar="REV", help="commit, branch or tag to move to")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets may be folders: every import inside")
    parser.add_argument("--no-download", action="store_true", help="only note the new state in the .dvc files")
    parser.add_argument("--to-remote", action="store_true", help="send new data straight to a remote, without a local copy")
    parser.add_argument("-r", "--remote", metavar="NAME", help="the remote for --to-remote")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="transfers at once")


def run(args: argparse.Namespace, io: Io) -> int:
    from remotes.engine.updating import Options, update

    repo = Repo.open(io.cwd, io.settings)
    options = Options(tuple(args.targets), args.recursive, args.rev, args.no_download, args.to_remote, args.remote, args.jobs)
    with failing_as("failed update data - "):
        with repo.lock(io):
            update(repo, options, io)
            repo.close()
    return 0
