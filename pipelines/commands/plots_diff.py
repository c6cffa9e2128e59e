"""Draw plots of several revisions into one picture each.

One revision is compared with the workspace; without any, a workspace that differs from the
last commit is compared with it.
"""
from __future__ import annotations

from pipelines.commands.plots_show import add_output_arguments, add_style_arguments, show
from pipelines.engine.plots.collect import compared_revisions
from pipelines.engine.revisions import NO_GIT
from tracking.engine.errors import GitError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("revisions", nargs="*", metavar="rev", help="commits, branches, tags or experiments")
    parser.add_argument("--targets", nargs="*", default=[], metavar="PATH", help="plots to draw: ids of dvc.yaml, or files, tracked or not (default: all)")
    parser.add_argument("-e", "--experiment", action="store_true", help="compare one experiment with the commit it started from")
    add_style_arguments(parser)
    add_output_arguments(parser)


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open_or_bare(io.cwd, io.settings)
    if repo.scm is None:
        raise GitError(NO_GIT)
    revs = None if repo.scm.head_commit() is None else compared_revisions(repo, args.revisions, args.experiment)
    return show(args, io, repo, args.targets, revs)
