"""Let frozen stages be reproduced again."""
from __future__ import annotations

from pipelines.commands.freeze import freeze_all
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

ERROR_EXIT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", help="stages or .dvc files")


def run(args: argparse.Namespace, io: Io) -> int:
    return freeze_all(args.targets, False, io)
