"""Print the relative path from here to the root of the repository."""
from __future__ import annotations

import os

from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import find_root

if TYPE_CHECKING:
    import argparse

HELP = "Print the way to the project's root"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace, io: Io) -> int:
    io.print(os.path.relpath(find_root(io.cwd), os.path.realpath(io.cwd)))
    return 0
