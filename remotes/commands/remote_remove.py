"""Forget a remote: its settings go, what is stored there stays.

Settings of it in stronger levels (secrets in .dvc/config.local) go too, and it stops being
the default remote.
"""
from __future__ import annotations

from remotes.engine import remoteconfig
from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Forget a remote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("name", help="name of the remote")


def run(args: argparse.Namespace, io: Io) -> int:
    remoteconfig.remove(open_config(io), args.level or "repo", args.name)
    return 0
