"""Keep stages from being reproduced.

A frozen stage is not run again, whatever its deps do, until `unfreeze`. Works for stages of
dvc.yaml and for .dvc files (imports are frozen from the start).
"""
from __future__ import annotations

from pipelines.engine.freezing import set_target
from tracking.engine.errors import DataverError
from tracking.engine.hints import TYPE_CHECKING, Iterable
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", help="stages or .dvc files")


def run(args: argparse.Namespace, io: Io) -> int:
    return freeze_all(args.targets, True, io)


def freeze_all(targets: Iterable[str], frozen: bool, io: Io) -> int:
    """Freeze or unfreeze each target; 1 when one of them failed, the others are done all the same."""
    repo = Repo.open(io.cwd, io.settings)
    verb = "freeze" if frozen else "unfreeze"
    code = 0
    with repo.lock(io):
        for target in targets:
            try:
                stage = set_target(repo, target, frozen)
            except DataverError as exc:
                io.error(f"failed to {verb} '{target}' - {exc.message}")
                if exc.hint:
                    io.plain_error(exc.hint)
                code = 1
                continue
            if stage.name:
                io.info(f"Modifying stage '{stage.name}' in '{repo.display(stage.file)}'")
    repo.close()
    return code
