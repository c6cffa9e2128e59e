"""What `dataver queue start` leaves running: starts workers and watches over them. Not called by people."""
from __future__ import annotations

from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io
from tracking.engine.repo import find_root

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace, io: Io) -> int:
    from pipelines.supervisor import Supervisor  # what the command line does not need

    return Supervisor(find_root(io.cwd), io).run()
