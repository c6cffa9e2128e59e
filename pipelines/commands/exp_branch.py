"""Make a Git branch of an experiment, to share it or to go on from it."""
from __future__ import annotations

from pipelines.engine.experiments.branch import make_branch
from pipelines.engine.experiments.resolve import git_of
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", help="name, hash or full ref")
    parser.add_argument("branch", nargs="?", help="name of the branch (default: EXPERIMENT-branch)")


def run(args: argparse.Namespace, io: Io) -> int:
    branch, ref = make_branch(git_of(Repo.open(io.cwd, io.settings)), args.experiment, args.branch)
    io.info(f"Git branch '{branch}' has been created from experiment '{ref.name}'.\nTo switch to the new branch run:\n\n\tgit checkout {branch}")
    return 0
