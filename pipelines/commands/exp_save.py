"""Save the workspace as an experiment, without running anything.

Outs are recorded as `commit -f` does; then everything Git tracks, and the files the pipeline
names, become an experiment on top of the last commit. Branch and workspace stay as they are.
"""
from __future__ import annotations

from pipelines.engine.experiments.save import save_experiment
from tracking.engine.errors import DataverError, NotARepository
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.light import SUPPRESS
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="record only the outs of these stages and .dvc files")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets are folders: all stages inside")
    parser.add_argument("-f", "--force", action="store_true", help="replace an experiment of that name")
    parser.add_argument("--json", action="store_true", help="print the commit as JSON")
    parser.add_argument("-n", "--name", metavar="NAME", help="name of the experiment (default: two random words)")
    parser.add_argument("-I", "--include-untracked", action="append", default=[], metavar="PATH", help="also this path, which Git does not track")
    parser.add_argument("-m", "--message", metavar="TEXT", help="message of the experiment's commit")
    parser.add_argument("-M", dest="message", help=SUPPRESS)


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    try:
        commit, ref = save_experiment(
            repo, io, args.targets, name=args.name, recursive=args.recursive, force=args.force,
            include_untracked=args.include_untracked, message=args.message,
        )  # fmt: skip
    except NotARepository:
        raise
    except DataverError as exc:
        raise DataverError(f"failed to save experiment - {exc.message}", exc.hint) from exc
    if args.json:
        io.json({"ref": commit})
    else:
        io.info(f"Experiment has been saved as: {ref.name}")
    return 0
