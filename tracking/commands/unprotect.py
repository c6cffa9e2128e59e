"""Make linked files safe to edit: hard links, symbolic links and read-only files become plain copies."""
from __future__ import annotations

import os

from tracking.engine.checkout import unprotect
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", help="tracked files or folders")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        for target in args.targets:
            path = os.path.normpath(os.path.join(io.cwd, target))
            if not os.path.lexists(path):
                raise DataverError(f"can't unprotect non-existing data '{target}'", hint=f"`dataver checkout {target}` brings it back.")
            unprotect(path)
        repo.close()
    return 0
