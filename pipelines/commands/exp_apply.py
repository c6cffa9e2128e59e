"""Bring an experiment into the workspace, as uncommitted changes.

The branch stays where it is. Files that Git tracks become those of the experiment, tracked data
is checked out. Uncommitted changes that this overwrites are kept: those of files in Git as a
stash, `git stash apply refs/exps/apply/stash`, those of data below .dvc/tmp/dataver/replaced.
"""
from __future__ import annotations

import os

from pipelines.engine.experiments.apply import apply
from tracking.engine.bring import checkout_failed
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.light import SUPPRESS
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", help="name, hash or full ref of an experiment, or a queued or failed run")
    parser.add_argument("--no-force", dest="force", action="store_false", help=SUPPRESS)


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if not args.force:
        io.info(
            "The --no-force option is deprecated and will be removed in a future DVC release. To revert the result of 'exp apply', run:\n"
            "\n\tgit reset --hard\n\tgit stash apply refs/exps/apply/stash\n"
        )
    with repo.lock(io):
        done = apply(repo, args.experiment, io)
        repo.close()
    if done.kept.overwritten:
        io.info(f"Uncommitted changes of {_some(done.kept.overwritten)} were kept. To see them: git stash show -p -u refs/exps/apply/stash")
    if done.rescued:
        io.info(f"Unsaved data of {_some(done.rescued)} was kept in '{os.path.relpath(done.rescue_dir, io.cwd)}'.")
    for path in done.brought.never_saved:
        io.warn(f"No file hash info found for '{path}'. It won't be created.")
    if done.brought.failed:
        raise checkout_failed(done.brought)
    io.print(f"Changes for experiment '{args.experiment}' have been applied to your current workspace.")
    return 0


def _some(paths: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{path}'" for path in paths[:SHOWN])
    return shown if len(paths) <= SHOWN else f"{shown} and {len(paths) - SHOWN} more files"
