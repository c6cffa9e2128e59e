"""Rename tracked data together with its .dvc file and .gitignore entry."""
from __future__ import annotations

from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.move import move
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("src", help="tracked file or folder")
    parser.add_argument("dst", help="new name, or the folder to move into")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        try:
            move(Workspace(repo, io.progress), load_index(repo), args.src, args.dst, io.cwd, io.warn)
        except DataverError as exc:
            exc.message = f"failed to move '{args.src}' -> '{args.dst}' - {exc.message}"
            raise
        repo.tracker.report(io)
        repo.close()
    return 0
