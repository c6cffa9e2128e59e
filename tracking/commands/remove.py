"""Stop tracking data, or delete a stage from dvc.yaml.

A target is a .dvc file or a stage. The data itself stays where it is, unless --outs is given.
"""
from __future__ import annotations

from tracking.engine import remove as engine
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", help=".dvc files or stages")
    parser.add_argument("--outs", action="store_true", help="delete the data too")
    parser.add_argument("-f", "--force", action="store_true", help="with --outs: also outs outside of the repository")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        for target in args.targets:
            # a broken file elsewhere is no reason to keep this one; a broken target is read again, and refused
            index = load_index(repo, onerror=lambda rel, error: None)
            stages = engine.find_stages(index, target, io.cwd)
            with repo.paths_lock(io, write=[out.abspath for stage in stages for out in stage.outs if out.abspath]):
                for stage in stages:
                    engine.remove(repo, stage, outs=args.outs, force=args.force)
        repo.close()  # nothing is staged or hinted at, as the contract has it
    return 0
