"""Write a note to an experiment or a commit, or show it.

Notes are Git notes under `refs/notes/dataver`: `git log --notes=dataver` shows them, `git push REMOTE refs/notes/dataver`
shares them. They stay with the commit when an experiment is renamed or made a branch.
"""
from __future__ import annotations

from pipelines.engine.experiments.annotations import find_commit, read_one, write_note
from pipelines.engine.experiments.resolve import git_of
from tracking.engine.errors import UsageError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", help="name of an experiment, or any revision")
    parser.add_argument("text", nargs="?", help="the note, in place of what there is (without: show it)")
    parser.add_argument("--remove", action="store_true", help="take the note away")


def run(args: argparse.Namespace, io: Io) -> int:
    if args.remove and args.text is not None:
        raise UsageError("give a text or --remove, not both")
    repo = Repo.open(io.cwd, io.settings)
    git = git_of(repo)
    commit = find_commit(git, args.experiment)
    if args.text is None and not args.remove:
        io.print(read_one(git, commit).note)
        return 0
    with repo.lock(io):
        made = write_note(git, commit, args.text or "")
    io.info(f"Noted on {args.experiment}." if made.note else f"{args.experiment} has no note any more.")
    return 0
