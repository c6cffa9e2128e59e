"""Give experiments or commits tags, take tags away, or show them.

Tags are words of your own (`candidate`, `broken`); they are kept with the notes under `refs/notes/dataver` and are no tags of Git. Queries
find them as `tag:candidate`.
"""
from __future__ import annotations

from pipelines.engine.experiments.annotations import change_tags, find_commit, read_one
from pipelines.engine.experiments.resolve import git_of
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", help="name of an experiment, or any revision")
    parser.add_argument("tag", nargs="*", help="words to give (without any: show those there are)")
    parser.add_argument("--remove", action="append", default=[], metavar="TAG", help="take this one away; may be repeated")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    git = git_of(repo)
    commit = find_commit(git, args.experiment)
    if not (args.tag or args.remove):
        io.print("\n".join(read_one(git, commit).tags))
        return 0
    with repo.lock(io):
        made = change_tags(git, commit, args.tag, args.remove)
    io.info(f"Tags of {args.experiment}: {', '.join(made.tags) or 'none'}")
    return 0
