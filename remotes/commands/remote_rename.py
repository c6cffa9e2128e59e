"""Give a remote another name, in every level that mentions it."""
from __future__ import annotations

from remotes.engine import remoteconfig
from tracking.engine.configlevels import add_level_flags, open_config
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.protocols import Io

if TYPE_CHECKING:
    import argparse

HELP = "Rename a remote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_level_flags(parser)
    parser.add_argument("name", help="present name")
    parser.add_argument("new", help="new name")


def run(args: argparse.Namespace, io: Io) -> int:
    remoteconfig.rename(open_config(io), args.level or "repo", args.name, args.new)
    return 0
