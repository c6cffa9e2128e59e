"""Record the present state of tracked data and stages, as if they had just been run.

Use it after editing tracked data by hand, or after a run with --no-commit. Asks before it
accepts changed deps; -f answers yes.
"""
from __future__ import annotations

from pipelines.engine.commit import commit
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.targets import load_targets
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="stages, .dvc files or tracked paths (default: all)")
    parser.add_argument("-f", "--force", action="store_true", help="accept changes without asking")
    parser.add_argument("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    parser.add_argument("-R", "--recursive", action="store_true", help="targets are folders: everything inside")
    parser.add_argument("--no-relink", dest="relink", action="store_false", help="leave workspace files as they are")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        for target in args.targets or [None]:
            try:
                _, found = load_targets(repo, [target] if target else [], cwd=io.cwd, recursive=args.recursive, with_deps=args.with_deps)
                paths = [out.abspath for item in found for out in item.stage.outs if out.abspath]
                with repo.paths_lock(io, write=paths):
                    commit(Workspace(repo, io.progress), found, force=args.force, relink=args.relink, io=io)
            except DataverError as exc:
                exc.message = f"failed to commit{' ' + target if target else ''} - {exc.message}"
                raise
        repo.tracker.flush()  # nothing is staged or hinted at, as the contract has it
        repo.close()
    return 0
