"""Give an experiment another name, here or in another Git repository."""
from __future__ import annotations

from pipelines.engine.experiments.rename import rename
from pipelines.engine.experiments.resolve import git_of
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", nargs="?", help="its present name, or its full ref")
    parser.add_argument("name", help="the new name")
    parser.add_argument("-g", "--git-remote", metavar="REMOTE", help="rename it in this Git remote (name or URL), not here")
    parser.add_argument("-f", "--force", action="store_true", help="replace an experiment that has the new name")


def run(args: argparse.Namespace, io: Io) -> int:
    if not (args.experiment and args.name):
        raise DataverError("An experiment to rename and a new experiment name are required.")
    git = git_of(Repo.open(io.cwd, io.settings))
    if rename(git, args.experiment, args.name, git_remote=args.git_remote, force=args.force):
        io.print(f"Renamed experiments: {args.experiment!r}")
    else:
        io.print("No experiments to rename.")
    return 0
